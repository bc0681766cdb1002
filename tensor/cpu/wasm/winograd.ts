/**
 * Winograd's minimal filtering F(2×2×2, 3×3×3): a tile of 2 × 2 × 2 outputs from 64 products for each pair of
 * channels instead of 216.
 *
 * Along one axis, two outputs are `y = Aᵀ[(G g) ⊙ (Bᵀ d)]` of three weights g and four inputs d; in three
 * dimensions the transforms are applied along each axis in turn. Products are sums over channels at each of
 * the 64 positions of the transformed domain: 64 products of matrices. Blocks of tiles pass through all stages
 * one after another, small enough to stay in a core's second-level cache.
 *
 * Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
 *
 * @module
 */

import type { ConvAttributes } from "../../ops/conv3d.ts";
import type { Shape } from "../../shape.ts";

/** Sizes along z, y and x. */
export type Size = readonly [number, number, number];

/** A convolution with 3 × 3 × 3 weights, stride 1 and dilation 1. */
export interface WinogradShape {
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
  const fits = kernel.every((k) => k === 3) && [...stride, ...dilation].every((n) => n === 1);
  if (!fits) return null;
  const [samples, inputs, ...source] = x as [number, number, number, number, number];
  const [, outputs, ...size] = y as [number, number, number, number, number];
  return {
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
  const { inputs, outputs, source, before: [z, y, x], size } = shape;
  return {
    ...shape,
    inputs: outputs,
    outputs: inputs,
    source: size,
    before: [2 - z, 2 - y, 2 - x],
    size: source,
  };
}

/** Products of a tile and pair of channels: 4 × 4 × 4. */
export const positions = 64;

/** Tiles along each axis. */
export function tilesOf([D, H, W]: Size): Size {
  return [Math.ceil(D / 2), Math.ceil(H / 2), Math.ceil(W / 2)];
}

const product = (sizes: readonly number[]): number => sizes.reduce((total, n) => total * n, 1);

/**
 * Whether so many times fewer multiplications are worth the transforms. In units of the multiplications,
 * transforming cost about 6 / outputs + 4 / inputs. Measured against the direct kernels, one thread, whole tiles
 * (3.4 times fewer multiplications), forward and gradient of the weights: 4→4 channels 1.0 and 0.9 times as
 * fast, 8→8 1.4 and 1.5, 16→16 2.1 and 2.0, 32→32 2.5 and 2.3, 64→64 2.7 and 2.1; on a single plane of voxels
 * (1.7 times fewer) 8→8 0.9 and 0.8, 32→32 1.4 and 1.1.
 */
function pays(fewer: number, { inputs, outputs }: WinogradShape): boolean {
  return fewer >= 1.1 * (1 + 6 / outputs + 4 / inputs);
}

/** Whether the convolution is faster this way. */
export function convolvesFaster(shape: WinogradShape): boolean {
  const [planes, rows, columns] = tilesOf(shape.size);
  // Vectors of four tiles, two at a time.
  const tiles = 8 * planes * Math.ceil(rows * Math.ceil(columns / 4) / 2);
  const voxels = product(shape.size);
  // The transformed weights must serve enough voxels: 64→64 channels at 4³ with two samples gain 1.25.
  return shape.samples * voxels >= 128 && pays(27 * voxels / (positions * tiles), shape);
}

/** Whether the gradient of the weights is faster this way. */
export function weightGradientFaster(shape: WinogradShape): boolean {
  const { inputs, outputs, size } = shape;
  // Channels are filled up to multiples of four.
  const present = inputs * outputs / (16 * Math.ceil(inputs / 4) * Math.ceil(outputs / 4));
  return pays(27 * present * product(size) / (positions * product(tilesOf(size))), shape);
}

/**
 * Bytes from position to position for so many vectors: an odd number of cache lines, since 64 accesses at a
 * distance of a power of two would fall into the same few sets of the cache.
 */
export function positionBytes(vectors: number): number {
  return 64 * (Math.ceil(vectors / 4) | 1);
}
