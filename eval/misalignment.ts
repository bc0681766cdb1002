import { Random } from "../tensor/random.ts";
import { EvalError } from "./errors.ts";
import type { ImageGrid } from "./plots/slice.ts";
import type { Perturbation } from "./robustness.ts";

/** A way to put one modality out of line with the others. */
export interface Misalignment {
  /** What is done. */
  readonly perturbation: Perturbation;
  /** How much: mm, degrees, mm at most, or per cent of the slices. */
  readonly level: number;
  /** Decides direction, axis, field and slices; the same seed moves the same way at every level. */
  readonly seed: number;
}

type Point = [number, number, number];

/**
 * Moves an image within its grid, linear between voxels; what comes in from outside is the image's minimum.
 *
 * Translation goes along a random direction, rotation about a random axis through the centre, elastic
 * deformation along a smooth random field whose largest displacement is the level. `slice-drop` blanks random
 * slices along the last axis. Level 0 returns the voxels as they are.
 *
 * @returns row-major over the shape of the image
 * @throws {EvalError} `eval.misalignment` for a level that is not ≥ 0, or above 100 % of the slices
 */
export function misalignImage(image: ImageGrid, misalignment: Misalignment): Float32Array {
  checkLevel(misalignment);
  const read = reader(image), shape = image.array.shape as Point;
  let minimum = Infinity;
  forEachVoxel(shape, (x, y, z) => minimum = Math.min(minimum, read(x, y, z)));
  const inside = (x: number, y: number, z: number): number =>
    within(shape, x, y, z) ? read(x, y, z) : minimum;
  const out = new Float32Array(shape[0] * shape[1] * shape[2]);
  let at = 0;
  if (misalignment.perturbation === "slice-drop") {
    const dropped = droppedSlices(shape[2], misalignment);
    forEachVoxel(shape, (x, y, z) => out[at++] = dropped.has(z) ? minimum : read(x, y, z));
    return out;
  }
  const source = sourceOf(image, misalignment);
  forEachVoxel(shape, (x, y, z) => out[at++] = trilinear(inside, source(x, y, z)));
  return out;
}

/**
 * Moves labels as {@link misalignImage} moves an image, to the nearest voxel; background comes in from outside.
 * Dropping slices does not change them: the anatomy is still there.
 *
 * @returns row-major over the shape of the labels
 * @throws {EvalError} as {@link misalignImage}
 */
export function misalignLabels(labels: ImageGrid, misalignment: Misalignment): Uint8Array {
  checkLevel(misalignment);
  const read = reader(labels), shape = labels.array.shape as Point;
  const out = new Uint8Array(shape[0] * shape[1] * shape[2]);
  const source = misalignment.perturbation === "slice-drop"
    ? (x: number, y: number, z: number): Point => [x, y, z]
    : sourceOf(labels, misalignment);
  let at = 0;
  forEachVoxel(shape, (x, y, z) => {
    const [i, j, k] = source(x, y, z).map(Math.round) as Point;
    out[at++] = within(shape, i, j, k) ? read(i, j, k) : 0;
  });
  return out;
}

function checkLevel({ perturbation, level }: Misalignment): void {
  if (!(level >= 0 && Number.isFinite(level)) || (perturbation === "slice-drop" && level > 100)) {
    throw new EvalError(
      "eval.misalignment",
      `the level of ${perturbation} is ${level}; expected a number from 0`,
      {
        fix: "Give mm, degrees, or per cent of the slices up to 100.",
      },
    );
  }
}

function forEachVoxel(shape: Point, visit: (x: number, y: number, z: number) => void): void {
  for (let x = 0; x < shape[0]; x++) {
    for (let y = 0; y < shape[1]; y++) for (let z = 0; z < shape[2]; z++) visit(x, y, z);
  }
}

function within(shape: Point, x: number, y: number, z: number): boolean {
  return x >= 0 && y >= 0 && z >= 0 && x < shape[0] && y < shape[1] && z < shape[2];
}

function reader({ array }: ImageGrid): (x: number, y: number, z: number) => number {
  const [sx, sy, sz] = array.stride as Point, data = array.data as ArrayLike<number>;
  return (x, y, z) => data[array.offset + x * sx + y * sy + z * sz]!;
}

/** Where in the unmoved grid the content of a voxel comes from, in voxels. */
function sourceOf(grid: ImageGrid, misalignment: Misalignment): (x: number, y: number, z: number) => Point {
  const shape = grid.array.shape as Point, { spacing } = grid;
  const centre = shape.map((size, axis) => (size - 1) / 2 * spacing[axis]!) as Point;
  const move = displacement(shape.map((size, axis) => size * spacing[axis]!) as Point, misalignment);
  return (x, y, z) => {
    const p: Point = [x * spacing[0] - centre[0], y * spacing[1] - centre[1], z * spacing[2] - centre[2]];
    const q = move(p);
    return [
      (q[0] + centre[0]) / spacing[0],
      (q[1] + centre[1]) / spacing[1],
      (q[2] + centre[2]) / spacing[2],
    ];
  };
}

/** The map from a place to the place its content comes from, in mm from the centre. */
function displacement(extent: Point, { perturbation, level, seed }: Misalignment): (p: Point) => Point {
  const random = new Random(seed).child(perturbation);
  const axis = unitVector(random);
  if (perturbation === "translation") {
    return (p) => [p[0] - level * axis[0], p[1] - level * axis[1], p[2] - level * axis[2]];
  }
  if (perturbation === "rotation") return rotation(axis, -level * Math.PI / 180);
  // Elastic: each component a wave across the volume in a direction of its own; together at most `level` long.
  const waves = [0, 1, 2].map(() => ({ along: unitVector(random), phase: random.uniform(0, 2 * Math.PI) }));
  const length = Math.max(...extent);
  return (p) =>
    p.map((value, i) => {
      const { along, phase } = waves[i]!;
      const turn = 2 * Math.PI * (along[0] * p[0] + along[1] * p[1] + along[2] * p[2]) / length;
      return value - level * axis[i]! * Math.sin(turn + phase);
    }) as Point;
}

function unitVector(random: Random): Point {
  const v: Point = [random.normal(), random.normal(), random.normal()], size = Math.hypot(...v);
  return [v[0] / size, v[1] / size, v[2] / size];
}

/** Rotation about an axis by Rodrigues' formula. */
function rotation([u, v, w]: Point, angle: number): (p: Point) => Point {
  const c = Math.cos(angle), s = Math.sin(angle);
  return ([x, y, z]) => {
    const dot = (u * x + v * y + w * z) * (1 - c);
    return [
      x * c + (v * z - w * y) * s + u * dot,
      y * c + (w * x - u * z) * s + v * dot,
      z * c + (u * y - v * x) * s + w * dot,
    ];
  };
}

function droppedSlices(count: number, { level, seed }: Misalignment): Set<number> {
  const order = new Random(seed).child("slice-drop").permutation(count);
  return new Set(order.slice(0, Math.round(count * level / 100)));
}

function trilinear(read: (x: number, y: number, z: number) => number, [x, y, z]: Point): number {
  const i = Math.floor(x), j = Math.floor(y), k = Math.floor(z);
  const a = x - i, b = y - j, c = z - k;
  let value = 0;
  for (let corner = 0; corner < 8; corner++) {
    const di = corner >> 2, dj = (corner >> 1) & 1, dk = corner & 1;
    const weight = (di ? a : 1 - a) * (dj ? b : 1 - b) * (dk ? c : 1 - c);
    if (weight !== 0) value += weight * read(i + di, j + dj, k + dk);
  }
  return value;
}
