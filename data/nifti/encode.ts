/**
 * Volumes as the bytes of NIfTI files, on a grid of their own or on that of another file.
 *
 * @module
 */

import { reverseAxes, spacingOf, type Triple } from "../affine.ts";
import { DataError } from "../errors.ts";
import { dtypes, type NiftiDtype, swapBytes } from "./dtypes.ts";
import { gridOfFile, type NiftiHeader } from "./header.ts";
import { onGridOf } from "../grid_check.ts";
import { makeVolume, shapeOf, type Volume, type VoxelArray } from "../volume.ts";

/** How to write. */
export interface WriteOptions {
  /**
   * The header of the file whose grid the volume lies on, with its axes in any order and direction. The new file
   * gets its shape, voxel size, orientation fields, byte order and extensions unchanged.
   */
  readonly like?: NiftiHeader;
  /** How to store the voxels; the volume's own type when absent. */
  readonly dtype?: NiftiDtype;
  /** Stores `(value − intercept) / slope`, rounded for integer types. */
  readonly scaling?: { readonly slope: number; readonly intercept: number };
}

/**
 * A volume as the bytes of a single-file NIfTI: NIfTI-1 little-endian, or the version and byte order of `like`.
 *
 * @throws {DataError} `geometry.mismatch` when the volume does not lie on the grid of `like`, `nifti.range` when
 * a value does not fit into the stored type, `nifti.dim` when a side is too long for NIfTI-1
 */
export function encodeNifti(
  volume: Volume,
  { like, dtype, scaling }: WriteOptions = {},
): Uint8Array<ArrayBuffer> {
  const placed = inFileOrder(like === undefined ? volume : onFileGrid(volume, like));
  const stored = dtype ?? arrayDtype(placed.array.data);
  const header = like === undefined ? newHeader(placed) : like.raw.slice();
  const version = header.length === 540 ? 2 : 1;
  const littleEndian = like?.littleEndian ?? true;
  const extensions = like === undefined || like.extensions.length < 4 ? new Uint8Array(4) : like.extensions;
  const offset = Math.ceil((header.length + extensions.length) / 16) * 16;
  setFields(new DataView(header.buffer), {
    version,
    littleEndian,
    shape: shapeOf(placed),
    stored,
    offset,
    scaling,
  });

  const width = dtypes[stored].bytes;
  const count = placed.array.size;
  const bytes = new Uint8Array(offset + count * width);
  bytes.set(header);
  bytes.set(extensions, header.length);
  putVoxels(placed, stored, scaling, new DataView(bytes.buffer, offset));
  if (!littleEndian) swapBytes(bytes.subarray(offset), width);
  return bytes;
}

function arrayDtype(data: VoxelArray): NiftiDtype {
  return data.constructor.name.replace("Array", "").toLowerCase() as NiftiDtype;
}

/** The volume with its axes from the fastest to the slowest, i, j, k, as headers name them. */
function inFileOrder({ array, affine }: Volume): Volume {
  return makeVolume(array.transpose(2, 1, 0), reverseAxes(affine));
}

/** The volume with the axes of the file. */
function onFileGrid(volume: Volume, like: NiftiHeader): Volume {
  const turned = onGridOf(volume, gridOfFile(like));
  if (turned !== undefined) return turned;
  throw new DataError(
    "geometry.mismatch",
    `a volume of ${shapeOf(volume).join("×")} with affine [${
      volume.affine.slice(0, 12).join(", ")
    }] does not lie on ` +
      `the grid ${gridOfFile(like).shape.join("×")} with affine [${
        gridOfFile(like).affine.slice(0, 12).join(", ")
      }]`,
    { fix: "Resample the volume onto that grid first." },
  );
}

