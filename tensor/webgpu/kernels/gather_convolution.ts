/**
 * The convolution kernel with weights in a uniform buffer; see `convolution_phases.ts` for what it computes.
 *
 * One thread computes a block: several outputs in a row along one axis times several output channels. For
 * each input channel and each tap of the other two axes it loads the inputs of the row once and uses each for
 * every tap, output and channel. Weights are repacked so that a block's channels lie together; all threads of
 * a workgroup read them at the same place.
 *
 * Where the tuning says so, and the tensors fit, `texture_convolution.ts` computes the same from textures.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import { unravel } from "../indexing.ts";
import type { Bound, Call, Step } from "../kernel.ts";
import {
  type Cut,
  cutOf,
  type Gather,
  type PhaseGroup,
  phaseGroups,
  tapTables,
} from "./convolution_phases.ts";
import { blockBody } from "./gather_block.ts";
import { textureSteps } from "./texture_convolution.ts";

/** How a phase group is cut into threads and dispatches. */
export interface Blocking extends Cut {
  /** Input channels of one dispatch: all, unless their weights do not fit. */
  readonly inputs: number;
  /** Blocks of one dispatch. */
  readonly blocks: number;
  /** Weights of one block in one dispatch. */
  readonly unit: number;
}

function blockingOf(call: Call<unknown>, gather: Gather, group: PhaseGroup): Blocking {
  const taps = Math.max(1, sizeOf(group.offsets.map(({ length }) => length)));
  const inPerGroup = gather.xShape[1]! / gather.groups;
  const capacity = call.tuning.uniformBytes / 4;
  // H first: neighbouring threads then read neighbouring inputs along W.
  const cut = cutOf(call, gather, group, [1, 0, 2], capacity / (inPerGroup * taps));
  const inputs = Math.min(inPerGroup, Math.max(1, Math.floor(capacity / (taps * cut.channels))));
  const unit = inputs * taps * cut.channels;
  const blocks = Math.min(group.members.length * gather.groups * cut.perGroup, Math.floor(capacity / unit));
  return { ...cut, inputs, blocks, unit };
}

/** The steps of a gathering convolution. */
export function gatherSteps(call: Call<unknown>, gather: Gather): Step[] {
  if (sizeOf(gather.outShape) === 0) return [];
  const fromTextures = call.tuning.textures ? textureSteps(call, gather) : null;
  if (fromTextures) return fromTextures;
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
  group: PhaseGroup,
  { channels, inputs, unit, blocks, perGroup, axis }: Blocking,
  packed: Bound,
  room: number,
): Step {
  const [u, v] = [0, 1, 2].filter((a) => a !== axis) as [number, number];
  const counts = group.offsets.map(({ length }) => length);
  const taps = sizeOf(counts);
  const outPerGroup = gather.outShape[1]! / gather.groups;
  const inPerGroup = gather.xShape[1]! / gather.groups;
  const slices = Math.ceil(inPerGroup / inputs);
  const order = [u, v, axis].map((a) => counts[a]!);
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
    }u || member >= ${group.members.length}u || o >= ${outPerGroup}u || c >= ${inPerGroup}u) {
    set_packed(i, 0.0);
    return;
  }
  ${unravel("tap", order, "s")} let k${u} = s0; let k${v} = s1; let k${axis} = s2;
  ${tapTables(group)}
  set_packed(i, w_at(${gather.weightIndex}));`,
  };
}
