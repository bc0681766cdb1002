/** The one table of `--gpu`: ours beside PyTorch on CUDA, and shares of what the card can do. */

import type { Measurement } from "./measure_row.ts";
import { gpuNames, rehearsalNames, type WorkloadName } from "./names.ts";
import type { Row } from "./report.ts";
import { reasons } from "./report.ts";
import { markdownTable, short } from "./table.ts";

/** The card, by its data sheet. */
export interface Card {
  /** Most f32 operations, in TFLOP/s. */
  readonly peak?: number | undefined;
  /** Memory bandwidth, in GB/s. */
  readonly bandwidth?: number | undefined;
}

const mebi = 2 ** 20, normed = 2 * 32 * 64 ** 3;

/** Bytes that a run must at least move: each array once for each time it is needed as a whole. */
const leastBytes: Readonly<Partial<Record<WorkloadName, number>>> = {
  "GELU 64 M forward": 64 * mebi * (4 + 4),
  "GELU 64 M forward, f16 storage": 64 * mebi * (2 + 2),
  // x and y forward; g, x and the gradient backward.
  "instance norm 32×64³ forward + backward": normed * 5 * 4,
  "instance norm 32×64³ forward + backward, f16 storage": normed * 5 * 2,
};

const halfSuffix = ", f16 storage";

/** The rows of the table in their order of importance, with what is not there explained below. */
export function gpuTable(rows: readonly Row[], programs: readonly string[], card: Card): string {
  const found = (row: Row | undefined, name: string): Measurement | undefined => {
    const outcome = row?.outcomes[name];
    return outcome && !("refused" in outcome) ? outcome : undefined;
  };
  const ratio = (theirs: Measurement | undefined, own: Measurement | undefined) =>
    theirs && own ? `${short(theirs.wall / own.wall)}×` : "–";
  const share = (part: number, whole: number | undefined) =>
    whole === undefined || part === 0 ? "–" : `${(100 * part / whole).toFixed(1)} %`;
  const peers = programs.filter((name) => name !== "ours");
  const lines = rows.map((row) => {
    const own = found(row, "ours"), bytes = leastBytes[row.workload] ?? 0;
    const single = row.workload.endsWith(halfSuffix)
      ? rows.find(({ workload }) => workload === row.workload.slice(0, -halfSuffix.length))
      : undefined;
    return [
      row.workload,
      own ? short(own.wall) : "–",
      own && row.operations > 0 ? short(row.operations / own.wall / 1e9) : "–",
      own ? share(row.operations / own.wall / 1e9, card.peak) : "–",
      own ? share(bytes / own.wall / 1e6, card.bandwidth) : "–",
      ratio(found(single, "ours"), own),
      ...peers.map((name) => {
        const theirs = found(row, name);
        return theirs ? `${short(theirs.wall)} (${ratio(theirs, own)})` : "–";
      }),
    ];
  });
  const head = ["workload", "ours, ms", "TFLOP/s", "of peak", "of bandwidth", "as fast as f32"];
  const notes = reasons(rows, programs);
  return `${notes && `Not measured:\n\n${notes}\n\n`}${
    markdownTable([...head, ...peers.map((name) => `${name}, ms (ours as fast)`)], lines)
  }\n`;
}

/** Rows of the preset. */
export const presetNames = (isRehearsal: boolean): readonly WorkloadName[] =>
  isRehearsal ? rehearsalNames : gpuNames;
