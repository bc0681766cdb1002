/**
 * Where the slices of a short-axis stack lie in the body, and how they are stored.
 *
 * @module
 */

import type { Random } from "../../tensor/random.ts";
import { type Affine, multiplyAffine, type Triple } from "../affine.ts";
import { makeVolume, shapeOf, type Volume, type VoxelArray } from "../volume.ts";

/** A planned stack: equidistant slices across the long axis of a heart. */
export interface ShortAxisStack {
  /** Slices, rows, columns. */
  readonly shape: Triple;
  /** Distance between slices, between rows and between columns, in mm. */
  readonly spacing: Triple;
  /** Thickness of the slices in mm; less than their distance when there are gaps. */
  readonly thickness: number;
  /** Indices (slice, row, column) to RAS mm. */
  readonly affine: Affine;
  /** Indices (slice, row, column) to the heart's coordinates x, y, s in mm. */
  readonly heart: Affine;
}

const add = (a: Triple, b: Triple, scale = 1): Triple => [
  a[0] + scale * b[0],
  a[1] + scale * b[1],
  a[2] + scale * b[2],
];
const dot = (a: Triple, b: Triple) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const unit = (a: Triple): Triple => add([0, 0, 0], a, 1 / Math.hypot(...a));
const cross = (a: Triple, b: Triple): Triple => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const randomVector = (random: Random, deviation: number): Triple => [
  random.normal(0, deviation),
  random.normal(0, deviation),
  random.normal(0, deviation),
];

/** Two unit vectors across `axis`, right-handed with it; the first as close to `towards` as can be. */
function across(axis: Triple, towards: Triple): [Triple, Triple] {
  const first = unit(add(towards, axis, -dot(towards, axis)));
  return [first, cross(axis, first)];
}

/** The affine whose columns are three vectors, and where it takes the origin. */
function affineFrom(columns: readonly [Triple, Triple, Triple], origin: Triple): Affine {
  const row = (at: 0 | 1 | 2) => [...columns.map((column) => column[at]), origin[at]];
  return [...row(0), ...row(1), ...row(2), 0, 0, 0, 1];
}

/**
 * Plans a stack as a technician does: across the long axis, nearly, from just below the base as far as the apex,
 * nearly.
 *
 * @param length of the left cavity in mm
 * @param inPlaneMm mean voxel size in the plane
 */
export function planStack(random: Random, length: number, inPlaneMm: number): ShortAxisStack {
  // Hearts point to the left, the down and the feet; how much, differs so much that the nearest body axis does.
  const axis = unit(add([-0.62, 0.52, -0.45], randomVector(random, 0.3)));
  const [septum, down] = across(axis, unit(add([0.6, 0.6, 0.1], randomVector(random, 0.15))));
  const base = add([-15, 15, 0], randomVector(random, 15));

  const distance = random.uniform(8, 23);
  const first = random.uniform(0.04, 0.16) * length, last = random.uniform(0.8, 1.02) * length;
  const slices = Math.min(10, Math.max(2, 1 + Math.round((last - first) / distance)));
  const step = inPlaneMm * random.uniform(0.85, 1.15);
  const fieldOfView = [random.uniform(118, 138), random.uniform(118, 138)] as const;
  const [rows, columns] = fieldOfView.map((mm) => Math.round(mm / step)) as [number, number];

  const normal = unit(add(axis, randomVector(random, 0.05)));
  const angle = random.normal(0, 0.2);
  const [u, v] = across(
    normal,
    add(add([0, 0, 0], septum, Math.cos(angle)), down, Math.sin(angle)),
  );
  const vectors = [
    add([0, 0, 0], normal, distance),
    add([0, 0, 0], v, step),
    add([0, 0, 0], u, step),
  ] as const;
  // The middle of the plane is between the ventricles.
  const middle = add(
    add(add(base, axis, first), septum, 10 + random.normal(0, 4)),
    down,
    random.normal(0, 4),
  );
  const origin = add(add(middle, vectors[1], -(rows - 1) / 2), vectors[2], -(columns - 1) / 2);

  const affine = affineFrom([vectors[0], vectors[1], vectors[2]], origin);
  const toHeart: Affine = [septum, down, axis].flatMap((way) => [...way, -dot(way, base)]);
  return {
    shape: [slices, rows, columns],
    spacing: [distance, step, step],
    thickness: Math.min(distance, random.uniform(6, 9)),
    affine,
    heart: multiplyAffine([...toHeart, 0, 0, 0, 1], affine),
  };
}

/** An order and directions of stored axes: the stored axis n is axis `axes[n]`, backwards where `flips[n]`. */
export interface StoredAxes {
  /** Which axis is stored as first, second and third. */
  readonly axes: readonly number[];
  /** Which of them run backwards. */
  readonly flips: readonly boolean[];
}

/**
 * One of the ways to store a stack that keep rows and columns as the scanner showed them: programs differ in where
 * the slice axis goes and which way it runs.
 */
export function drawStoredAxes(random: Random): StoredAxes {
  const axes = [[0, 1, 2], [1, 0, 2], [1, 2, 0]][random.integer(3)]!;
  const backwards = random.uniform() < 0.5;
  return { axes, flips: axes.map((axis) => axis === 0 && backwards) };
}

/** The same volume with its axes stored otherwise. */
export function storeAs<T extends VoxelArray>(volume: Volume<T>, { axes, flips }: StoredAxes): Volume<T> {
  const shape = shapeOf(volume);
  const turned = new Array<number>(16).fill(0);
  turned[15] = 1;
  axes.forEach((axis, stored) => {
    turned[4 * axis + stored] = flips[stored] ? -1 : 1;
    if (flips[stored]) turned[4 * axis + 3] = shape[axis]! - 1;
  });
  const array = volume.array.transpose(...axes).step(...flips.map((flip) => flip ? -1 : 1));
  return makeVolume(array, multiplyAffine(volume.affine, turned));
}
