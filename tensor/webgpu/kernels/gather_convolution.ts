/**
 * The convolution kernel: every output gathers the inputs under its taps.
 *
 * Forward convolution, its input gradient and transposed convolution are all this. With a stride, the outputs
 * of a transposed convolution fall into phases by their remainder: within a phase the same taps hit, so each
 * phase is a convolution of its own; phases whose taps sit at the same offsets run in one dispatch.
 *
 * One thread computes a block: several outputs in a row along one axis times several output channels. For
 * each input channel and each tap of the other two axes it loads the inputs of the row once and uses each for
 * every tap, output and channel. Weights are repacked so that a block's channels lie together, and are read
 * from a uniform buffer, which all threads of a workgroup read at the same place.
 *
 * @module
 */

import { type Shape, sizeOf, type Triple } from "../../shape.ts";
import { tableOf, unravel } from "../indexing.ts";
import type { Bound, Call, Step } from "../kernel.ts";
import { blockBody } from "./gather_block.ts";

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

/** How a phase group is cut into blocks and dispatches. */
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
  /** Input channels of one dispatch: all, unless their weights do not fit. */
  readonly inputs: number;
  /** Blocks of one dispatch. */
  readonly blocks: number;
  /** Weights of one block in one dispatch. */
  readonly unit: number;
  /** Threads of a block of channels: samples, then D, H and W, of which `axis` counts blocks of outputs. */
  readonly tileShape: readonly number[];
}

function blockingOf(call: Call<unknown>, gather: Gather, { members, offsets }: PhaseGroup): Blocking {
  const counts = gather.axes.map(({ outStride }, a) =>
    Math.max(...members.map((member) => Math.ceil((gather.outShape[a + 2]! - member[a]!.phase) / outStride)))
  ) as unknown as Triple;
  const taps = Math.max(1, sizeOf(offsets.map(({ length }) => length)));
  const { uniformBytes, workgroups } = call.tuning;
  const outPerGroup = gather.outShape[1]! / gather.groups;
  const inPerGroup = gather.xShape[1]! / gather.groups;
  const work = gather.outShape[0]! * gather.outShape[1]! * sizeOf(counts) * inPerGroup * taps;
  const wanted = call.blocks("convolution", work);
  const capacity = uniformBytes / 4;
  // H first: neighbouring threads then read neighbouring inputs along W.
  const axis = [1, 0, 2].find((a) => counts[a]! >= wanted.outputs) ?? counts.indexOf(Math.max(...counts));
  let outputs = Math.min(wanted.outputs, counts[axis]!);
  let channels = Math.min(wanted.channels, Math.ceil(outPerGroup / 4) * 4);
  const halve = (n: number, unit: number) => Math.ceil(n / (2 * unit)) * unit;
  while (channels > 4 && inPerGroup * taps * channels > capacity) channels = halve(channels, 4);
  const workgroupsOf = () =>
    Math.ceil(outPerGroup / channels) * members.length * gather.groups *
    Math.ceil(gather.xShape[0]! * sizeOf(counts) / outputs / 64);
  while (workgroupsOf() < workgroups && channels * outputs > 4) {
    if (channels > 4 && channels >= outputs) channels = halve(channels, 4);
    else if (outputs > 1) outputs = halve(outputs, 1);
    else channels = halve(channels, 4);
  }
  const inputs = Math.min(inPerGroup, Math.max(1, Math.floor(capacity / (taps * channels))));
  const unit = inputs * taps * channels;
  const perGroup = Math.ceil(outPerGroup / channels);
  const blocks = Math.min(members.length * gather.groups * perGroup, Math.floor(capacity / unit));
  const tileShape = [gather.xShape[0]!, ...counts.map((n, a) => a === axis ? Math.ceil(n / outputs) : n)];
  return { counts, axis, outputs, channels, perGroup, inputs, blocks, unit, tileShape };
}

