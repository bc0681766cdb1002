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

/** Tiles along each axis. */
export function tilesOf([D, H, W]: Size): Size {
  return [Math.ceil(D / 2), Math.ceil(H / 2), Math.ceil(W / 2)];
}

const product = (sizes: readonly number[]): number => sizes.reduce((total, n) => total * n, 1);

/**
 * Whether the convolution is faster this way. Against the direct kernel, one thread: 1.0 times as fast for
 * 4→4 channels, 1.3 for 4→8, 1.5 for 8→8, 2.1 for 16→16, 2.5 for 32→32 and 64→64; with whole tiles in all
 * lanes it needs 3.4 times fewer multiplications, and below 2.2 times (4³ and 5³ voxels, one plane) or with few
 * voxels for the transformed weights to serve (64→64 at 4³) the transforms cost more than they save.
 */
export function convolvesFaster({ samples, inputs, outputs, size }: WinogradShape): boolean {
  const [planes, rows, columns] = tilesOf(size);
  // Vectors of four tiles, two at a time.
  const computed = 8 * planes * Math.ceil(rows * Math.ceil(columns / 4) / 2);
  return inputs * outputs >= 32 && Math.min(inputs, outputs) >= 3 && samples * product(size) >= 256 &&
    27 * product(size) >= 2.2 * 64 * computed;
}

/**
 * Whether the gradient of the weights is faster this way. Against the direct kernel, one thread: 0.9 times as
 * fast for 4→4 channels, 1.1 for 4→8, 1.3 for 8→8, 1.5 for 16→16, 2.0 for 32→32 and 64→64. Channels are
 * filled up to multiples of four; with whole tiles it needs 3.4 times fewer multiplications, and below twice
 * (5³ voxels, one plane) it gains nothing.
 */
export function weightGradientFaster({ inputs, outputs, size }: WinogradShape): boolean {
  const pairs = 16 * Math.ceil(inputs / 4) * Math.ceil(outputs / 4);
  return inputs * outputs >= 64 &&
    27 * inputs * outputs * product(size) >= 2 * 64 * pairs * product(tilesOf(size));
}

/** Products of a tile and pair of channels: 4 × 4 × 4. */
export const positions = 64;

/**
 * Bytes from position to position for so many vectors: an odd number of cache lines, since 64 accesses at a
 * distance of a power of two would fall into the same few sets of the cache.
 */
export function positionBytes(vectors: number): number {
  return 64 * (Math.ceil(vectors / 4) | 1);
}
