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
import { sizeOf, type Triple } from "../../shape.ts";
import type { Call, Step } from "../kernel.ts";
import type { Blocking, Gather, GatherAxis, Phase, PhaseGroup } from "./gather_plan.ts";
import { blockBody, weightMemory } from "./gather_block.ts";

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
