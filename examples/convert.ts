/**
 * Converts a published file of weights to safetensors, which `train --init` takes.
 *
 * ```sh
 * deno task convert --in sam_med3d_turbo.pth --out sam_med3d.safetensors --layout sam-med3d
 * ```
 *
 * @module
 */

import { convertWeights, fileSource, layoutNamed, layouts, writeAtomically } from "../model/mod.ts";
import { CodedError } from "../tensor/errors.ts";
import { type Command, main, requiredText, type Result, type Values } from "./command.ts";
import { prepareOutputs } from "./outputs.ts";

/** What `deno task convert` does. */
export const command: Command = {
  name: "convert",
  summary:
    "Reads a PyTorch checkpoint (.pth) without running what is in it, or safetensors, checks every name and shape, and writes safetensors.",
  options: {
    in: { value: "FILE", help: "PyTorch checkpoint or safetensors" },
    out: { value: "FILE", help: "safetensors to write" },
    layout: {
      value: "NAME",
      help: Object.values(layouts).map(({ name, summary }) => `${name} (${summary})`).join(", "),
    },
    overwrite: { help: "replace an existing file" },
  },
  examples: [
    "--in sam_med3d.pth --out sam_med3d.safetensors --layout sam-med3d",
    "--in old.safetensors --out new.safetensors --layout cmc-released --overwrite",
  ],
  run,
};

async function run(values: Values): Promise<Result> {
  const [input, output] = [requiredText(values, "in"), requiredText(values, "out")];
  const layout = layoutNamed(requiredText(values, "layout"));
  await refuseExisting(output, values.overwrite === true);
  await prepareOutputs([output], [input]);
  using source = open(input);
  const { bytes, tensors, values: count, leftOut } = convertWeights(source, layout);
  await writeAtomically(output, bytes);
  const text = `${output}: ${tensors} tensors, ${count.toLocaleString("en")} values; left out of ${input}: ${
    leftOut.length === 0 ? "nothing" : `${leftOut.length} tensors (${summary(leftOut)})`
  }`;
  return { text, json: { out: output, layout: layout.name, tensors, values: count, leftOut } };
}

function open(path: string): ReturnType<typeof fileSource> {
  try {
    return fileSource(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new CodedError("io.missing", `there is no file ${path}`, { fix: "Check the path.", cause });
  }
}

async function refuseExisting(path: string, isAllowed: boolean): Promise<void> {
  const exists = await Deno.lstat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
  if (!exists || isAllowed) return;
  throw new CodedError("io.exists", `${path} exists`, { fix: "Choose another --out, or add --overwrite." });
}

/** The first parts of names, each once. */
function summary(names: readonly string[]): string {
  const parts = [...new Set(names.map((name) => name.split(".")[0]!))];
  return parts.length > 6 ? `${parts.slice(0, 6).join(", ")}, …` : parts.join(", ");
}

if (import.meta.main) await main(command);
