/**
 * The convolution kernel that reads inputs and weights from textures; see `convolution_phases.ts` for what it computes.
 *
 * A thread computes a block of outputs in a row times output channels. For every four input channels and each
 * tap of the other two axes it loads the inputs of the row once, one texel each, and then adds up channel by
 * channel what all taps make of the row: the sums of one channel stay in registers meanwhile. A border of zeros
 * around the copied inputs makes bounds unnecessary.
 *
 * @module
 */

import { sizeOf, type Triple } from "../../shape.ts";
import { unravel } from "../indexing.ts";
import type { Bound, Call, Step } from "../kernel.ts";
import { type ChannelTexture, channelTexture, fillStep, findSlab } from "./channel_texture.ts";
import {
  type Cut,
  cutOf,
  type Gather,
  type PhaseGroup,
  phaseGroups,
  tapTables,
} from "./convolution_phases.ts";
import { overResults, position } from "./gather_block.ts";

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const component = (k: number) => "xyzw"[k]!;

/** What a thread needs to know about its two textures. */
interface Textures {
  readonly layout: ChannelTexture;
  readonly inputs: Bound;
  /** One texel for each output channel of a block and tap of the row; rows and blocks are height and depth. */
  readonly weights: Bound;
}

/** The part of the input that the taps of all phases reach. */
function reach(gather: Gather, parts: readonly (readonly [PhaseGroup, Cut])[]) {
  const axes = gather.axes.map(({ inStride }, a) => {
    const offsets = parts.flatMap(([group]) => group.offsets[a]!);
    const border = Math.max(0, ...offsets.map((offset) => -offset));
    const last = parts.flatMap(([group, { counts }]) =>
      group.offsets[a]!.map((offset) => (counts[a]! - 1) * inStride + offset)
    );
    return { border, size: border + Math.max(0, ...last) + 1 };
  });
  return {
    slab: axes.map(({ size }) => size) as unknown as Triple,
    border: axes.map(({ border }) => border) as unknown as Triple,
    copied: gather.xShape.slice(2) as unknown as Triple,
  };
}

/** The steps of a convolution, or null where its tensors do not fit into textures. */
export function textureSteps(call: Call<unknown>, gather: Gather): Step[] | null {
  // W first: the inputs of a row then lie side by side.
  const parts = phaseGroups(gather.axes).map((group) =>
    [group, cutOf(call, gather, group, [2, 1, 0])] as const
  );
  const layout = channelTexture(call, gather.xShape, gather.groups, reach(gather, parts));
  if (!layout) return null;
  const sizes = parts.map(([group, cut]) => weightTexels(gather, group, cut, layout));
  if (sizes.flat().some((size) => size > call.limits.textureSize)) return null;
  const inputs = call.scratchTexture(layout.texels);
  return [
    fillStep(gather.x, gather.xShape, layout, inputs),
    ...parts.flatMap(([group, cut], k) => {
      const textures = { layout, inputs, weights: call.scratchTexture(sizes[k]!) };
      return phaseGroupSteps(gather, group, cut, textures);
    }),
  ];
}

/** Axes across the row of a thread. */
const across = ({ axis }: Cut) => [0, 1, 2].filter((a) => a !== axis) as [number, number];

function weightTexels({ groups }: Gather, group: PhaseGroup, cut: Cut, { quads }: ChannelTexture): Triple {
  const [u, v] = across(cut).map((a) => group.offsets[a]!.length) as [number, number];
  const width = cut.channels * group.offsets[cut.axis]!.length;
  const size = [width, quads * u * v, group.members.length * groups * cut.perGroup];
  return size.map((n) => Math.max(1, n)) as unknown as Triple; // no taps, no weights, but a texture
}

function phaseGroupSteps(gather: Gather, group: PhaseGroup, cut: Cut, textures: Textures): Step[] {
  const { inputs, weights } = textures;
  const workgroups = Math.ceil(sizeOf(cut.tileShape) / 64);
  return [packStep(gather, group, cut, textures), {
    label: "convolution",
    reads: { x: inputs, weights, ...(gather.bias ? { bias: gather.bias } : {}) },
    writes: { out: gather.out },
    groups: group.members.length * gather.groups * cut.perGroup * workgroups,
    body: threadBody(gather, group, cut, textures),
  }];
}

