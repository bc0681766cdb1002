/**
 * A convolution as gathers, and how it is cut into threads; see `gather_convolution.ts`.
 *
 * @module
 */

import type { Shape, Triple } from "../../shape.ts";
import type { Bound } from "../pages.ts";

/** The taps that hit the outputs at `phase`, `phase + outStride`, … of one axis. */
export interface Phase {
  /** First output. */
  readonly phase: number;
  /** Taps that hit. */
  readonly taps: readonly number[];
  /** For each of them, output j of the phase reads input `j · inStride + offset`. */
  readonly offsets: readonly number[];
}

/** One axis of a gathering convolution. */
export interface GatherAxis {
  /** Input step from one output of a phase to the next. */
  readonly inStride: number;
  /** Output step from one output of a phase to the next. */
  readonly outStride: number;
  /** All phases. */
  readonly phases: readonly Phase[];
}

/** A convolution as gathers. */
export interface Gather {
  readonly x: Bound;
  /** `[N,C,D,H,W]`. */
  readonly xShape: Shape;
  readonly w: Bound;
  readonly bias: Bound | null;
  readonly out: Bound;
  /** `[N,O,D',H',W']`. */
  readonly outShape: Shape;
  readonly groups: number;
  /** For D, H, W. */
  readonly axes: readonly GatherAxis[];
  /** WGSL for the index of a weight: `group`, `o` and `c` count within the group, `t0`, `t1`, `t2` are taps. */
  readonly weightIndex: string;
}

/** Phases that share their offsets on every axis, so that they differ only in taps and place. */
export interface PhaseGroup {
  /** For each the phase of D, H and W. */
  readonly members: readonly (readonly Phase[])[];
  /** Offsets of the taps of D, H and W. */
  readonly offsets: readonly (readonly number[])[];
}

/** How a phase group is cut into threads. */
export interface Blocking {
  /** Outputs of a phase along D, H and W. */
  readonly counts: Triple;
  /** Axis along which a thread computes several outputs. */
  readonly axis: number;
  /** How many. */
  readonly outputs: number;
  /** Output channels of a thread, a multiple of 4. */
  readonly channels: number;
  /** Blocks of channels in a group. */
  readonly perGroup: number;
  /** Vectors of weights that a workgroup holds for one input channel and one line of taps along `axis`. */
  readonly lineVectors: number;
  /** Such lines: for each input channel the taps of the other two axes. */
  readonly lines: number;
  /** Lines that a workgroup holds at once. */
  readonly portion: number;
  /** Threads of a block of channels: samples, then D, H and W, of which `axis` counts blocks of outputs. */
  readonly tileShape: readonly number[];
}
