/**
 * Resampling along one axis: which voxels of a line count for each new one, and how much.
 *
 * Voxels are boxes: index i lies at the middle of i − ½ … i + ½ (`align_corners=False`, scipy's `grid_mode=True`).
 *
 * @module
 */

/** Weights of the old positions along an axis for each new one. */
export interface AxisWeights {
  /** How many new positions there are. */
  readonly length: number;
  /** How many old positions count for each new one, at most. */
  readonly taps: number;
  /** The first of them for each new position. */
  readonly first: Int32Array;
  /** `taps` weights for each new position, with sum 1; all 0 where it lies outside. */
  readonly weights: Float64Array;
}

/** How values between voxels are made up along an axis. */
export type AxisKernel = "linear" | "nearest";

/** How far a position may lie beyond the outer half voxel before it counts as outside: rounding of affines. */
const slack = 1e-3;

/**
 * The weights for new positions `start + step · o`, o = 0 … length − 1, in old voxels.
 *
 * A finer or equal step interpolates between neighbours. A coarser one averages with a triangle as wide as two new
 * voxels, which keeps out what the new grid could not show (anti-aliasing); `nearest` does so, too.
 *
 * @param count old positions
 * @param beyond up to how far beyond the ends positions take the value of the end, in old voxels
 */
export function axisWeights(
  count: number,
  length: number,
  start: number,
  step: number,
  kernel: AxisKernel,
  beyond = 0.5,
): AxisWeights {
  const width = Math.max(1, step);
  const taps = Math.min(count, kernel === "nearest" && step <= 1 ? 2 : 2 * Math.ceil(width));
  const first = new Int32Array(length), weights = new Float64Array(length * taps);
  for (let o = 0; o < length; o++) {
    const place = start + step * o;
    if (!(place >= -beyond - slack && place <= count - 1 + beyond + slack)) continue;
    // Positions that are a voxel's but for the rounding of affines take its value, bit for bit.
    const at = Math.abs(place - Math.round(place)) < 1e-4 ? Math.round(place) : place;
    const held = width > 1 ? at : Math.min(count - 1, Math.max(0, at));
    const from = Math.min(count - taps, Math.max(0, Math.floor(held) - Math.ceil(width) + 1));
    let total = 0;
    for (let tap = 0; tap < taps; tap++) {
      const distance = Math.abs(from + tap - held);
      const weight = kernel === "nearest" && step <= 1
        ? nearest(distance)
        : Math.max(0, 1 - distance / width);
      weights[o * taps + tap] = weight;
      total += weight;
    }
    first[o] = from;
    for (let tap = 0; tap < taps; tap++) weights[o * taps + tap]! /= total;
  }
  return { length, taps, first, weights };
}

/** Two voxels at the same distance share: taking the upper one would shift the image by half a voxel. */
function nearest(distance: number): number {
  return Math.abs(distance - 0.5) < 1e-4 ? 0.5 : distance < 0.5 ? 1 : 0;
}

/**
 * A row-major volume resampled along one axis.
 *
 * @param shape of the volume
 * @returns row-major, with `weights.length` positions along the axis
 */
export function resampleAxis(
  data: Float32Array,
  shape: readonly number[],
  axis: number,
  { length, taps, first, weights }: AxisWeights,
): Float32Array<ArrayBuffer> {
  const count = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, n) => product * n, 1);
  const outer = shape.slice(0, axis).reduce((product, n) => product * n, 1);
  const out = new Float32Array(outer * length * inner);
  if (inner === 1) {
    for (let block = 0, to = 0; block < outer; block++) {
      for (let o = 0; o < length; o++, to++) {
        const from = block * count + first[o]!;
        let sum = 0;
        for (let tap = 0; tap < taps; tap++) sum += weights[o * taps + tap]! * data[from + tap]!;
        out[to] = sum;
      }
    }
    return out;
  }
  const line = new Float64Array(inner);
  for (let block = 0; block < outer; block++) {
    for (let o = 0; o < length; o++) {
      line.fill(0);
      for (let tap = 0; tap < taps; tap++) {
        const weight = weights[o * taps + tap]!;
        if (weight === 0) continue;
        const from = (block * count + first[o]! + tap) * inner;
        for (let i = 0; i < inner; i++) line[i]! += weight * data[from + i]!;
      }
      out.set(line, (block * length + o) * inner);
    }
  }
  return out;
}
