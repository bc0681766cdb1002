/**
 * Winograd's minimal filtering F(2×4×4, 3×3×3): a tile of 2 × 4 × 4 outputs from 4 × 6 × 6 = 144 products for each
 * pair of channels instead of 864. With 1×3×3 weights tiles are flat, F(4×4, 3×3): 36 products instead of 144.
 *
 * Along one axis, outputs are `y = Aᵀ[(G g) ⊙ (Bᵀ d)]` of three weights g and inputs d; in several dimensions the
 * transforms are applied along each axis in turn. Products are sums over channels at each of the 144 or 36
 * positions of the transformed domain: as many products of matrices. Blocks of tiles pass through all stages one
 * after another, small enough to stay in a core's second-level cache.
 *
 * Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
 *
 * @module
 */

import type { ConvAttributes } from "../../ops/conv3d.ts";
import type { Shape } from "../../shape.ts";

/** Taps along z. */
export type Depth = 1 | 3;

/** Sizes along z, y and x. */
export type Size = readonly [number, number, number];

/** A convolution with 3 × 3 × 3 or 1 × 3 × 3 weights, stride 1 and dilation 1. */
export interface WinogradShape {
  /** Taps along z: 3, or 1 where tiles are flat. */
  readonly depth: Depth;
  /** Samples. */
  readonly samples: number;
  /** Channel groups. */
  readonly groups: number;
  /** Input channels of a group. */
  readonly inputs: number;
  /** Output channels of a group. */
  readonly outputs: number;
  /** Sizes of the input. */
  readonly source: Size;
  /** Zeros before the first input voxel; negative to leave voxels out. */
  readonly before: Size;
  /** Sizes of the output. */
  readonly size: Size;
}

/** The convolution from x to y, or null when it is of another kind. */
export function winogradShape(
  x: Shape,
  y: Shape,
  kernel: Shape,
  { stride, padding, dilation, groups }: ConvAttributes,
): WinogradShape | null {
  const [depth, ...flat] = kernel;
  if (depth !== 1 && depth !== 3) return null;
  if (flat.some((k) => k !== 3) || [...stride, ...dilation].some((n) => n !== 1)) return null;
  const [samples, inputs, ...source] = x as [number, number, number, number, number];
  const [, outputs, ...size] = y as [number, number, number, number, number];
  return {
    depth,
    samples,
    groups,
    inputs: inputs / groups,
    outputs: outputs / groups,
    source,
    before: padding,
    size,
  };
}

/** The convolution that takes the gradient of the output to the gradient of the input. */
export function adjoint(shape: WinogradShape): WinogradShape {
  const { depth, inputs, outputs, source, before: [z, y, x], size } = shape;
  return {
    ...shape,
    inputs: outputs,
    outputs: inputs,
    source: size,
    before: [depth - 1 - z, 2 - y, 2 - x],
    size: source,
  };
}

/** Planes of a tile's outputs. */
export function outputPlanes(depth: Depth): 1 | 2 {
  return depth === 3 ? 2 : 1;
}

/** Planes of a tile's inputs, and of its transform. */
export function positionPlanes(depth: Depth): 1 | 4 {
  return depth === 3 ? 4 : 1;
}

/** Outputs of a tile along each axis. */
export function tileSize(depth: Depth): Size {
  return [outputPlanes(depth), 4, 4];
}

/** Products of a tile and pair of channels: 4 × 6 × 6, or 6 × 6. */
export function positionsOf(depth: Depth): number {
  return 36 * positionPlanes(depth);
}

/** A position's number by its plane, row and column. */
export function winogradPlace([z, y, x]: Size): number {
  return (6 * z + y) * 6 + x;
}

/** Tiles along each axis. */
export function tilesOf({ depth, size }: Pick<WinogradShape, "depth" | "size">): Size {
  const tile = tileSize(depth);
  return size.map((n, axis) => Math.ceil(n / tile[axis]!)) as unknown as Size;
}

const product = (sizes: readonly number[]): number => sizes.reduce((total, n) => total * n, 1);

/**
 * Whether fewer multiplications are worth the transforms. In units of a direct multiplication, a product costs
 * 1.25 and transforming a tile as much as 7 products for each input and 5 for each output; transforming weights,
 * or their gradients, 8 tiles, more where they leave the cache. Measured against the direct kernels, one thread,
 * forward and gradient of the weights: 4→4 channels 1.2 and 1.2 times as fast, 8→8 1.9 and 1.8, 32→32 2.4 and
 * 2.0, 64→64 on 4³ voxels 1.2 and 1.9, 128→128 there 0.8 and 1.5, one input channel 0.7 and 0.4; with flat tiles
 * 4→4 0.8 and 1.0, 8→8 1.4 and 1.4, 32→32 2.2 and 1.9.
 */
function pays({ depth, samples, inputs, outputs, size }: WinogradShape, paddedPairs: number): boolean {
  const pairs = inputs * outputs;
  const tiles = samples * product(tilesOf({ depth, size }));
  const transforms = (7 * filled(inputs) + 5 * filled(outputs)) / pairs;
  const cost = 1.25 * tiles * (paddedPairs / pairs + transforms) + 8 + pairs / 1024;
  return 9 * depth * samples * product(size) > positionsOf(depth) * cost;
}

/** Channels filled up to vectors. */
const filled = (channels: number): number => 4 * Math.ceil(channels / 4);

/**
 * Channels from which on rounding is within the bound of a plain sum of as many products: tiles of four by four outputs
 * lose about 15 ε of the norm of the terms, and that bound, 2 ε √terms, is 18 ε with three channels, 29 ε with eight.
 */
const fewestInputs = 8;

/** Whether the convolution is faster this way, and accurate. */
export function convolvesFaster(shape: WinogradShape): boolean {
  return shape.inputs >= fewestInputs && pays(shape, shape.inputs * filled(shape.outputs));
}

/** Whether the gradient of the weights is faster this way. */
export function weightGradientFaster(shape: WinogradShape): boolean {
  return pays(shape, filled(shape.inputs) * filled(shape.outputs));
}

/**
 * Bytes from position to position for so many vectors: an odd number of cache lines, since accesses at a
 * distance of a power of two would fall into the same few sets of the cache.
 */
export function positionBytes(vectors: number): number {
  return 64 * (Math.ceil(vectors / 4) | 1);
}
