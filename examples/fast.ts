/**
 * Runs another program in the processor's fast mode: `deno task fast` starts Deno with V8 flags that join vectors
 * of four to vectors of eight and leave out the checks of memory accesses.
 *
 * ```sh
 * deno task fast train --data scans/dataset.json
 * ```
 *
 * @module
 */

import { type Command, main, UsageError } from "./command.ts";

const programs: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  train: () => import("./train.ts"),
  predict: () => import("./predict.ts"),
  robustness: () => import("./robustness.ts"),
  calibration: () => import("./calibration.ts"),
};

/** What `deno task fast` does without the name of a program. */
const unknown: Command = {
  name: "fast",
  summary: `Runs one of ${Object.keys(programs).join(", ")} in the processor's fast mode.`,
  options: {},
  positional: "PROGRAM",
  examples: ["train --data scans/", "predict --help"],
  run: (_, [name]) => {
    throw new UsageError(
      `fast: no program ${name ?? "is named"}`,
      `Name one of ${Object.keys(programs).join(", ")}, then its options.`,
    );
  },
};

if (import.meta.main) {
  const [name, ...rest] = Deno.args;
  const program = Object.hasOwn(programs, name ?? "") ? programs[name!] : undefined;
  if (program) await main((await program()).command, rest);
  else await main(unknown);
}
