/** Turns the samples of the op table into tensors and calls. */

import { applyAll, update } from "../../tensor/apply.ts";
import type { Device } from "../../tensor/device.ts";
import type { AnyOp, Sample, SampleInput } from "../../tensor/ops/op.ts";
import { Random } from "../../tensor/random.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";

/** Host values of a sample's inputs; float values are exact in float32, so all devices start alike. */
export function hostInputs(sample: Sample<unknown>, seed: string): (Float32Array | Int32Array)[] {
  return sample.inputs.map((input, i) => {
    const random = new Random(1).child(seed).child(i);
    const length = sizeOf(input.shape);
    return "classes" in input
      ? Int32Array.from({ length }, () => random.integer(input.classes))
      : Float32Array.from({ length }, () => random.uniform(input.low, input.high));
  });
}

/** How the float input at a position is stored. */
export type FloatStorage = (position: number) => "f32" | "f16";

const asF32: FloatStorage = () => "f32";

/** Host values with those rounded that will be stored as f16. */
export function roundAsStored<T extends Float32Array | Int32Array>(
  data: readonly T[],
  stored: FloatStorage = asF32,
): T[] {
  return data.map((values, i) =>
    values instanceof Float32Array && stored(i) === "f16" ? values.map(Math.f16round) as T : values
  );
}

/** Puts host values on a device. */
export function toDevice(
  device: Device,
  inputs: readonly SampleInput[],
  data: readonly ArrayLike<number>[],
  stored: FloatStorage = asF32,
) {
  return inputs.map((input, i) =>
    Tensor.from(device, data[i]!, input.shape, "classes" in input ? "i32" : stored(i))
  );
}

/** The inputs of a call: numbers among a sample's attributes x, y, z stand in their place. */
export function callInputs(op: AnyOp, tensors: readonly Tensor[], attributes: unknown): (Tensor | number)[] {
  if (op.expression === undefined) return [...tensors];
  const rest = [...tensors];
  const scalars = attributes as Record<string, number>;
  const { arity } = op as AnyOp & { arity: number };
  return ["x", "y", "z"].slice(0, arity).map((name) => scalars[name] ?? rest.shift()!);
}

/** Runs an op on a sample; update ops return their targets. */
export function callOp(op: AnyOp, tensors: readonly Tensor[], attributes: unknown): Tensor[] {
  if (!op.updates) return applyAll(op, callInputs(op, tensors, attributes), attributes);
  const kept = tensors.length - op.updates(tensors.length);
  const targets = tensors.slice(kept);
  update(op, tensors.slice(0, kept), targets, attributes);
  return targets;
}
