/**
 * NIfTI-1 and NIfTI-2 headers: every field that is used is checked before anything is allocated.
 *
 * The fields are parsed by nifti-reader-js, which trusts its input; the checks here come first.
 *
 * @module
 */

import { type Affine, reverseAxes, spacingOf, type Triple } from "../affine.ts";
import { readHeader } from "../deps.ts";
import { DataError, type DataWarning } from "../errors.ts";
import { niftiAffine } from "./affine.ts";
import { dtypeOfCode, dtypes, type NiftiDtype } from "./dtypes.ts";
import type { Grid } from "../volume.ts";

/** A checked header. Shape, affine and spacing are those of the file's axes i, j, k. */
export interface NiftiHeader extends Grid {
  /** 1 or 2. */
  readonly version: 1 | 2;
  /** Byte order of header and voxels. */
  readonly littleEndian: boolean;
  /** Whether the voxels are in a separate `.img` file. */
  readonly pair: boolean;
  /** How the voxels are stored. */
  readonly dtype: NiftiDtype;
  /** Volumes stored one after the other: the product of the dimensions beyond the third. */
  readonly channels: number;
  /** Stored value × slope + intercept is the value; absent when the header asks for no scaling. */
  readonly scaling?: { readonly slope: number; readonly intercept: number };
  /** Byte at which the voxels start. */
  readonly dataOffset: number;
  /** Whether `dataOffset` was taken from the header or, since that made no sense, is the usual place. */
  readonly offsetRepaired: boolean;
  /** The header as it is on disk, 348 or 540 bytes. */
  readonly raw: Uint8Array;
  /** What lies between header and voxels: the extension flag and the extensions, kept on write. */
  readonly extensions: Uint8Array;
}

/** The grid of a file's volume as it is read: axes from the slowest to the fastest, k, j, i. */
export function gridOfFile({ shape: [i, j, k], affine, spacing }: Grid): Grid {
  return { shape: [k, j, i], affine: reverseAxes(affine), spacing: [spacing[2], spacing[1], spacing[0]] };
}

/** Byte positions and widths that differ between the two versions. */
const layouts = {
  1: { size: 348, dim: 40, pixdim: 76, offset: 108, srow: 280, datatype: 70 },
  2: { size: 540, dim: 16, pixdim: 104, offset: 168, srow: 400, datatype: 12 },
} as const;

/** How many bytes to read before {@link parseNiftiHeader} can be called: enough for either version. */
export const headerBytes = 540;

/**
 * Checks and parses a header.
 *
 * @param bytes the start of the file, {@link headerBytes} of them unless the file is shorter
 * @param path for messages
 * @throws {DataError} `nifti.short`, `nifti.magic`, `nifti.dim`, `nifti.dtype`, `geometry.spacing`,
 * `geometry.affine`
 */
export function parseNiftiHeader(
  bytes: Uint8Array,
  path: string,
): { header: NiftiHeader; warnings: DataWarning[] } {
  const warnings: DataWarning[] = [];
  const warn = (code: string, message: string) => warnings.push({ code, message: `${path}: ${message}` });
  const { version, littleEndian, pair } = identify(bytes, path);
  const layout = layouts[version];
  const raw = bytes.slice(0, layout.size);
  const view = new DataView(raw.buffer);
  const dim = Array.from(
    { length: 8 },
    (_, i) =>
      version === 1
        ? view.getInt16(layout.dim + 2 * i, littleEndian)
        : Number(view.getBigInt64(layout.dim + 8 * i, littleEndian)),
  );
  checkDimensions(dim, path);
  const dtype = dtypeOfCode(view.getInt16(layout.datatype, littleEndian), path);

  const fields = readHeader(raw.buffer, pair);
  const bits = 8 * dtypes[dtype].bytes;
  if (fields.numBitsPerVoxel !== bits) {
    warn(
      "nifti.bitpix",
      `bitpix is ${fields.numBitsPerVoxel}, but ${dtype} has ${bits} bits; the type is believed`,
    );
  }
  const length = (axis: number) => axis <= dim[0]! ? dim[axis]! : 1;
  const shape: Triple = [length(1), length(2), length(3)];
  const channels = length(4) * length(5) * length(6) * length(7);
  const pixdim = spacingFields(fields.pixDims, dim, path);
  const wide = (at: number) =>
    version === 1 ? view.getFloat32(at, littleEndian) : view.getFloat64(at, littleEndian);
  const width = version === 1 ? 4 : 8;
  const sform: Affine = [
    ...Array.from({ length: 12 }, (_, i) => wide(layout.srow + width * i)),
    ...[0, 0, 0, 1],
  ];
  const located = niftiAffine({
    shape,
    spacing: pixdim,
    qfac: fields.pixDims[0]!,
    qformCode: fields.qform_code,
    quaternion: [fields.quatern_b, fields.quatern_c, fields.quatern_d],
    offset: [fields.qoffset_x, fields.qoffset_y, fields.qoffset_z],
    sformCode: fields.sform_code,
    sform,
  }, path);
  warnings.push(...located.warnings);
  const size = spacingOf(located.affine);
  if (
    fields.sform_code > 0 &&
    pixdim.some((mm, axis) => shape[axis]! > 1 && Math.abs(mm / size[axis]! - 1) > 0.01)
  ) {
    const written = (mms: Triple) => mms.map((mm) => mm.toPrecision(4)).join(" × ");
    warn(
      "geometry.pixdim",
      `pixdim says voxels of ${written(pixdim)} mm, the sform ${written(size)} mm; the sform is used`,
    );
  }
  const unit = fields.xyzt_units & 7;
  if (unit === 1 || unit === 3) {
    warn(
      "geometry.unit",
      `the unit is ${unit === 1 ? "metres" : "micrometres"}; the numbers are taken as mm`,
    );
  }
  if (shape[2] === 1) warn("nifti.flat", "a single slice; it is read as a volume of depth 1");

  const { scl_slope: slope, scl_inter: intercept } = fields;
  const unscaled = slope === 0 || (slope === 1 && intercept === 0) || !Number.isFinite(slope);
  if (
    Number.isNaN(slope) || Number.isNaN(intercept) || Math.abs(slope) === Infinity ||
    Math.abs(intercept) === Infinity
  ) {
    warn("nifti.scaling", `scl_slope is ${slope}, scl_inter is ${intercept}; what is not finite is ignored`);
  }
  const place = voxelOffset(fields.vox_offset, layout.size, pair);
  if (place.repaired) {
    warn("nifti.offset", `vox_offset is ${fields.vox_offset}; the voxels are read from byte ${place.offset}`);
  }
  return {
    header: {
      version,
      littleEndian,
      pair,
      dtype,
      channels,
      shape,
      affine: located.affine,
      spacing: spacingOf(located.affine),
      ...(unscaled ? {} : { scaling: { slope, intercept: Number.isFinite(intercept) ? intercept : 0 } }),
      dataOffset: place.offset,
      offsetRepaired: place.repaired,
      raw,
      extensions: new Uint8Array(0),
    },
    warnings,
  };
}