/** A NIfTI-1 header with nothing but the geometry: an sform, code 2 (aligned). */
function newHeader({ array, affine }: Volume): Uint8Array<ArrayBuffer> {
  if (array.shape.some((length) => length > 32767)) {
    throw new DataError("nifti.dim", `NIfTI-1 cannot store ${array.shape.join("×")} voxels`);
  }
  const bytes = new Uint8Array(348);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, 348, true);
  spacingOf(affine).forEach((mm, axis) => view.setFloat32(80 + 4 * axis, mm, true));
  view.setFloat32(76, 1, true);
  for (let axis = 4; axis < 8; axis++) view.setFloat32(76 + 4 * axis, 1, true);
  bytes[123] = 2; // mm
  view.setInt16(254, 2, true);
  affine.slice(0, 12).forEach((value, at) => view.setFloat32(280 + 4 * at, value, true));
  return bytes;
}

function setFields(view: DataView, fields: {
  version: 1 | 2;
  littleEndian: boolean;
  shape: Triple;
  stored: NiftiDtype;
  offset: number;
  scaling: WriteOptions["scaling"];
}): void {
  const { version, littleEndian, shape, stored, offset, scaling } = fields;
  const { code, bytes } = dtypes[stored];
  const dim = [3, ...shape, 1, 1, 1, 1];
  const slope = scaling?.slope ?? 1, intercept = scaling?.intercept ?? 0;
  // The intent (z score, displacement …) described the old voxels.
  const header = new Uint8Array(view.buffer);
  const intent = version === 1 ? [[56, 14], [328, 16]] : [[80, 24], [504, 20]];
  for (const [at, length] of intent) header.fill(0, at, at! + length!);
  if (version === 1) {
    dim.forEach((length, axis) => view.setInt16(40 + 2 * axis, length, littleEndian));
    view.setInt16(70, code, littleEndian);
    view.setInt16(72, 8 * bytes, littleEndian);
    view.setFloat32(108, offset, littleEndian);
    view.setFloat32(112, slope, littleEndian);
    view.setFloat32(116, intercept, littleEndian);
    view.setFloat64(124, 0, littleEndian); // cal_max and cal_min described the old intensities
    "n+1\0".split("").forEach((char, at) => view.setUint8(344 + at, char.charCodeAt(0)));
  } else {
    "n+2\0\r\n\x1a\n".split("").forEach((char, at) => view.setUint8(4 + at, char.charCodeAt(0)));
    view.setInt16(12, code, littleEndian);
    view.setInt16(14, 8 * bytes, littleEndian);
    dim.forEach((length, axis) => view.setBigInt64(16 + 8 * axis, BigInt(length), littleEndian));
    view.setBigInt64(168, BigInt(offset), littleEndian);
    view.setFloat64(176, slope, littleEndian);
    view.setFloat64(184, intercept, littleEndian);
    view.setFloat64(192, 0, littleEndian);
    view.setFloat64(200, 0, littleEndian);
  }
}

const integerRange: Partial<Record<NiftiDtype, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  uint64: [0, 2 ** 64],
};

/** Stores the voxels in file order: the first axis runs fastest. */
function putVoxels(
  { array }: Volume,
  stored: NiftiDtype,
  scaling: WriteOptions["scaling"],
  view: DataView,
): void {
  const { data, offset, stride: [sx, sy, sz], shape: [nx, ny, nz] } = array;
  const target = dtypes[stored].view(view.buffer as ArrayBuffer, view.byteOffset, array.size) as
    | VoxelArray
    | BigInt64Array
    | BigUint64Array;
  const wide = target instanceof BigInt64Array || target instanceof BigUint64Array;
  const range = integerRange[stored];
  const { slope, intercept } = scaling ?? { slope: 1, intercept: 0 };
  let at = 0;
  for (let z = 0; z < nz!; z++) {
    for (let y = 0; y < ny!; y++) {
      let from = offset + z * sz! + y * sy!;
      for (let x = 0; x < nx!; x++, from += sx!) {
        const exact = (data[from]! - intercept) / slope;
        const value = range === undefined ? exact : Math.round(exact);
        if (range !== undefined && !(value >= range[0] && value <= range[1])) {
          throw new DataError(
            "nifti.range",
            `voxel [${x}, ${y}, ${z}] is ${data[from]}, which ${stored} cannot store`,
            {
              fix: "Choose a wider type or a scaling.",
            },
          );
        }
        if (wide) target[at++] = BigInt(value);
        else target[at++] = value;
      }
    }
  }
}
