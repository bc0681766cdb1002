/**
 * What a row of the op table says. Tests, documentation and benchmarks iterate the rows, so a row that
 * lacks a field does not compile.
 *
 * @module
 */

import type { DType } from "../device.ts";
import { ShapeError } from "../errors.ts";
import { type Shape, shapeText } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** Shape and dtype of a tensor, without its values. */
export interface TensorSpec {
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** Element type. */
  readonly dtype: DType;
}

/** Groups of ops that share rules and a place in the documentation. */
export type Family =
  | "elementwise"
  | "reduction"
  | "matmul"
  | "convolution"
  | "pooling"
  | "normalization"
  | "softmax"
  | "layout"
  | "resampling"
  | "random"
  | "labels"
  | "loss"
  | "update";

/** A sample input: a shape filled from a seeded uniform stream, or labels below a count. */
export type SampleInput =
  | { readonly shape: Shape; readonly low: number; readonly high: number }
  | { readonly shape: Shape; readonly classes: number };

/** Inputs and attributes on which an op is tested. */
export interface Sample<A> {
  /** One entry an input. */
  readonly inputs: readonly SampleInput[];
  /** Attributes of the call. */
  readonly attributes: A;
}

/** A call that an op must refuse, with the code of the error. */
export interface Refusal<A> extends Sample<A> {
  /** Expected `code` of the thrown error. */
  readonly code: string;
}

/** What a gradient may use besides the incoming gradient and the inputs. */
export interface GradientContext<A> {
  /** The op's outputs; those not saved have a shape but no values. */
  readonly outputs: readonly Tensor[];
  /** The gradients of the outputs that carry one, where they have any. */
  readonly gradients: readonly (Tensor | undefined)[];
  /** Attributes of the call. */
  readonly attributes: A;
  /** For each input, whether its gradient is needed. */
  readonly wants: readonly boolean[];
}

/** One row of the table. `A` are the attributes of a call. */
export interface Op<A> {
  /** Name of the op and of its kernels. */
  readonly name: string;
  /** Group in the documentation. */
  readonly family: Family;
  /** Elementwise ops: the formula, in the language described in `elementwise.ts`. */
  readonly expression?: string;
  /** All outputs carry gradients, not the first alone. */
  readonly differentiable?: "all";
  /** The output shares its input's memory; there is no kernel. */
  readonly view?: true;
  /**
   * Update ops: of so many inputs and targets together, how many, the last ones, are targets: changed in
   * place, as the kernel's outputs.
   */
  readonly updates?: (count: number) => number;
  /**
   * How the result of f16 inputs is stored, where it is not f16 for all of them and f32 else. `"as-first"`: like
   * the first input; the others are parameters, which are f32 whatever meets them. `"as-inferred"`: as the shape
   * rule says: conversions, and sums over all there is, which can exceed the largest f16.
   */
  readonly stores?: "as-first" | "as-inferred";
  /**
   * Shape rule: the specs of the outputs, the result or the results first, then what the gradient needs. It sees f16 inputs
   * as f32; `promotion.ts` decides how the result is stored. Throws `ShapeError` for inputs the op refuses.
   */
  infer(inputs: readonly TensorSpec[], attributes: A): readonly TensorSpec[];
  /** Multiply-adds of a call by the shapes of its inputs and outputs; only products of weights or matrices count. */
  multiplyAdds?(inputs: readonly Shape[], outputs: readonly Shape[]): number;
  /** Which values the gradient reads: inputs and outputs by position. */
  readonly saves: { readonly inputs?: readonly number[] | "all"; readonly outputs?: readonly number[] };
  /**
   * The gradients of the inputs from the gradient of the result, of several results the first that there is
   * (`null`: none flows); the string says why an op has no gradient. Inputs that are not saved have a shape but no values.
   */
  readonly gradient:
    | ((g: Tensor, inputs: readonly Tensor[], context: GradientContext<A>) => readonly (Tensor | null)[])
    | string;
  /** Calls on which kernels and gradients are tested. */
  readonly samples: readonly Sample<A>[];
  /** Calls that must be refused. */
  readonly refusals: readonly Refusal<A>[];
}

/** A row of any attributes. */
// deno-lint-ignore no-explicit-any -- rows of different attributes live in one table
export type AnyOp = Op<any>;

/** The results among the outputs of an op, which carry gradients; the others are what gradients need. */
export function resultsOf<T>({ differentiable }: AnyOp, outputs: readonly T[]): readonly T[] {
  return differentiable === "all" ? outputs : outputs.slice(0, 1);
}

/** The attributes type of a row. */
export type AttributesOf<O> = O extends Op<infer A> ? A : never;

/** A sample input of values in `[low, high)`. */
export function values(shape: Shape, low = -2, high = 2): SampleInput {
  return { shape, low, high };
}

/** A sample input of class ids `0 … classes − 1`. */
export function labels(shape: Shape, classes: number): SampleInput {
  return { shape, classes };
}

/**
 * Refuses inputs that are no floats: kernels that compute would read labels as floats.
 *
 * @throws {ShapeError} `dtype.mismatch`
 */
export function requireFloat(op: string, inputs: readonly TensorSpec[]): void {
  const other = inputs.find((input) => input.dtype !== "f32");
  if (!other) return;
  throw new ShapeError(
    "dtype.mismatch",
    `${op}: inputs must be f32, got ${other.dtype}${shapeText(other.shape)}`,
    { fix: 'Convert it with cast(x, "f32").' },
  );
}
