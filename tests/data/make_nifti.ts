/** Builds NIfTI files field by field, broken ones too. */

/** Fields that differ from a sane 4 × 3 × 2 int16 file; numbers go into the header as they are. */
export interface NiftiFields {
  version?: 1 | 2;
  littleEndian?: boolean;
  sizeofHdr?: number;
  magic?: string;
  dim?: number[];
  datatype?: number;
  bitpix?: number;
  pixdim?: number[];
  voxOffset?: number;
  slope?: number;
  inter?: number;
  units?: number;
  qformCode?: number;
  quaternion?: number[];
  qoffset?: number[];
  sformCode?: number;
  srow?: number[];
  extensionFlag?: number;
  /** What lies between header and voxels. */
  between?: Uint8Array;
  /** Bytes of the voxels; `bytesOf` of 0, 1, 2 … when absent. */
  data?: Uint8Array;
}

const writers: Record<
  number,
  [number, (view: DataView, at: number, value: number, little: boolean) => void]
> = {
  2: [1, (v, at, x) => v.setUint8(at, x)],
  4: [2, (v, at, x, le) => v.setInt16(at, x, le)],
  8: [4, (v, at, x, le) => v.setInt32(at, x, le)],
  16: [4, (v, at, x, le) => v.setFloat32(at, x, le)],
  64: [8, (v, at, x, le) => v.setFloat64(at, x, le)],
  256: [1, (v, at, x) => v.setInt8(at, x)],
  512: [2, (v, at, x, le) => v.setUint16(at, x, le)],
  768: [4, (v, at, x, le) => v.setUint32(at, x, le)],
  1024: [8, (v, at, x, le) => v.setBigInt64(at, BigInt(x), le)],
  1280: [8, (v, at, x, le) => v.setBigUint64(at, BigInt(x), le)],
};

/** Voxels of a datatype code as bytes. */
export function bytesOf(values: readonly number[], datatype: number, littleEndian = true): Uint8Array {
  const [width, write] = writers[datatype] ?? writers[2]!;
  const view = new DataView(new ArrayBuffer(values.length * width));
  values.forEach((value, at) => write(view, at * width, value, littleEndian));
  return new Uint8Array(view.buffer);
}

/** The bytes of a file; the default is a valid one with voxels 0, 1, 2 … in file order. */
export function makeNifti(fields: NiftiFields = {}): Uint8Array {
  const {
    version = 1,
    littleEndian = true,
    dim = [3, 4, 3, 2, 1, 1, 1, 1],
    datatype = 4,
    pixdim = [1, 2, 3, 4, 0, 0, 0, 0],
    slope = 1,
    inter = 0,
    units = 2,
    qformCode = 0,
    quaternion = [0, 0, 0],
    qoffset = [0, 0, 0],
    sformCode = 2,
    srow = [2, 0, 0, -5, 0, 3, 0, -6, 0, 0, 4, -7],
    extensionFlag = 0,
  } = fields;
  const size = version === 1 ? 348 : 540;
  const bitpix = fields.bitpix ?? 8 * (writers[datatype]?.[0] ?? 1);
  const count = dim.slice(1, 1 + Math.max(1, Math.min(7, dim[0]!))).reduce((a, b) => a * Math.max(1, b), 1);
  const data = fields.data ??
    bytesOf(Array.from({ length: Math.min(count, 10000) }, (_, i) => i % 100), datatype, littleEndian);
  const voxOffset = fields.voxOffset ?? size + 4;
  const header = new ArrayBuffer(size + 4);
  const v = new DataView(header);
  const text = (at: number, chars: string) =>
    [...chars].forEach((c, i) => v.setUint8(at + i, c.charCodeAt(0)));
  v.setInt32(0, fields.sizeofHdr ?? size, littleEndian);
  if (version === 1) {
    dim.forEach((x, i) => v.setInt16(40 + 2 * i, x, littleEndian));
    v.setInt16(70, datatype, littleEndian);
    v.setInt16(72, bitpix, littleEndian);
    pixdim.forEach((x, i) => v.setFloat32(76 + 4 * i, x, littleEndian));
    v.setFloat32(108, voxOffset, littleEndian);
    v.setFloat32(112, slope, littleEndian);
    v.setFloat32(116, inter, littleEndian);
    v.setUint8(123, units);
    v.setInt16(252, qformCode, littleEndian);
    v.setInt16(254, sformCode, littleEndian);
    [...quaternion, ...qoffset, ...srow].forEach((x, i) => v.setFloat32(256 + 4 * i, x, littleEndian));
    text(344, fields.magic ?? "n+1\0");
  } else {
    text(4, fields.magic ?? "n+2\0\r\n\x1a\n");
    v.setInt16(12, datatype, littleEndian);
    v.setInt16(14, bitpix, littleEndian);
    dim.forEach((x, i) => v.setBigInt64(16 + 8 * i, BigInt(x), littleEndian));
    pixdim.forEach((x, i) => v.setFloat64(104 + 8 * i, x, littleEndian));
    v.setBigInt64(168, BigInt(Math.trunc(voxOffset)), littleEndian);
    v.setFloat64(176, slope, littleEndian);
    v.setFloat64(184, inter, littleEndian);
    v.setInt32(344, qformCode, littleEndian);
    v.setInt32(348, sformCode, littleEndian);
    [...quaternion, ...qoffset, ...srow].forEach((x, i) => v.setFloat64(352 + 8 * i, x, littleEndian));
    v.setInt32(500, units, littleEndian);
  }
  v.setUint8(size, extensionFlag);
  return join(new Uint8Array(header), fields.between ?? new Uint8Array(0), data);
}

/** Byte arrays one after the other. */
export function join(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) out.set(part, at), at += part.length;
  return out;
}
