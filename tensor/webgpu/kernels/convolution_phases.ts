/**
 * A convolution as gathers: every output adds up the inputs under its taps.
 *
 * Forward convolution, its input gradient and transposed convolution are all this. With a stride, the outputs
 * of a transposed convolution fall into phases by their remainder: within a phase the same taps hit, so each
 * phase is a convolution of its own; phases whose taps sit at the same offsets run in one dispatch.
 *
 * @module
 */

import { type Shape, sizeOf, type Triple } from "../../shape.ts";
import { tableOf } from "../indexing.ts";
import type { Bound, Call } from "../kernel.ts";

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

/** All phases of the volume, grouped. */
export function phaseGroups(axes: readonly GatherAxis[]): PhaseGroup[] {
  const [d, h, w] = axes.map(({ phases }) => phases);
  const groups = new Map<string, { members: Phase[][]; offsets: (readonly number[])[] }>();
  for (const a of d!) {
    for (const b of h!) {
      for (const c of w!) {
        const offsets = [a.offsets, b.offsets, c.offsets];
        const key = JSON.stringify(offsets);
        const group = groups.get(key);
        if (group) group.members.push([a, b, c]);
        else groups.set(key, { members: [[a, b, c]], offsets });
      }
    }
  }
  return [...groups.values()];
}

/** WGSL for the taps `t0`, `t1`, `t2` of phase `member` from their numbers `k0`, `k1`, `k2` within the group. */
export function tapTables({ members, offsets }: PhaseGroup): string {
  return offsets.map(({ length }, a) =>
    `var taps${a} = ${tableOf(members.flatMap((member) => member[a]!.taps))};
  let t${a} = taps${a}[member * ${length}u + k${a}];`
  ).join("\n  ");
}

/** How a phase group is cut into threads: each computes a block of outputs in a row times output channels. */
export interface Cut {
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
  /** Threads of a block of channels: samples, then D, H and W, of which `axis` counts blocks of outputs. */
  readonly tileShape: readonly number[];
}

const halve = (n: number, unit: number) => Math.ceil(n / (2 * unit)) * unit;

/** How to cut a phase group; `axes` are tried in this order, and a thread has at most so many channels. */
export function cutOf(
  call: Call<unknown>,
  gather: Gather,
  { members, offsets }: PhaseGroup,
  axes: readonly number[],
  mostChannels = Infinity,
): Cut {
  const counts = gather.axes.map(({ outStride }, a) =>
    Math.max(...members.map((member) => Math.ceil((gather.outShape[a + 2]! - member[a]!.phase) / outStride)))
  ) as unknown as Triple;
  const taps = sizeOf(offsets.map(({ length }) => length));
  const outPerGroup = gather.outShape[1]! / gather.groups;
  const inPerGroup = gather.xShape[1]! / gather.groups;
  const work = gather.outShape[0]! * gather.outShape[1]! * sizeOf(counts) * inPerGroup * Math.max(1, taps);
  const wanted = call.blocks("convolution", work);
  const axis = axes.find((a) => counts[a]! >= wanted.outputs) ?? counts.indexOf(Math.max(...counts));
  // Blocks of equal size, so that the last one is not nearly empty.
  let outputs = Math.ceil(counts[axis]! / Math.ceil(counts[axis]! / wanted.outputs));
  let channels = Math.min(wanted.channels, Math.ceil(outPerGroup / 4) * 4);
  while (channels > 4 && channels > mostChannels) channels = halve(channels, 4);
  const workgroupsOf = () =>
    Math.ceil(outPerGroup / channels) * members.length * gather.groups *
    Math.ceil(gather.xShape[0]! * sizeOf(counts) / outputs / 64);
  while (workgroupsOf() < call.tuning.workgroups && channels * outputs > 4) {
    if (channels > 4 && channels >= outputs) channels = halve(channels, 4);
    else if (outputs > 1) outputs = halve(outputs, 1);
    else channels = halve(channels, 4);
  }
  return {
    counts,
    axis,
    outputs,
    channels,
    perGroup: Math.ceil(outPerGroup / channels),
    tileShape: [gather.xShape[0]!, ...counts.map((n, a) => a === axis ? Math.ceil(n / outputs) : n)],
  };
}
