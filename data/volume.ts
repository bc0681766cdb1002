/**
 * A volume: voxels as an ndarray, and where they lie in the body.
 *
 * @module
 */

import { type Affine, spacingOf, type Triple } from "./affine.ts";
import { type NdArray, ndarray } from "./deps.ts";
import { DataError } from "./errors.ts";
import { display } from "./picture.ts";

/** The typed arrays that voxels are stored in. */
export type VoxelArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/** The geometry of a volume without its voxels. Axes are in the order of the volume's array. */
export interface Grid {
  /** Number of voxels along each axis. */
  readonly shape: Triple;
  /** Voxel indices to RAS mm. */
  readonly affine: Affine;
  /** Distance between neighbouring voxels along each axis, in mm. */
  readonly spacing: Triple;
}

/**
 * Voxels with their geometry. A volume as read from a file has the file's axes, the slowest first; a prepared one is
 * `[D,H,W]` as `orientation.ts` defines it. Where the axes run in the body is up to the affine.
 */
export interface Volume<T extends VoxelArray = VoxelArray> {
  /** The voxels, 3-D; a view, so the memory order is anything. */
  readonly array: NdArray<T>;
  /** Voxel indices to RAS mm. */
  readonly affine: Affine;
  /** Distance between neighbouring voxels along each axis, in mm. */
  readonly spacing: Triple;
}

/**
 * A volume over `data` in row-major order (the last axis runs fastest).
 *
 * @throws {DataError} `data.shape` when the number of voxels does not fit the shape
 */
export function volumeFrom<T extends VoxelArray>(data: T, shape: Triple, affine: Affine): Volume<T> {
  if (data.length !== shape[0] * shape[1] * shape[2]) {
    throw new DataError("data.shape", `${data.length} voxels do not fill a volume of ${shape.join("×")}`);
  }
  return makeVolume(ndarray(data, [...shape]), affine);
}

/**
 * A volume that shows itself in a notebook: three planes through its middle.
 *
 * @param array the voxels, 3-D
 */
export function makeVolume<T extends VoxelArray>(array: NdArray<T>, affine: Affine): Volume<T> {
  const volume = { array, affine, spacing: spacingOf(affine) };
  const show = () => display(volume);
  return Object.defineProperty(volume, Symbol.for("Jupyter.display"), { value: show, enumerable: false });
}

/** The shape of a volume as a triple. */
export function shapeOf(volume: Pick<Volume, "array">): Triple {
  const [x, y, z] = volume.array.shape;
  return [x!, y!, z!];
}

/** The geometry of a volume. */
export function gridOf(volume: Volume): Grid {
  return { shape: shapeOf(volume), affine: volume.affine, spacing: volume.spacing };
}

/** The voxels in row-major order: the volume's own memory when it already is, otherwise a copy. */
export function rowMajor<T extends VoxelArray>(volume: Pick<Volume<T>, "array">): T {
  const { data, offset, stride: [sx, sy, sz] } = volume.array;
  const [nx, ny, nz] = shapeOf(volume);
  if (offset === 0 && sz === 1 && sy === nz && sx === ny * nz && data.length === nx * ny * nz) return data;
  const out = new (data.constructor as new (length: number) => T)(nx * ny * nz);
  let at = 0;
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      let from = offset + x * sx! + y * sy!;
      for (let z = 0; z < nz; z++, from += sz!) out[at++] = data[from]!;
    }
  }
  return out;
}
