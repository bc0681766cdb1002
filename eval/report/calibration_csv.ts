import { csvText, parseCsv } from "../csv.ts";
import { EvalError } from "../errors.ts";
import type { CalibrationCounts } from "../metrics/calibration.ts";

const columns = ["modality", "bin", "n", "right", "sure"] as const;

/** Calibration counts by modality as CSV, a row a bin. */
export function calibrationCsv(counts: ReadonlyMap<string, CalibrationCounts>): string {
  return csvText([
    columns,
    ...[...counts].flatMap(([modality, { n, right, sure }]) =>
      n.map((count, bin) => [modality, bin, count, right[bin]!, sure[bin]!])
    ),
  ]);
}

/**
 * Reads the text of a `calibration.csv` back.
 *
 * @throws {EvalError} `eval.csv`, and `eval.calibration` with the row for what is no count
 */
export function parseCalibrationCsv(csv: string, file: string): Map<string, CalibrationCounts> {
  const { columns: found, rows } = parseCsv(csv, file);
  if (found.join() !== columns.join()) {
    throw new EvalError(
      "eval.calibration",
      `${file}: columns are [${found.join(", ")}]; expected [${columns.join(", ")}]`,
      {
        fix: "Give the file that `deno task calibration` wrote.",
      },
    );
  }
  const counts = new Map<string, { n: number[]; right: number[]; sure: number[] }>();
  rows.forEach(([modality, ...fields], i) => {
    const [bin, n, right, sure] = fields.map(Number);
    const own = counts.get(modality!) ?? { n: [], right: [], sure: [] };
    if (
      fields.includes("") || ![n, right, sure].every((x) => x! >= 0 && Number.isFinite(x)) ||
      bin !== own.n.length
    ) {
      throw new EvalError(
        "eval.calibration",
        `${file}: row ${i + 1} below the header is no bin: ${fields.join(", ")}`,
        {
          fix: "The file was damaged or edited; write it anew with `deno task calibration`.",
        },
      );
    }
    own.n.push(n!);
    own.right.push(right!);
    own.sure.push(sure!);
    counts.set(modality!, own);
  });
  return counts;
}
