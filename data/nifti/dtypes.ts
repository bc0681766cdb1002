/**
 * The voxel types of NIfTI files.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** The voxel types that can be read and written, by their numpy names. */
export type NiftiDtype =
  | "uint8"
  | "int8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "float32"
  | "float64";

/** What reading and writing need to know of a voxel type. */
export interface DtypeInfo {
  /** Its code in the header. */
  readonly code: number;
  /** Bytes a voxel. */
  readonly bytes: number;
  /** A view over little-endian voxels. */
  readonly view: (
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ) => ArrayLike<number> | ArrayLike<bigint>;
}

/** Code in the header, bytes a voxel, and a view over little-endian bytes in memory. */
export const dtypes: Readonly<Record<NiftiDtype, DtypeInfo>> = {
  uint8: { code: 2, bytes: 1, view: (b, o, n) => new Uint8Array(b, o, n) },
  int16: { code: 4, bytes: 2, view: (b, o, n) => new Int16Array(b, o, n) },
  int32: { code: 8, bytes: 4, view: (b, o, n) => new Int32Array(b, o, n) },
  float32: { code: 16, bytes: 4, view: (b, o, n) => new Float32Array(b, o, n) },
  float64: { code: 64, bytes: 8, view: (b, o, n) => new Float64Array(b, o, n) },
  int8: { code: 256, bytes: 1, view: (b, o, n) => new Int8Array(b, o, n) },
  uint16: { code: 512, bytes: 2, view: (b, o, n) => new Uint16Array(b, o, n) },
  uint32: { code: 768, bytes: 4, view: (b, o, n) => new Uint32Array(b, o, n) },
  int64: { code: 1024, bytes: 8, view: (b, o, n) => new BigInt64Array(b, o, n) },
  uint64: { code: 1280, bytes: 8, view: (b, o, n) => new BigUint64Array(b, o, n) },
};

const refused: Readonly<Record<number, string>> = {
  0: "unknown",
  1: "1-bit",
  32: "complex64",
  128: "RGB",
  1536: "float128",
  1792: "complex128",
  2048: "complex256",
  2304: "RGBA",
};

/**
 * The type a header's code stands for.
 *
 * @throws {DataError} `nifti.dtype` for complex, colour, 128-bit and unknown types
 */
export function dtypeOfCode(code: number, path: string): NiftiDtype {
  const found = (Object.keys(dtypes) as NiftiDtype[]).find((name) => dtypes[name].code === code);
  if (found !== undefined) return found;
  throw new DataError(
    "nifti.dtype",
    `${path}: voxels of type ${code} (${refused[code] ?? "not a NIfTI type"}) cannot be read`,
    { fix: `Convert the file to one of ${Object.keys(dtypes).join(", ")}.` },
  );
}

/** Reverses the bytes of every voxel in place. */
export function swapBytes(bytes: Uint8Array, width: number): void {
  for (let at = 0; at + width <= bytes.length; at += width) {
    for (let low = at, high = at + width - 1; low < high; low++, high--) {
      const byte = bytes[low]!;
      bytes[low] = bytes[high]!;
      bytes[high] = byte;
    }
  }
}
