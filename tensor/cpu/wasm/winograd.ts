/**
 * Winograd's minimal filtering F(2×2×2, 3×3×3): a tile of 2 × 2 × 2 outputs from 64 products for each pair of
 * channels instead of 216. With 1×3×3 weights tiles are flat, F(2×2, 3×3): 16 products instead of 36.
 *
 * Along one axis, two outputs are `y = Aᵀ[(G g) ⊙ (Bᵀ d)]` of three weights g and four inputs d; in several
 * dimensions the transforms are applied along each axis in turn. Products are sums over channels at each of
 * the 64 or 16 positions of the transformed domain: as many products of matrices. Blocks of tiles pass through
 * all stages one after another, small enough to stay in a core's second-level cache.
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
export function inputPlanes(depth: Depth): 1 | 4 {
  return depth === 3 ? 4 : 1;
}

/** Products of a tile and pair of channels: 4 × 4 × 4, or 4 × 4. */
export function positionsOf(depth: Depth): number {
  return 16 * inputPlanes(depth);
}

/** Tiles along each axis. */
export function tilesOf({ depth, size: [D, H, W] }: Pick<WinogradShape, "depth" | "size">): Size {
  return [Math.ceil(D / outputPlanes(depth)), Math.ceil(H / 2), Math.ceil(W / 2)];
}

const product = (sizes: readonly number[]): number => sizes.reduce((total, n) => total * n, 1);

/**
 * Whether so many times fewer multiplications are worth the transforms. In units of the multiplications,
 * transforming cost about 6 / outputs + 4 / inputs. Measured against the direct kernels, one thread, whole tiles
 * (3.4 times fewer multiplications), forward and gradient of the weights: 4→4 channels 1.0 and 0.9 times as
 * fast, 8→8 1.4 and 1.5, 16→16 2.1 and 2.0, 32→32 2.5 and 2.3, 64→64 2.7 and 2.1; on a single plane of voxels
 * (1.7 times fewer) 8→8 0.9 and 0.8, 32→32 1.4 and 1.1. Flat tiles have two axes to transform in place of
 * three; 2.25 times fewer multiplications are 4→4 0.7 and 0.7, 8→8 1.1 and 0.9, 16→16 1.7 and 1.3, 32→32 1.7 and
 * 1.7 times as fast.
 */
function pays(fewer: number, { inputs, outputs }: WinogradShape, transforms = 1): boolean {
  return fewer >= 1.1 * (1 + transforms * (6 / outputs + 4 / inputs));
}

/** Whether the convolution is faster this way. */
export function convolvesFaster(shape: WinogradShape): boolean {
  const { depth } = shape;
  const [planes, rows, columns] = tilesOf(shape);
  // Vectors of four tiles, two at a time.
  const tiles = 8 * planes * Math.ceil(rows * Math.ceil(columns / 4) / 2);
  const voxels = product(shape.size);
  // The transformed weights must serve enough voxels: 64→64 channels at 4³ with two samples gain 1.25.
  return shape.samples * voxels >= 128 &&
    pays(9 * depth * voxels / (positionsOf(depth) * tiles), shape, depth === 3 ? 1 : 2 / 3);
}

/** Whether the gradient of the weights is faster this way. */
export function weightGradientFaster(shape: WinogradShape): boolean {
  const { depth, inputs, outputs, size } = shape;
  // Channels are filled up to multiples of four.
  const present = inputs * outputs / (16 * Math.ceil(inputs / 4) * Math.ceil(outputs / 4));
  const products = positionsOf(depth) * product(tilesOf(shape));
  return pays(9 * depth * present * product(size) / products, shape);
}

/**
 * Bytes from position to position for so many vectors: an odd number of cache lines, since 64 accesses at a
 * distance of a power of two would fall into the same few sets of the cache.
 */
export function positionBytes(vectors: number): number {
  return 64 * (Math.ceil(vectors / 4) | 1);
}
