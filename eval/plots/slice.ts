import type { NdArray } from "../deps.ts";
import { EvalError } from "../errors.ts";
import { percentile } from "../metrics/surface.ts";

/** A volume of intensities or labels whose axes run to the Superior, Anterior and Right. */
export interface ImageGrid {
  /** The voxels, `[D,H,W]`, any strides. */
  readonly array: NdArray;
  /** Voxel size along each axis, in mm. */
  readonly spacing: readonly [number, number, number];
  /** Voxel indices to RAS mm, 4 × 4, row-major; what is drawn is checked against it where it is there. */
  readonly affine?: readonly number[];
}

/** An axis further than this from its direction (as a cosine) is another axis, or runs the other way. */
const leastCosine = 0.4;

/**
 * Refuses a volume whose affine says that its axes do not run to the Superior, Anterior and Right: its picture would
 * carry wrong letters.
 *
 * @throws {EvalError} `eval.orientation`
 */
export function requireAnatomical({ affine, spacing }: ImageGrid, what: string): void {
  if (affine === undefined) return;
  const cosines = [2, 1, 0].map((world, axis) => affine[4 * world + axis]! / spacing[axis]!);
  if (cosines.every((cosine) => cosine >= leastCosine)) return;
  throw new EvalError(
    "eval.orientation",
    `${what}: the axes do not run to Superior, Anterior and Right (cosines ${
      cosines.map((cosine) => cosine.toFixed(2)).join(", ")
    })`,
    { fix: "Turn the volume with toAnatomical() first." },
  );
}

/** The three planes a volume is cut along. */
export type Plane = "axial" | "coronal" | "sagittal";

/** A slice as it is shown: right of the patient on the left, anterior or superior at the top. */
export interface Slice {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Width and height of a pixel, in mm. */
  readonly pixel: readonly [number, number];
  /** Values, row by row. */
  readonly values: Float64Array;
}

/** Axes of a plane: columns, rows, and the axis that slices follow one another on. */
const layout: Readonly<Record<Plane, readonly [number, number, number]>> = {
  axial: [2, 1, 0],
  coronal: [2, 0, 1],
  sagittal: [1, 0, 2],
};

/** How many slices a volume has in a plane. */
export function sliceCount(grid: ImageGrid, plane: Plane): number {
  return grid.array.shape[layout[plane][2]]!;
}

/** Cuts a slice, every `step`-th voxel of it. */
export function cutSlice({ array, spacing }: ImageGrid, plane: Plane, index: number, step = 1): Slice {
  const [column, row, through] = layout[plane];
  const columns = array.shape[column]!, rows = array.shape[row]!;
  const width = Math.ceil(columns / step), height = Math.ceil(rows / step);
  const values = new Float64Array(width * height), data = array.data as ArrayLike<number>;
  const start = array.offset + index * array.stride[through]!;
  for (let r = 0, at = 0; r < height; r++) {
    const line = start + (rows - 1 - r * step) * array.stride[row]!;
    for (let c = 0; c < width; c++) {
      values[at++] = data[line + (columns - 1 - c * step) * array.stride[column]!]!;
    }
  }
  return { width, height, values, pixel: [spacing[column]! * step, spacing[row]! * step] };
}

/** The slice of a plane that holds most voxels of any class; the middle one when there is no class. */
export function busiestSlice(labels: ImageGrid, plane: Plane): number {
  const count = sliceCount(labels, plane);
  let best = Math.floor(count / 2), most = 0;
  for (let i = 0; i < count; i++) {
    const filled = cutSlice(labels, plane, i).values.reduce((n, v) => n + (v === 0 ? 0 : 1), 0);
    if (filled > most) [best, most] = [i, filled];
  }
  return best;
}

/** Two percentiles of a sample of the voxels between two corners; nothing where they are the same. */
function percentilesIn(
  { array }: ImageGrid,
  percents: readonly [number, number],
  from: readonly number[],
  to: readonly number[],
): [low: number, high: number] | undefined {
  const sample: number[] = [];
  const count = from.reduce((product, start, axis) => product * (to[axis]! - start), 1);
  const step = Math.max(1, Math.floor(Math.cbrt(count / 30_000)));
  for (let d = from[0]!; d < to[0]!; d += step) {
    for (let h = from[1]!; h < to[1]!; h += step) {
      for (let w = from[2]!; w < to[2]!; w += step) sample.push(array.get(d, h, w) as number);
    }
  }
  sample.sort((a, b) => a - b);
  const [low, high] = percents.map((percent) => percentile(sample, percent)) as [number, number];
  return high > low ? [low, high] : undefined;
}

/** Two percentiles of a volume's intensities, from a sample of its voxels; the second is above the first. */
export function greyRange(image: ImageGrid, lower: number, upper: number): [low: number, high: number] {
  const { shape } = image.array, all = percentilesIn(image, [lower, upper], [0, 0, 0], shape);
  const value = image.array.get(0, 0, 0) as number;
  return all ?? [value, value + 1];
}

/**
 * What black and white stand for: the 1st and 99th percentile of a volume. Where the quarter of each axis around a voxel
 * has less than a third of that range, as in a CT, beside whose air all organs would be white: the range of that part, and
 * half of it on either side.
 */
export function greyWindow(image: ImageGrid, around: readonly number[]): [low: number, high: number] {
  const { shape } = image.array, all = greyRange(image, 1, 99);
  const reach = shape.map((length) => Math.max(1, Math.round(length / 8)));
  const from = around.map((at, axis) => Math.max(0, at - reach[axis]!));
  const to = around.map((at, axis) => Math.min(shape[axis]!, at + reach[axis]!));
  const part = percentilesIn(image, [1, 99], from, to);
  if (part === undefined) return all;
  const range = part[1] - part[0];
  return 3 * range < all[1] - all[0] ? [part[0] - range / 2, part[1] + range / 2] : all;
}

/** Grey levels 0 … 255 for a volume of which the part around a voxel is to be seen. */
export function greyScale(image: ImageGrid, around: readonly number[]): (value: number) => number {
  const [low, high] = greyWindow(image, around);
  return (value) => Math.round(255 * Math.min(1, Math.max(0, (value - low) / (high - low))));
}
