/**
 * From a published file of weights to safetensors with the names of the networks here. Nothing is converted unless
 * everything is as it should be.
 *
 * @module
 */

import { ParameterFileError } from "../../tensor/errors.ts";
import { decodeSafetensors, encodeSafetensors, type SafeTensor } from "../../tensor/safetensors.ts";
import { sameShape, type Shape, shapeText } from "../../tensor/shape.ts";
import type { ByteSource } from "./byte_source.ts";
import type { Layout } from "./layouts.ts";
import type { PickleValue } from "./pickle.ts";
import { isLegacy, readPyTorch, StoredTensor } from "./pytorch.ts";
import { isZip } from "./zip.ts";

/** Converted weights. */
export interface Converted {
  /** The new file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Number of tensors in it. */
  readonly tensors: number;
  /** Number of values in it. */
  readonly values: number;
  /** Names in the old file that no network here reads. */
  readonly leftOut: readonly string[];
}

/** Key in the metadata of a converted file that names its layout. */
export const layoutKey = "cmc-layout";

function refuse(code: string, problem: string, fix: string): never {
  throw new ParameterFileError(`weights.${code}`, problem, { fix });
}

/** The tensors of a file by their names there. */
function readTensors(source: ByteSource, roots: readonly string[]): Map<string, StoredTensor> {
  if (isZip(source)) return tensorsIn(readPyTorch(source), source.name, roots);
  if (isLegacy(source)) {
    refuse(
      "legacy",
      `${source.name} is a checkpoint as PyTorch wrote them before version 1.6, a pickle and nothing else`,
      "Save it anew with a later PyTorch: torch.save(torch.load(FILE), NEW_FILE).",
    );
  }
  const start = source.size >= 9 ? source.read(8, 1)[0] : 0;
  if (start !== 0x7b) {
    refuse(
      "format",
      `${source.name} is neither a PyTorch checkpoint nor a safetensors file`,
      "Give a file that torch.save wrote, or one of safetensors.",
    );
  }
  const { tensors } = decodeSafetensors(source.read(0, source.size));
  return new Map([...tensors].map(([name, { shape, data }]) => [
    name,
    new StoredTensor(shape, () => new Float32Array(data)),
  ]));
}

/** The state dict in a checkpoint: under one of the roots, or the checkpoint itself. */
function tensorsIn(value: PickleValue, file: string, roots: readonly string[]): Map<string, StoredTensor> {
  let dict = value;
  if (dict instanceof Map) {
    const root = roots.find((key) => (dict as Map<PickleValue, PickleValue>).get(key) instanceof Map);
    if (root !== undefined) dict = dict.get(root)!;
  }
  const tensors = new Map<string, StoredTensor>();
  if (dict instanceof Map) {
    for (const [name, tensor] of dict) {
      if (typeof name === "string" && tensor instanceof StoredTensor) tensors.set(name, tensor);
    }
  }
  return tensors.size > 0 ? tensors : refuse(
    "format",
    `${file} holds no tensors by name, neither itself nor under ${roots.join(", ")}`,
    "Save the weights with torch.save(model.state_dict(), file).",
  );
}

/** Sorts the file's names into those of the table and those left out; refuses what does not fit. */
function select(stored: ReadonlyMap<string, StoredTensor>, layout: Layout, file: string) {
  const taken = new Map<string, StoredTensor>();
  const leftOut: string[] = [];
  const problems: string[] = [];
  for (const [name, tensor] of stored) {
    const own = layout.pattern.exec(name)?.[1];
    if (own === undefined || layout.unread.test(own)) leftOut.push(name);
    else if (taken.has(own)) problems.push(`${own} stands twice`);
    else {
      taken.set(own, tensor);
      const problem = problemOf(name, tensor.shape, layout.table.get(own));
      if (problem) problems.push(problem);
    }
  }
  for (const [name, shape] of layout.table) {
    if (!taken.has(name)) problems.push(`missing ${name} ${shapeText(shape)}`);
  }
  if (problems.length > 0) {
    const more = problems.length > 10 ? ` and ${problems.length - 10} more` : "";
    refuse(
      "mismatch",
      `${file} does not hold what ${layout.name} is: ${problems.slice(0, 10).join("; ")}${more}`,
      "Check that this is the published file, and that --layout is its.",
    );
  }
  return { taken, leftOut };
}

function problemOf(name: string, shape: Shape, expected: Shape | undefined): string | undefined {
  if (!expected) return `unknown ${name} ${shapeText(shape)}`;
  if (!sameShape(shape, expected)) return `${name}: got ${shapeText(shape)}, expected ${shapeText(expected)}`;
}

/**
 * Converts a checkpoint (a zip of PyTorch's, or safetensors) to safetensors of f32.
 *
 * @throws {ParameterFileError} `weights.mismatch` where names or shapes are not those of the layout, `weights.legacy`
 * for PyTorch's older format, `weights.unsafe` where loading it in Python could run code, `weights.values` for NaN
 * or infinity, `weights.format`, `weights.truncated`, `weights.bomb`, `weights.zip`, `weights.pickle`,
 * `safetensors.*` for other files and damaged ones
 */
export function convertWeights(source: ByteSource, layout: Layout): Converted {
  const { taken, leftOut } = select(readTensors(source, layout.roots), layout, source.name);
  const tensors = new Map<string, SafeTensor>();
  let values = 0;
  for (const [name, shape] of layout.table) {
    const data = taken.get(name)!.data();
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      refuse(
        "values",
        `${source.name}: ${name} has ${data[bad]} at ${bad}`,
        "Use a checkpoint from before that.",
      );
    }
    tensors.set(name, { shape, data });
    values += data.length;
  }
  const bytes = encodeSafetensors(tensors, new Map([[layoutKey, layout.name]]));
  return { bytes, tensors: tensors.size, values, leftOut };
}