function identify(bytes: Uint8Array, path: string): { version: 1 | 2; littleEndian: boolean; pair: boolean } {
  const short = (needed: number) =>
    new DataError("nifti.short", `${path} has ${bytes.length} bytes; a NIfTI header alone has ${needed}`, {
      fix: "The file is empty or cut off: copy it again from its source.",
    });
  if (bytes.length < 348) throw short(348);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const littleEndian = [348, 540].includes(view.getInt32(0, true));
  const size = view.getInt32(0, littleEndian);
  const text = (at: number, length: number) => String.fromCharCode(...bytes.subarray(at, at + length));
  if (size === 540 && bytes.length < 540) throw short(540);
  const magic = size === 348 ? text(344, 4) : size === 540 ? text(4, 8) : "";
  const versions: Record<string, 1 | 2> = {
    "n+1\0": 1,
    "ni1\0": 1,
    "n+2\0\r\n\x1a\n": 2,
    "ni2\0\r\n\x1a\n": 2,
  };
  const version = versions[magic];
  if (version !== undefined) return { version, littleEndian, pair: magic.startsWith("ni") };
  const hex = (at: number) =>
    [...bytes.subarray(at, at + 4)].map((b) => b.toString(16).padStart(2, "0")).join(" ");
  throw new DataError(
    "nifti.magic",
    `${path} is no NIfTI file: it starts with ${hex(0)} and has ${hex(344)} at byte 344`,
    {
      fix: size === 348
        ? "It may be an Analyze file, which stores no orientation: convert it with a tool that knows its orientation."
        : "Expected 348 or 540 in the first four bytes and n+1, ni1, n+2 or ni2 as magic.",
    },
  );
}

function checkDimensions(dim: readonly number[], path: string): void {
  const rank = dim[0]!;
  const used = dim.slice(1, 1 + Math.max(0, Math.min(7, rank)));
  const product = used.reduce((all, length) => all * length, 1);
  if (!(rank >= 1 && rank <= 7) || used.some((length) => length < 1) || !Number.isSafeInteger(product)) {
    throw new DataError("nifti.dim", `${path}: dim is [${dim.join(", ")}]`, {
      fix: "dim[0] must be 1 to 7 and the dimensions it counts at least 1.",
    });
  }
}

/** `pixdim[1…3]`; an axis with a single voxel may leave its own unset, which then counts as 1 mm. */
function spacingFields(pixdim: readonly number[], dim: readonly number[], path: string): Triple {
  const of = (axis: number) => {
    const mm = pixdim[axis]!;
    if (Number.isFinite(mm) && mm > 0) return mm;
    if (axis > dim[0]! || (dim[axis] === 1 && mm === 0)) return 1;
    throw new DataError("geometry.spacing", `${path}: the voxel size along axis ${axis} is ${mm} mm`, {
      fix: "Set pixdim in the header to the distance between voxels in mm.",
    });
  };
  return [of(1), of(2), of(3)];
}

/** Where the voxels start: as the header says if that is possible at all, else right behind the header. */
function voxelOffset(
  stated: number,
  headerSize: number,
  pair: boolean,
): { offset: number; repaired: boolean } {
  const usual = pair ? 0 : headerSize + 4;
  const largest = usual + 2 ** 28; // extensions are text or a DICOM header, never 256 MiB
  const sensible = Number.isInteger(stated) && stated >= usual && stated <= largest;
  return sensible ? { offset: stated, repaired: false } : { offset: usual, repaired: true };
}
