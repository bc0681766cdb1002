/**
 * Copies of tensors in textures: a texel holds four channels of a voxel, with a border of zeros around the
 * volume, so that whoever reads needs no bounds.
 *
 * A slab is the volume of four channels of one sample: `[D, H, W]` at depth, row and column of the texture.
 * Slabs lie one behind the other; where the depth is used up, the next ones lie below, in a further tier.
 *
 * @module
 */

import { type Shape, stridesOf, type Triple } from "../../shape.ts";
import { unravel } from "../indexing.ts";
import type { Bound, Call, Step } from "../kernel.ts";

/** Where voxels are in a texture of channels. */
export interface ChannelTexture {
  /** Width, height and depth of the texture. */
  readonly texels: Triple;
  /** D, H and W of a slab, border included. */
  readonly slab: Triple;
  /** Zeros in front of the volume along D, H and W. */
  readonly border: Triple;
  /** Voxels along D, H and W that are copied; what lies beyond is zero. */
  readonly copied: Triple;
  /** Channels of a group, and slabs for them. */
  readonly channels: number;
  /** See `channels`. */
  readonly quads: number;
  /** Slabs in one tier. */
  readonly perTier: number;
}

/** How a tensor `[N,C,D,H,W]` lies in a texture, or null where it does not fit into one. */
export function channelTexture(
  call: Call<unknown>,
  shape: Shape,
  groups: number,
  part: Pick<ChannelTexture, "slab" | "border" | "copied">,
): ChannelTexture | null {
  const { textureSize } = call.limits;
  const [depth, height, width] = part.slab;
  const channels = shape[1]! / groups;
  const quads = Math.ceil(channels / 4);
  const slabs = shape[0]! * groups * quads;
  const perTier = Math.min(slabs, Math.floor(textureSize / depth));
  if (perTier === 0) return null;
  const texels: Triple = [width, height * Math.ceil(slabs / perTier), depth * perTier];
  return texels.some((size) => size > textureSize) ? null : { ...part, texels, channels, quads, perTier };
}

/** Statements for `<name>_row` and `<name>_layer`, where the slab `number` begins in the texture. */
export function findSlab({ slab, perTier }: ChannelTexture, name: string, number: string): string {
  return `let ${name}_row = (${number}) / ${perTier}u * ${
    slab[1]
  }u; let ${name}_layer = (${number}) % ${perTier}u * ${slab[0]}u;`;
}

/** Copies a tensor into its texture: a thread fills a row, so that what a row has in common is computed once. */
export function fillStep(x: Bound, shape: Shape, layout: ChannelTexture, copy: Bound): Step {
  const { texels, slab, border, copied, channels, quads, perTier } = layout;
  const strides = stridesOf(shape);
  const slabs = shape[0]! * shape[1]! / channels * quads;
  const tiers = texels[1] / slab[1];
  const end = [0, 1, 2].map((a) => Math.min(copied[a]!, shape[a + 2]!));
  const values = [0, 1, 2, 3].map((k) => {
    const guard = channels % 4 === 0 || k === 0 ? "" : `if (channel + ${k}u < ${channels}u) `;
    return `${guard}{ texel[${k}] = x_at(at + ${k * strides[1]!}u + q2); }`;
  });
  return {
    label: "copy into a texture",
    reads: { x },
    writes: { copy },
    threads: texels[2] * texels[1],
    body: `
  ${unravel("i", [texels[2], tiers, slab[1]], "p")}
  let number = p1 * ${perTier}u + p0 / ${slab[0]}u;
  let q0 = p0 % ${slab[0]}u - ${border[0]}u;
  let q1 = p2 - ${border[1]}u;
  let hit = number < ${slabs}u && q0 < ${end[0]}u && q1 < ${end[1]}u;
  let channel = number % ${quads}u * 4u;
  let at = (number / ${quads}u * ${channels}u + channel) * ${strides[1]}u + q0 * ${strides[2]}u + q1 * ${
      strides[3]
    }u;
  for (var p3 = 0u; p3 < ${slab[2]}u; p3++) {
    let q2 = p3 - ${border[2]}u;
    var texel = vec4<f32>();
    if (hit && q2 < ${end[2]}u) { ${values.join(" ")} }
    set_copy_texel(vec3(p3, p1 * ${slab[1]}u + p2, p0), texel);
  }`,
  };
}
