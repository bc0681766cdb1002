/**
 * How the results of ops are stored. The rows of the op table know floats and integers; that a float may be
 * stored in 16 bits is decided here alone.
 *
 * The result of an op is stored as f16 if all its float inputs are, else as f32: nothing loses precision by
 * meeting an f16. Plain numbers do not count, nor do the parameters of convolutions and normalisations. What
 * a row gives besides its result (statistics, positions) stays as the row says, and so does all that
 * `backward` computes: gradients are f32.
 *
 * @module
 */

import type { DType } from "../device.ts";
import type { Shape } from "../shape.ts";
import { type AnyOp, resultsOf, type TensorSpec } from "./op.ts";

/** What kernels compute in. */
export type ComputeType = Exclude<DType, "f16">;

/** Shape of a tensor and the type its elements have in a computation. */
export interface ComputeSpec {
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** f32 for everything stored as f16. */
  readonly dtype: ComputeType;
}

/** The type that elements stored as `dtype` have in a computation. */
export function computeType(dtype: DType): ComputeType {
  return dtype === "f16" ? "f32" : dtype;
}

/** How a computation sees a stored tensor. */
export function computeSpec({ shape, dtype }: TensorSpec): ComputeSpec {
  return { shape, dtype: computeType(dtype) };
}

/**
 * The specs of an op's outputs from its inputs as they are stored.
 *
 * @param isGradient whether `backward` asks
 * @throws {ShapeError} when the op refuses its inputs
 */
export function inferStored<A>(
  op: AnyOp,
  inputs: readonly TensorSpec[],
  attributes: A,
  isGradient: boolean,
): readonly TensorSpec[] {
  if (inputs.every(({ dtype }) => dtype !== "f16")) return op.infer(inputs, attributes);
  const specs = op.infer(inputs.map(computeSpec), attributes);
  if (isGradient || op.stores === "as-inferred" || specs[0]?.dtype !== "f32") return specs;
  const decisive = op.stores === "as-first" ? inputs.slice(0, 1) : inputs;
  if (decisive.some(({ dtype }) => dtype === "f32")) return specs;
  const results = resultsOf(op, specs);
  return specs.map((spec) => results.includes(spec) ? { ...spec, dtype: "f16" } : spec);
}
