import { diagonalMm, type LabelPair, type Triple } from "./label_grid.ts";
import { type LesionCounts, lesionCounts } from "./lesions.ts";
import { type MaskPair, type SurfaceDistances, surfaceDistances } from "./surface.ts";
import { type AreaWeightedDistances, areaWeightedDistances } from "./surface_elements.ts";

/**
 * One class of a predicted and a reference volume, with what metrics are computed from. What costs time is computed
 * when the first metric asks for it, and kept.
 */
export interface ClassPair {
  /** Case, modality and class, for errors. */
  readonly where: string;
  /** Voxels of the class in both volumes at once. */
  readonly both: number;
  /** Voxels of the class in the prediction. */
  readonly predicted: number;
  /** Voxels of the class in the reference. */
  readonly referred: number;
  /** Volume of a voxel in ml. */
  readonly voxelMl: number;
  /** Diagonal of the volume in mm; of its plane when it is a single slice. */
  readonly diagonalMm: number;
  /** The masks in the box that holds the class in both volumes; needs a voxel in one of them. */
  masks(): MaskPair;
  /** Voxel surface distances; need a voxel in both volumes. */
  distances(): SurfaceDistances;
  /** Distances between surface elements; need a voxel in both volumes. */
  elements(): AreaWeightedDistances;
  /** Connected parts; need a voxel in one of the volumes. */
  parts(): LesionCounts;
}

/** The pairs of all classes of two label volumes, in the order of the classes. */
export function classPairs(pair: LabelPair, names: readonly string[], where: string): ClassPair[] {
  const flat = flatAxes(pair.shape);
  const diagonal = diagonalMm(pair.shape, pair.spacing, flat);
  return measureClasses(pair, names.length).map((extent, i) => {
    const masks = once(() => cropClass(pair, extent, i + 1, flat));
    return {
      where: `${where}, class ${names[i]}`,
      both: extent.both,
      predicted: extent.predicted,
      referred: extent.referred,
      voxelMl: pair.spacing[0] * pair.spacing[1] * pair.spacing[2] / 1000,
      diagonalMm: diagonal,
      masks,
      distances: once(() => surfaceDistances(masks())),
      elements: once(() => areaWeightedDistances(masks())),
      parts: once(() => lesionCounts(masks())),
    };
  });
}

/** The axes of one voxel, unless all are. */
function flatAxes(shape: Triple): MaskPair["flat"] {
  const single = shape.every((size) => size === 1);
  return [!single && shape[0] === 1, !single && shape[1] === 1, !single && shape[2] === 1];
}

function once<T>(compute: () => T): () => T {
  let known: { value: T } | undefined;
  return () => (known ??= { value: compute() }).value;
}

/** Counts and bounding box of one class over both volumes. */
interface ClassExtent {
  both: number;
  predicted: number;
  referred: number;
  low: [number, number, number];
  high: [number, number, number];
}

/** One pass over both volumes for all classes. */
function measureClasses({ shape, prediction, reference }: LabelPair, classes: number): ClassExtent[] {
  const extents = Array.from({ length: classes }, (): ClassExtent => ({
    both: 0,
    predicted: 0,
    referred: 0,
    low: [Infinity, Infinity, Infinity],
    high: [-1, -1, -1],
  }));
  const grow = (extent: ClassExtent, z: number, y: number, x: number): void => {
    const { low, high } = extent;
    if (z < low[0]) low[0] = z;
    if (z > high[0]) high[0] = z;
    if (y < low[1]) low[1] = y;
    if (y > high[1]) high[1] = y;
    if (x < low[2]) low[2] = x;
    if (x > high[2]) high[2] = x;
  };
  let at = 0;
  for (let z = 0; z < shape[0]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let x = 0; x < shape[2]; x++, at++) {
        const p = prediction[at]!, r = reference[at]!;
        if (p === 0 && r === 0) continue;
        if (p !== 0) {
          const extent = extents[p - 1]!;
          extent.predicted++;
          if (p === r) extent.both++;
          grow(extent, z, y, x);
        }
        if (r !== 0) {
          const extent = extents[r - 1]!;
          extent.referred++;
          if (p !== r) grow(extent, z, y, x);
        }
      }
    }
  }
  return extents;
}

/** The masks of one class in the box that holds it in both volumes; no distance changes by the crop. */
function cropClass(
  pair: LabelPair,
  { low, high }: ClassExtent,
  index: number,
  flat: MaskPair["flat"],
): MaskPair {
  const shape = [high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1] as const;
  const voxels = shape[0] * shape[1] * shape[2];
  const prediction = new Uint8Array(voxels), reference = new Uint8Array(voxels);
  let to = 0;
  for (let z = low[0]; z <= high[0]; z++) {
    for (let y = low[1]; y <= high[1]; y++) {
      let from = (z * pair.shape[1] + y) * pair.shape[2] + low[2];
      for (let x = low[2]; x <= high[2]; x++, from++, to++) {
        if (pair.prediction[from] === index) prediction[to] = 1;
        if (pair.reference[from] === index) reference[to] = 1;
      }
    }
  }
  return { shape, spacing: pair.spacing, flat, prediction, reference };
}