/** The steps of a gathering convolution. */
export function gatherSteps(call: Call<unknown>, gather: Gather): Step[] {
  if (sizeOf(gather.outShape) === 0) return [];
  const parts = phaseGroups(gather.axes).map((group) => [group, blockingOf(call, gather, group)] as const);
  const steps = (out: Bound) =>
    parts.flatMap(([group, blocking]) => phaseGroupSteps(call, { ...gather, out }, group, blocking));
  const inPerGroup = gather.xShape[1]! / gather.groups;
  const isSliced = parts.some(([, { inputs }]) => inputs < inPerGroup);
  if (!isSliced || gather.out.dtype !== "f16") return steps(gather.out);
  // The slices add up in the output; in f16 each would round the sum.
  const sums = call.scratch(gather.out.length);
  const store = {
    label: "store sums",
    reads: { sums },
    writes: { out: gather.out },
    threads: gather.out.length,
    counted: true,
    body: "set_out(i, sums_at(i));",
  } as const;
  return [...steps(sums), store];
}

function phaseGroupSteps(
  call: Call<unknown>,
  gather: Gather,
  group: PhaseGroup,
  blocking: Blocking,
): Step[] {
  const { blocks, inputs, unit, perGroup } = blocking;
  const allBlocks = group.members.length * gather.groups * perGroup;
  const dispatches = Math.ceil(allBlocks / blocks);
  const slices = Math.ceil(gather.xShape[1]! / gather.groups / inputs);
  const { uniformAlignment } = call.tuning;
  const room = Math.ceil(blocks * unit / uniformAlignment) * uniformAlignment;
  const packed = call.scratch(room * dispatches * slices);
  const body = blockBody(gather, group, blocking);
  const workgroups = Math.ceil(sizeOf(blocking.tileShape) / 64);
  const steps = [packStep(gather, group, blocking, packed, room)];
  for (let dispatch = 0; dispatch < dispatches; dispatch++) {
    for (let slice = 0; slice < slices; slice++) {
      const start = (dispatch * slices + slice) * room;
      steps.push({
        label: "convolution",
        reads: {
          x: gather.x,
          weights: { ...packed, uniform: { start, length: blocks * unit } },
          ...(gather.bias ? { bias: gather.bias } : {}),
        },
        writes: { out: gather.out },
        groups: Math.min(blocks, allBlocks - dispatch * blocks) * workgroups,
        parameters: { first_block: dispatch * blocks, first_input: slice * inputs },
        body,
      });
    }
  }
  return steps;
}

/** Copies the weights to `[dispatch][slice][block][input channel][tap][channel of the block]`. */
function packStep(
  gather: Gather,
  { members, offsets }: PhaseGroup,
  { channels, inputs, unit, blocks, perGroup, axis }: Blocking,
  packed: Bound,
  room: number,
): Step {
  const [u, v] = [0, 1, 2].filter((a) => a !== axis) as [number, number];
  const counts = offsets.map(({ length }) => length);
  const taps = sizeOf(counts);
  const outPerGroup = gather.outShape[1]! / gather.groups;
  const inPerGroup = gather.xShape[1]! / gather.groups;
  const slices = Math.ceil(inPerGroup / inputs);
  const order = [u, v, axis].map((a) => counts[a]!);
  const tables = [0, 1, 2].map((a) =>
    `var taps${a} = ${tableOf(members.flatMap((member) => member[a]!.taps))};
  let t${a} = taps${a}[member * ${counts[a]}u + k${a}];`
  ).join("\n  ");
  return {
    label: "pack weights",
    reads: { w: gather.w },
    writes: { packed },
    threads: packed.length,
    body: taps === 0 ? "set_packed(i, 0.0);" : `
  let part = i / ${room}u;
  let place = i % ${room}u;
  let block = (part / ${slices}u) * ${blocks}u + place / ${unit}u;
  let member = block / ${gather.groups * perGroup}u;
  let group = (block / ${perGroup}u) % ${gather.groups}u;
  let o = (block % ${perGroup}u) * ${channels}u + place % ${channels}u;
  let tap = (place / ${channels}u) % ${taps}u;
  let c = (part % ${slices}u) * ${inputs}u + (place % ${unit}u) / ${channels * taps}u;
  if (place >= ${
      blocks * unit
    }u || member >= ${members.length}u || o >= ${outPerGroup}u || c >= ${inPerGroup}u) {
    set_packed(i, 0.0);
    return;
  }
  ${unravel("tap", order, "s")} let k${u} = s0; let k${v} = s1; let k${axis} = s2;
  ${tables}
  set_packed(i, w_at(${gather.weightIndex}));`,
  };
}
