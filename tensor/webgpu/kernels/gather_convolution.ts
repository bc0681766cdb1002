/**
 * The convolution kernel: every output gathers the inputs under its taps.
 *
 * Forward convolution, its input gradient and transposed convolution are all this. With a stride, the outputs
 * of a transposed convolution fall into phases by their remainder: within a phase the same taps hit, so each
 * phase is a convolution of its own; phases whose taps sit at the same offsets run in one dispatch.
 *
 * One thread computes a block: several outputs in a row along one axis times several output channels. For
 * each input channel and each tap of the other two axes it loads the inputs of the row once and uses each for
 * every tap, output and channel. All threads of a workgroup use the same weights; they copy them to workgroup
 * memory portion by portion, four output channels a vector.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { type Shape, sizeOf, type Triple } from "../../shape.ts";
import type { Bound, Call, Step } from "../kernel.ts";
import { blockBody, weightMemory } from "./gather_block.ts";

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

function phaseGroups(axes: readonly GatherAxis[]): PhaseGroup[] {
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

function blockingOf(call: Call<unknown>, gather: Gather, { members, offsets }: PhaseGroup): Blocking {
  const counts = gather.axes.map(({ outStride }, a) =>
    Math.max(...members.map((member) => Math.ceil((gather.outShape[a + 2]! - member[a]!.phase) / outStride)))
  ) as unknown as Triple;
  const tapCounts = offsets.map(({ length }) => length);
  const taps = sizeOf(tapCounts);
  const outPerGroup = gather.outShape[1]! / gather.groups;
  const inPerGroup = gather.xShape[1]! / gather.groups;
  const work = gather.outShape[0]! * gather.outShape[1]! * sizeOf(counts) * inPerGroup * taps;
  const wanted = call.blocks("convolution", work);
  // H first: neighbouring threads then read neighbouring inputs along W.
  const axis = [1, 0, 2].find((a) => counts[a]! >= wanted.outputs) ?? counts.indexOf(Math.max(...counts));
  let outputs = Math.min(wanted.outputs, counts[axis]!);
  let channels = Math.min(wanted.channels, Math.ceil(outPerGroup / 4) * 4);
  const halve = (n: number, unit: number) => Math.ceil(n / (2 * unit)) * unit;
  const workgroupsOf = () =>
    Math.ceil(outPerGroup / channels) * members.length * gather.groups *
    Math.ceil(gather.xShape[0]! * sizeOf(counts) / outputs / 64);
  while (workgroupsOf() < call.tuning.workgroups && channels * outputs > 4) {
    if (channels > 4 && channels >= outputs) channels = halve(channels, 4);
    else if (outputs > 1) outputs = halve(outputs, 1);
    else channels = halve(channels, 4);
  }
  const sharedVectors = call.tuning.sharedBytes / 16;
  while (channels > 4 && tapCounts[axis]! * channels / 4 > sharedVectors) channels = halve(channels, 4);
  const lineVectors = tapCounts[axis]! * channels / 4;
  if (lineVectors > sharedVectors) {
    throw new DeviceError(
      "device.limits",
      `a convolution with ${tapCounts[axis]} taps along one axis: at most ${sharedVectors} fit`,
      { fix: "Use a smaller kernel." },
    );
  }
  const lines = taps === 0 ? 0 : inPerGroup * taps / tapCounts[axis]!;
  const portion = Math.max(1, Math.min(lines, Math.floor(sharedVectors / Math.max(1, lineVectors))));
  const perGroup = Math.ceil(outPerGroup / channels);
  const tileShape = [gather.xShape[0]!, ...counts.map((n, a) => a === axis ? Math.ceil(n / outputs) : n)];
  return { counts, axis, outputs, channels, perGroup, lineVectors, lines, portion, tileShape };
}

/** The steps of a gathering convolution: one for each group of phases. */
export function gatherSteps(call: Call<unknown>, gather: Gather): Step[] {
  if (sizeOf(gather.outShape) === 0) return [];
  return phaseGroups(gather.axes).map((group) => {
    const blocking = blockingOf(call, gather, group);
    const blocks = group.members.length * gather.groups * blocking.perGroup;
    return {
      label: "convolution",
      reads: { x: gather.x, w: gather.w, ...(gather.bias ? { bias: gather.bias } : {}) },
      writes: { out: gather.out },
      groups: blocks * Math.ceil(sizeOf(blocking.tileShape) / 64),
      code: weightMemory(blocking),
      body: blockBody(gather, group, blocking),
    };
  });
}
