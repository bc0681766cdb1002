/**
 * Runs an op: checks its inputs, allocates its outputs, queues its kernel and records it for `backward`.
 *
 * @module
 */

import { type Edge, edgeOf, GraphNode, isDifferentiating, isRecording } from "./autograd.ts";
import type { Device } from "./device.ts";
import { CodedError, DeviceError } from "./errors.ts";
import { type AnyOp, type Op, resultsOf } from "./ops/op.ts";
import { inferStored } from "./ops/promotion.ts";
import { sizeOf } from "./shape.ts";
import { Tensor } from "./tensor.ts";

const inputNames = ["x", "y", "z"] as const;

function commonDevice(op: AnyOp, tensors: readonly Tensor[]): Device {
  const [first] = tensors;
  if (!first) throw new CodedError("op.inputs", `${op.name}: at least one input must be a tensor`);
  const other = tensors.find((tensor) => tensor.device !== first.device);
  if (other) {
    throw new DeviceError(
      "device.mismatch",
      `${op.name}: inputs live on different devices (${first.device.kind} and ${other.device.kind})`,
      { fix: "Move one of them: Tensor.from(device, await tensor.data(), tensor.shape)." },
    );
  }
  return first.device;
}

/** Plain numbers among the inputs of an elementwise op become attributes named after them. */
function withNumbers(inputs: readonly (Tensor | number)[], attributes: object): object {
  if (inputs.every((input) => typeof input !== "number")) return attributes;
  const merged: Record<string, unknown> = { ...attributes };
  inputs.forEach((input, i) => {
    if (typeof input === "number") merged[inputNames[i]!] = input;
  });
  return merged;
}

function record(
  op: AnyOp,
  attributes: unknown,
  inputs: readonly (Tensor | number)[],
  outputs: Tensor[],
): void {
  if (!isRecording() || typeof op.gradient === "string") return;
  const edges: Edge[] = inputs.map((input) => typeof input === "number" ? null : edgeOf(input));
  if (edges.every((edge) => edge === null)) return;
  const kept = op.saves.inputs ?? [];
  const savedInputs = inputs.map((input, i) =>
    typeof input === "number"
      ? input
      : kept === "all" || kept.includes(i)
      ? input.alias({ owned: false })
      : input.hollow()
  );
  const savedOutputs = outputs.map((output, i) =>
    op.saves.outputs?.includes(i) ? output.alias({ owned: false }) : output.hollow()
  );
  const node = new GraphNode(op, attributes, savedInputs, savedOutputs, edges);
  resultsOf(op, outputs).forEach((output, i) => {
    output.node = node;
    output.output = i;
  });
}

/**
 * All outputs of an op. Only the first carries a gradient, where the row does not say that all do.
 *
 * @throws {ShapeError} when the op refuses the shapes or dtypes
 * @throws {DisposedError} when an input is no longer alive
 * @throws {DeviceError} when the inputs live on different devices, or the device does not store the result's type
 */
export function applyAll<A>(op: Op<A>, inputs: readonly (Tensor | number)[], attributes: A): Tensor[] {
  const tensors = inputs.filter((input) => typeof input !== "number");
  const device = commonDevice(op, tensors);
  const full = withNumbers(inputs, attributes as object) as A;
  const specs = inferStored(op, tensors, full, isDifferentiating());
  const operands = tensors.map((tensor) => tensor.operand(op.name));
  let outputs: Tensor[];
  if (op.view) {
    outputs = [tensors[0]!.alias({ shape: specs[0]!.shape })];
  } else {
    outputs = specs.map((spec) =>
      new Tensor(device, device.allocate(spec.dtype, sizeOf(spec.shape)), spec.shape, op.name)
    );
    try {
      device.run(op, operands, outputs.map((output) => output.operand()), full);
    } catch (error) {
      for (const output of outputs) output.dispose();
      throw error;
    }
  }
  record(op, full, inputs, outputs);
  return outputs;
}

/** The result of an op, its first output; the others live only as long as the gradient needs them. */
export function apply<A>(op: Op<A>, inputs: readonly (Tensor | number)[], attributes: A): Tensor {
  const [result, ...rest] = applyAll(op, inputs, attributes);
  for (const tensor of rest) tensor.dispose();
  return result!;
}

/**
 * Runs an update op: changes `targets` in place.
 *
 * @throws {ShapeError} when the op refuses the shapes
 */
export function update<A>(
  op: Op<A>,
  inputs: readonly Tensor[],
  targets: readonly Tensor[],
  attributes: A,
): void {
  const all = [...inputs, ...targets];
  inferStored(op, all, attributes, false);
  commonDevice(op, all).run(
    op,
    inputs.map((tensor) => tensor.operand(op.name)),
    targets.map((tensor) => tensor.operand(op.name)),
    attributes,
  );
  for (const target of targets) target.overwritten();
}
