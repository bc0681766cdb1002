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
import { exportHtml, exportOnnx, pythonExample, writeAtomically } from "../model/mod.ts";
import { CodedError } from "../tensor/errors.ts";
import { type Command, main, requiredText, type Result, text, UsageError, type Values } from "./command.ts";
import { prepareOutputs } from "./outputs.ts";
import { readCheckpoints } from "./read_checkpoints.ts";

/** What `deno task export` does. */
export const command: Command = {
  name: "export",
  summary:
    "Writes trained networks in a form that needs no Deno. A page (html) opens in any browser, without a network: drop\n" +
    "scans on it, see and save the segmentation that predict gives; no scan leaves the computer. A model (onnx) takes a\n" +
    "window of each scan and gives the probability of each class; how scans become windows is in its metadata, and a\n" +
    "program in Python beside it shows its use.",
  options: {
    checkpoint: { value: "FILE", multiple: true, help: "best.safetensors of a run; several are averaged" },
    format: { value: "NAME", help: "html or onnx" },
    out: { value: "FILE", help: "file to write" },
    title: { value: "TEXT", help: "title of the page", default: "name of the file" },
    overwrite: { help: "replace an existing file" },
  },
  examples: [
    "--checkpoint runs/cmc-seed0/checkpoints/best.safetensors --format html --out segment.html",
    "--checkpoint runs/cmc-seed0/checkpoints/best.safetensors --format onnx --out segment.onnx",
  ],
  run,
};

/** What is written, by file. */
type Written = ReadonlyMap<string, Uint8Array>;

async function html(out: string, checkpoints: Written, title: string | undefined): Promise<Written> {
  const page = await exportHtml(checkpoints, title ?? basename(out).replace(/\.html?$/i, ""));
  return new Map([[out, new TextEncoder().encode(page)]]);
}

function onnx(out: string, program: string, checkpoints: Written): Written {
  const [checkpoint, ...others] = checkpoints.values();
  if (others.length > 0) throw new UsageError("an ONNX model holds one network: give one --checkpoint");
  const text = pythonExample(basename(out));
  return new Map([[out, exportOnnx(checkpoint!)], [program, new TextEncoder().encode(text)]]);
}

async function make(
  format: "html" | "onnx",
  out: string,
  program: string,
  checkpoints: Written,
  title: string | undefined,
): Promise<Written> {
  try {
    return format === "html" ? await html(out, checkpoints, title) : onnx(out, program, checkpoints);
  } catch (cause) {
    if (!(cause instanceof CodedError) || cause.code !== "method.unknown") throw cause;
    throw new CodedError(cause.code, `${cause.message} that can be exported`, {
      cause,
      fix: "A network of a method of your own is not exported; predict takes it, with --method FILE.",
    });
  }
}

async function run(values: Values): Promise<Result> {
  const out = requiredText(values, "out"), format = requiredText(values, "format");
  if (format !== "html" && format !== "onnx") {
    throw new UsageError(`--format ${format}: expected html or onnx`);
  }
  const checkpoints = await readCheckpoints(values), program = `${out.replace(/\.onnx$/i, "")}.py`;
  const planned = format === "html" ? [out] : [out, program];
  await prepareOutputs(planned, [...checkpoints.keys()]);
  for (const path of planned) {
    if (!values.overwrite && await Deno.lstat(path).then(() => true, () => false)) {
      throw new CodedError("io.exists", `${path} is there already`, {
        fix: "Choose another name with --out, or replace it with --overwrite.",
      });
    }
  }
  const files = await make(format, out, program, checkpoints, text(values, "title"));
  for (const [path, bytes] of files) await writeAtomically(path, bytes);
  const written = [...files].map(([file, { length }]) => ({ file, bytes: length }));
  const lines = written.map(({ file, bytes }) => `${file}: ${Math.ceil(bytes / 1000)} kB`);
  return { text: lines.join("\n"), json: { format, written } };
}

if (import.meta.main) await main(command);
