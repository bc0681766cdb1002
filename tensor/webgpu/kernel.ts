/**
 * What a WebGPU kernel is: a function from shapes and attributes to steps. A step is one dispatch, written
 * as WGSL statements over named arrays; `shader.ts` turns it into a complete shader.
 *
 * @module
 */

import type { TensorSpec } from "../ops/op.ts";
import { type ComputeSpec, computeSpec, type ComputeType } from "../ops/promotion.ts";
import type { KernelAttributes, KernelName } from "../ops/registry.ts";
import { sizeOf } from "../shape.ts";
import { type Bound, pagesOf } from "./pages.ts";
import { type BlockedKernel, type Blocks, blocksFor, type Tuning } from "./tuning.ts";

/** One dispatch. */
export interface Step {
  /** What it does, for labels. */
  readonly label: string;
  /** Arrays to read: name `x` gives `x_at(index)` in WGSL. */
  readonly reads: Readonly<Record<string, Bound>>;
  /** Arrays to write: name `out` gives `set_out(index, value)` and `out_at(index)`. */
  readonly writes: Readonly<Record<string, Bound>>;
  /** Functions, structs and workgroup variables. */
  readonly code?: string;
  /** Statements of one invocation; see `threads` and `groups`. */
  readonly body: string;
  /** Invocations to run; the body sees its number as `i`. */
  readonly threads?: number;
  /** Workgroups to run instead: the body sees `group` and `lane` and may use barriers. */
  readonly groups?: number;
  /** Invocations of a workgroup; 64 by default. */
  readonly groupSize?: number;
  /** `threads` reaches the shader as a uniform, so that other sizes compile nothing new. */
  readonly counted?: true;
  /** Whole numbers that WGSL sees as `scalars.name` (u32), where steps differ in nothing else. */
  readonly parameters?: Readonly<Record<string, number>>;
}

/** What a shader may bind. */
export interface BindingLimits {
  /** Largest range of a buffer that a shader sees at once. */
  readonly bindingBytes: number;
  /** Storage buffers of one shader. */
  readonly storageBuffers: number;
}

/** How a sum finds its terms: `out[i] = Σ_t parts[i · elementStride + t · termStride]`. */
export interface Terms {
  /** How many. */
  readonly terms: number;
  /** From an element of the result to the next. */
  readonly elementStride: number;
  /** From a term to the next. */
  readonly termStride: number;
}

/** The shapes and attributes of one call, and what a kernel may bind. */
export class Call<A> {
  /** Sums that wait until their results are wanted. */
  readonly late: { readonly parts: Bound; readonly out: Bound; readonly terms: Terms }[] = [];
  /** Scratch arrays asked for so far. */
  readonly scratches: { readonly dtype: ComputeType; readonly length: number }[] = [];
  /** Inputs as WGSL sees them. */
  readonly inputs: readonly ComputeSpec[];
  /** Outputs as WGSL sees them. */
  readonly outputs: readonly ComputeSpec[];
  readonly #stored: Record<"input" | "output", readonly TensorSpec[]>;

  /** Takes the shapes and attributes of a call. */
  constructor(
    inputs: readonly TensorSpec[],
    outputs: readonly TensorSpec[],
    readonly attributes: A,
    readonly tuning: Tuning,
    readonly limits: BindingLimits,
  ) {
    this.inputs = inputs.map(computeSpec);
    this.outputs = outputs.map(computeSpec);
    this.#stored = { input: inputs, output: outputs };
  }

  #bound(from: "input" | "output", at: number): Bound {
    const { shape, dtype } = this.#stored[from][at]!;
    return { from, at, dtype, length: sizeOf(shape) };
  }

  /** An input as a bound array. */
  input(at: number): Bound {
    return this.#bound("input", at);
  }

  /** An output as a bound array. */
  output(at: number): Bound {
    return this.#bound("output", at);
  }

  /** How a kernel is to cut a call of so many multiply-adds. */
  blocks<K extends BlockedKernel>(kernel: K, work: number): Blocks[K] {
    return blocksFor(this.tuning.table, kernel, work);
  }

  /** How many bindings an array takes. */
  bindingsOf(bound: Bound): number {
    return pagesOf(bound, this.limits.bindingBytes).length;
  }

  /** Memory for the steps of this op; never f16, so that sums keep their precision. */
  scratch(length: number, dtype: ComputeType = "f32"): Bound {
    this.scratches.push({ dtype, length });
    return { from: "scratch", at: this.scratches.length - 1, dtype, length };
  }

  /**
   * An output that no step of the call reads is the sum of parts that its steps left in f32 scratch memory. The sum is
   * made when the output is wanted, together with others.
   */
  sumLater(parts: Bound, out: Bound, terms: Terms): void {
    this.late.push({ parts, out, terms });
  }
}

/** The kernel of an op. */
export interface Kernel<A> {
  /** The steps; they may depend on every attribute but the varying ones. */
  readonly steps: (call: Call<A>) => readonly Step[];
  /** Attributes that may change from call to call without new steps. */
  readonly varying?: readonly (keyof A & string)[];
  /** Numbers computed from the attributes for each call; WGSL sees them as `scalars.name`. */
  readonly scalars?: (attributes: A) => Readonly<Record<string, number>>;
}

/** One kernel an op: a row without one does not compile. */
export type Kernels = { readonly [K in KernelName]: Kernel<KernelAttributes<K>> };