/** Copies the weights to texels of four input channels. */
function packStep(
  gather: Gather,
  group: PhaseGroup,
  cut: Cut,
  { layout: { quads, channels: inPerGroup }, weights }: Textures,
): Step {
  const { axis, channels, perGroup } = cut;
  const [u, v] = across(cut);
  const counts = group.offsets.map(({ length }) => length);
  const outPerGroup = gather.outShape[1]! / gather.groups;
  const [width, height, depth] = weights.texels!;
  return {
    label: "pack weights",
    reads: { w: gather.w },
    writes: { weights },
    threads: sizeOf(weights.texels!),
    body: sizeOf(counts) === 0 ? "" : `
  ${unravel("i", [depth, quads, counts[u]!, counts[v]!, channels, counts[axis]!], "s")}
  let member = s0 / ${gather.groups * perGroup}u;
  let group = (s0 / ${perGroup}u) % ${gather.groups}u;
  let o = s0 % ${perGroup}u * ${channels}u + s4;
  let k${u} = s2; let k${v} = s3; let k${axis} = s5;
  ${tapTables(group)}
  var texel = vec4<f32>();
  for (var k = 0u; k < 4u; k++) {
    let c = s1 * 4u + k;
    if (o < ${outPerGroup}u && c < ${inPerGroup}u) { texel[k] = w_at(${gather.weightIndex}); }
  }
  set_weights_texel(vec3<u32>(i % ${width}u, i / ${width}u % ${height}u, s0), texel);`,
  };
}

/** Loads the row of inputs and adds what each tap makes of it, output channel by output channel. */
function rowProducts(gather: Gather, { offsets }: PhaseGroup, cut: Cut, layout: ChannelTexture): string {
  const { axis, outputs, channels } = cut;
  const { inStride } = gather.axes[axis]!;
  const taps = offsets[axis]!;
  const border = layout.border[axis]!;
  const inputOf = (j: number, t: number) => j * inStride + taps[t]! + border; // relative to the block's first
  const row = [...new Set(range(outputs).flatMap((j) => taps.map((_, t) => inputOf(j, t))))];
  const step = ["vec3(0, 0, 1)", "vec3(0, 1, 0)", "vec3(1, 0, 0)"][axis]!;
  const loads = row.map((at) => `let r${at} = x_texel(corner_texel + ${at}u * ${step});`);
  const used = range(Math.min(4, layout.channels));
  const sums = range(channels).flatMap((o) =>
    taps.map((_, t) => {
      const products = used.flatMap((k) =>
        range(outputs).map((j) =>
          `a${j}_${o} = fma(w.${component(k)}, r${inputOf(j, t)}.${component(k)}, a${j}_${o});`
        )
      );
      return `{ let w = weights_texel(vec3(${o * taps.length + t}u, weight_row, block)); ${
        products.join(" ")
      } }`;
    })
  );
  return [...loads, ...sums].join("\n    ");
}

function threadBody(gather: Gather, group: PhaseGroup, cut: Cut, { layout }: Textures): string {
  const { outputs, channels } = cut;
  const { quads } = layout;
  const [u, v] = across(cut);
  const last = `${gather.outShape[1]! - 1}u`;
  const sums = range(channels).map((o) => {
    const start = gather.bias ? `bias_at(min(channel0 + ${o}u, ${last}))` : "0.0";
    return `let b${o} = ${start}; ${range(outputs).map((j) => `var a${j}_${o} = b${o};`).join(" ")}`;
  });
  // Taps that hit are evenly spaced.
  const place = (a: number) => {
    const [first = 0, second = 0] = group.offsets[a]!;
    const start = `j${a} * ${gather.axes[a]!.inStride}u`;
    return a === cut.axis
      ? `let i${a} = ${start};`
      : `let i${a} = ${start} + u32(${first + layout.border[a]!} + k${a} * ${second - first});`;
  };
  const hits = sizeOf(group.offsets.map(({ length }) => length)) > 0;
  const products = hits
    ? `for (var q = 0u; q < ${quads}u; q++) {
    ${findSlab(layout, "slab", `(tile_0 * ${gather.groups}u + channel_group) * ${quads}u + q`)}
    for (var k${u} = 0; k${u} < ${group.offsets[u]!.length}; k${u}++) {
    for (var k${v} = 0; k${v} < ${group.offsets[v]!.length}; k${v}++) {
    ${[0, 1, 2].map(place).join(" ")}
    let corner_texel = vec3(i2, slab_row + i1, slab_layer + i0);
    ${rowProducts(gather, group, cut, layout)}
    weight_row++;
    } }
  }`
    : "";
  return `${position(gather, group, cut, "0u")}
  ${sums.join("\n  ")}
  var weight_row = 0u;
  ${products}
  ${overResults(gather, cut, (j, o, at) => `set_out(${at}, a${j}_${o});`)}`;
}
