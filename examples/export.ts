/**
 * Writes trained networks in a form that needs no Deno: one page for any browser, or an ONNX model.
 *
 * ```sh
 * deno task export --checkpoint runs/cmc-seed0/checkpoints/best.safetensors --format html --out segment.html
 * ```
 *
 * @module
 */

import { basename } from "node:path";
import { exportHtml, writeAtomically } from "../model/mod.ts";
import { CodedError } from "../tensor/errors.ts";
import { type Command, main, requiredText, type Result, text, UsageError, type Values } from "./command.ts";
import { prepareOutputs } from "./outputs.ts";
import { readCheckpoints } from "./read_checkpoints.ts";

/** What `deno task export` does. */
export const command: Command = {
  name: "export",
  summary:
    "Writes trained networks in a form that needs no Deno. A page (html) opens in any browser, without a network: drop\n" +
    "scans on it, see and save the segmentation that predict gives; no scan leaves the computer.",
  options: {
    checkpoint: { value: "FILE", multiple: true, help: "best.safetensors of a run; several are averaged" },
    format: { value: "NAME", help: "html" },
    out: { value: "FILE", help: "file to write" },
    title: { value: "TEXT", help: "title of the page", default: "name of the file" },
    overwrite: { help: "replace an existing file" },
  },
  examples: [
    "--checkpoint runs/cmc-seed0/checkpoints/best.safetensors --format html --out segment.html",
    "--checkpoint a.safetensors --checkpoint b.safetensors --format html --out both.html --title Hippocampus",
  ],
  run,
};

async function run(values: Values): Promise<Result> {
  const out = requiredText(values, "out"), format = requiredText(values, "format");
  if (format !== "html") throw new UsageError(`--format ${format}: expected html`);
  const checkpoints = await readCheckpoints(values);
  await prepareOutputs([out], [...checkpoints.keys()]);
  if (!values.overwrite && await Deno.lstat(out).then(() => true, () => false)) {
    throw new CodedError("io.exists", `${out} is there already`, {
      fix: "Choose another name with --out, or replace it with --overwrite.",
    });
  }
  const page = await exportHtml(checkpoints, text(values, "title") ?? basename(out).replace(/\.html?$/i, ""));
  const bytes = new TextEncoder().encode(page);
  await writeAtomically(out, bytes);
  return {
    text: `${out}: ${(bytes.length / 1e6).toFixed(1)} MB`,
    json: { out, format, bytes: bytes.length },
  };
}

if (import.meta.main) await main(command);
