/**
 * Finds everything that is wrong with a data set, in one pass. Exit code 1 when there are errors.
 *
 * ```sh
 * deno task verify data/brats
 * ```
 *
 * @module
 */

import { type Verification, verifyDataset, verifyRecipe } from "../data/mod.ts";
import { type Command, main, numbers, type Result, text, UsageError, type Values } from "./command.ts";

/** What `deno task verify` does. */
export const command: Command = {
  name: "verify",
  summary: "Checks every file of a data set, how they fit together, and the split.",
  positional: "DIR|MANIFEST",
  options: {
    recipe: { value: "FILE", help: "file-name pattern (JSON) that makes a manifest of the folder" },
    patch: { value: "D,H,W", help: "also say whether volumes are smaller than such a training patch" },
  },
  examples: [
    "scans/",
    "scans/ --patch 32,32,32 --json",
  ],
  run,
};

async function run(values: Values, positionals: readonly string[]): Promise<Result> {
  const [path, ...rest] = positionals;
  if (path === undefined || rest.length > 0) {
    throw new UsageError("expected one folder or manifest", "deno task verify DIR");
  }
  const recipe = text(values, "recipe");
  const patch = numbers(values, "patch", 3) as [number, number, number] | undefined;
  const options = patch === undefined ? {} : { patch };
  const found = recipe === undefined
    ? await verifyDataset(path, options)
    : await verifyRecipe(recipe, path, options);
  const errors = found.problems.filter(({ severity }) => severity === "error").length;
  return { text: lines(found, errors), json: found, exitCode: errors > 0 ? 1 : 0 };
}

function lines({ checked, problems }: Verification, errors: number): string {
  const each = problems.map(({ severity, code, message, fix }) =>
    `${severity}[${code}]: ${message}${fix === undefined ? "" : `\n  ${fix}`}`
  );
  return [...each, `${checked} checked: ${errors} errors, ${problems.length - errors} warnings`].join("\n");
}

if (import.meta.main) await main(command);
