import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import type { LabelClass } from "../metrics/label_grid.ts";
import { busiestSlice, greyRange, greyWindow, type ImageGrid, requireAnatomical } from "../plots/slice.ts";

/** A voxel, by its place along D, H and W. */
export type Voxel = readonly [number, number, number];

/** A volume as a page holds it. */
export interface PackedVolume {
  /** Voxels along D, H and W that are shown. */
  readonly shape: Voxel;
  /** Their size in mm. */
  readonly spacing: Voxel;
  /** Of the volume's own voxels, every how many-th is shown along each axis. */
  readonly step: Voxel;
}

/** Largest numbers of voxels along an axis that are tried, and voxels that all images of a page may have together. */
const sides = [192, 160, 128, 96, 64] as const, mostVoxels = 48e6;

const sizeOf = ({ array: { shape } }: ImageGrid, side: number): [number, number, number] => {
  const along = (axis: number) => Math.ceil(shape[axis]! / Math.ceil(shape[axis]! / side));
  return [along(0), along(1), along(2)];
};

/** The largest side at which all images together fit in a page; the smallest when none does. */
export function chooseSide(images: readonly ImageGrid[]): number {
  const voxels = (side: number) =>
    images.reduce((sum, image) => sum + sizeOf(image, side).reduce((product, n) => product * n), 0);
  return sides.find((side) => voxels(side) <= mostVoxels) ?? sides.at(-1)!;
}

/** How a volume is thinned to at most `side` voxels along each axis. */
export function packing(grid: ImageGrid, side: number): PackedVolume {
  requireAnatomical(grid, "viewer");
  const shape = sizeOf(grid, side);
  const step = shape.map((_, axis) => Math.ceil(grid.array.shape[axis]! / side)) as unknown as Voxel;
  const spacing = step.map((n, axis) => n * grid.spacing[axis]!) as unknown as Voxel;
  return { shape, spacing, step };
}

/** Bytes in the order D, H, W, compressed, as text. */
export function packed(
  { array }: ImageGrid,
  { shape: [depth, height, width], step }: PackedVolume,
  byteOf: (value: number) => number,
): string {
  const bytes = new Uint8Array(depth * height * width), data = array.data as ArrayLike<number>;
  for (let d = 0, at = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) {
      const line = array.offset + d * step[0] * array.stride[0]! + h * step[1] * array.stride[1]!;
      for (let w = 0; w < width; w++) bytes[at++] = byteOf(data[line + w * step[2] * array.stride[2]!]!);
    }
  }
  return Buffer.from(gzipSync(bytes, { level: 9 })).toString("base64");
}

/** Intensities as bytes between the values `low` and `high`, and the window that shows most of those around a voxel. */
export function packedImage(image: ImageGrid, volume: PackedVolume, around: Voxel) {
  const [low, high] = greyRange(image, 0.1, 99.9);
  const window = greyWindow(image, around.map((at, axis) => at * volume.step[axis]!));
  const data = packed(
    image,
    volume,
    (v) => Math.round(255 * Math.min(1, Math.max(0, (v - low) / (high - low)))),
  );
  return { low, high, window, data };
}

/** Labels as bytes: 0, or the place of the class in the list from 1 on. */
export function packedLabels(
  labels: ImageGrid,
  volume: PackedVolume,
  classes: readonly LabelClass[],
): string {
  const places = new Map(classes.map((c, i) => [c.id, i + 1]));
  return packed(labels, volume, (v) => places.get(v) ?? 0);
}

/** Where to look first: in the axial slice with most labels, the labelled voxel nearest to their middle. */
export function startVoxel(labels: ImageGrid, { shape, step }: PackedVolume): Voxel {
  const { array } = labels, d = Math.min(shape[0] - 1, Math.floor(busiestSlice(labels, "axial") / step[0]));
  const found: [number, number][] = [];
  for (let h = 0; h < shape[1]; h++) {
    for (let w = 0; w < shape[2]; w++) {
      if (array.get(d * step[0], h * step[1], w * step[2]) !== 0) found.push([h, w]);
    }
  }
  const middle = found.length === 0
    ? [shape[1] / 2, shape[2] / 2]
    : [0, 1].map((axis) => found.reduce((sum, voxel) => sum + voxel[axis]!, 0) / found.length);
  const distance = ([h, w]: readonly [number, number]) => (h - middle[0]!) ** 2 + (w - middle[1]!) ** 2;
  const none: [number, number] = [Math.floor(middle[0]!), Math.floor(middle[1]!)];
  const [h, w] = found.reduce(
    (best, next) => distance(next) < distance(best) ? next : best,
    found[0] ?? none,
  );
  return [d, h, w];
}
