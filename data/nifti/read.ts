/**
 * Reading NIfTI files: `.nii`, `.nii.gz`, `.hdr`/`.img` pairs, either byte order, version 1 and 2.
 *
 * Voxels are decoded block by block into the array the caller wants, so a float64 label map never exists as
 * float64 in memory. The header is checked first, and no array is made that the file cannot fill.
 *
 * @module
 */

import { ByteReader } from "./byte_reader.ts";
import { reverseAxes } from "../affine.ts";
import { ndarray } from "../deps.ts";
import { DataError, type DataWarning } from "../errors.ts";
import { diskFiles, type Files } from "../files.ts";
import { dtypes, swapBytes } from "./dtypes.ts";
import { headerBytes, type NiftiHeader, parseNiftiHeader } from "./header.ts";
import { makeVolume, type Volume, type VoxelArray } from "../volume.ts";

/** How to read. */
export interface ReadOptions {
  /** Which volume of a 4-D file to take, from 0; without it a file with more than one is refused. */
  readonly channel?: number;
  /** The most memory a volume may take, in bytes, on disk and decoded; 4 GiB when absent. */
  readonly maxVolumeBytes?: number;
  /** Where files come from; this computer's disk when absent. */
  readonly files?: Files;
}

/**
 * A volume as it lies in its file, with what is needed to write something on the same grid. Its axes are those of
 * the file from the slowest to the fastest, `[k,j,i]`; the header speaks of i, j, k.
 */
export interface NiftiVolume<T extends VoxelArray = VoxelArray> extends Volume<T> {
  /** The header it was read with; the `like` of `writeNifti`. */
  readonly header: NiftiHeader;
  /** What was odd about the file. */
  readonly warnings: readonly DataWarning[];
}

/**
 * Reads a volume without loss: voxels keep their type; scaled ones and 64-bit integers become float64.
 *
 * @throws {DataError} `data.path`, `nifti.*`, `gzip.*`, `geometry.*`; the code says which check failed
 */
export function readNifti(path: string, options: ReadOptions = {}): Promise<NiftiVolume> {
  const isDirect = ({ dtype, scaling }: NiftiHeader) => scaling === undefined && !dtype.endsWith("int64");
  const width = (header: NiftiHeader) => isDirect(header) ? dtypes[header.dtype].bytes : 8;
  return readVoxels(path, options, width, (header, voxels) => {
    const { dtype, scaling } = header;
    const direct = isDirect(header);
    const values = direct
      ? new nativeArrays[dtype as keyof typeof nativeArrays](voxels)
      : new Float64Array(voxels);
    let inexact = 0;
    return {
      values,
      put: (stored, at) => {
        if (direct) return values.set(stored as ArrayLike<number>, at);
        const { slope, intercept } = scaling ?? { slope: 1, intercept: 0 };
        for (let i = 0; i < stored.length; i++) {
          const value = Number(stored[i]!);
          if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER) && typeof stored[i] === "bigint") inexact++;
          values[at + i] = value * slope + intercept;
        }
      },
      finish: () =>
        inexact === 0 ? [] : [{
          code: "nifti.precision",
          message: `${path}: ${inexact} integers beyond 2^53 were rounded`,
        }],
    };
  });
}

/**
 * Reads an image as float32, scaling applied.
 *
 * @throws {DataError} as {@link readNifti}, and `nifti.range` when a value does not fit into float32
 */
export function readImage(path: string, options: ReadOptions = {}): Promise<NiftiVolume<Float32Array>> {
  return readVoxels(path, options, () => 4, ({ dtype, scaling }, voxels) => {
    const values = new Float32Array(voxels);
    const { slope, intercept } = scaling ?? { slope: 1, intercept: 0 };
    let inexact = 0, overflow = 0;
    const integers = dtype.includes("int");
    return {
      values,
      put: (stored, at) => {
        if (dtype === "float32" && scaling === undefined) return values.set(stored as ArrayLike<number>, at);
        for (let i = 0; i < stored.length; i++) {
          const exact = Number(stored[i]!) * slope + intercept;
          const rounded = values[at + i] = Math.fround(exact);
          if (Math.abs(rounded) === Infinity && Number.isFinite(exact)) overflow++;
          else if (integers && scaling === undefined && rounded !== exact) inexact++;
        }
      },
      finish: () => {
        if (overflow > 0) {
          throw new DataError("nifti.range", `${path}: ${overflow} values are too large for float32`, {
            fix: "Scale the image down; intensities beyond 3.4e38 are most likely an error.",
          });
        }
        return inexact === 0 ? [] : [{
          code: "nifti.precision",
          message: `${path}: ${inexact} integers beyond 2^24 were rounded to float32`,
        }];
      },
    };
  });
}

/** How far a stored value may be from a whole number to count as it: float32 and 255 × 1/255 leave 1e-6. */
const wholeWithin = 1e-3;

/**
 * Reads a label map as uint8, whatever type it is stored in. A value within 1e-3 of a whole number counts as that
 * number, with a warning that says how far off it was: programs store labels scaled, or in float32.
 *
 * @param labelMap for each stored value the label to use instead; without it values are labels, 0 to 255
 * @throws {DataError} as {@link readNifti}, and `label.values` for fractions and values that are no label
 */
export function readLabels(
  path: string,
  labelMap?: ReadonlyMap<number, number>,
  options: ReadOptions = {},
): Promise<NiftiVolume<Uint8Array>> {
  return readVoxels(path, options, () => 1, ({ scaling }, voxels) => {
    const values = new Uint8Array(voxels);
    const { slope, intercept } = scaling ?? { slope: 1, intercept: 0 };
    const wrong = new Map<number, number>();
    let farthest = 0, uneven = 0;
    return {
      values,
      put: (stored, at) => {
        for (let i = 0; i < stored.length; i++) {
          const exact = Number(stored[i]!) * slope + intercept, whole = Math.round(exact);
          const off = Math.abs(exact - whole), value = off <= wholeWithin ? whole : exact;
          if (off > 0 && off <= wholeWithin) {
            uneven++;
            farthest = Math.max(farthest, off);
          }
          const label = labelMap === undefined ? value : labelMap.get(value) ?? (value === 0 ? 0 : NaN);
          values[at + i] = label;
          if (values[at + i] !== label && (wrong.size < 1000 || wrong.has(value))) {
            wrong.set(value, (wrong.get(value) ?? 0) + 1);
          }
        }
      },
      finish: () => {
        if (wrong.size > 0) throw wrongLabels(path, wrong, labelMap);
        return uneven === 0 ? [] : [{
          code: "label.uneven",
          message:
            `${path}: ${uneven} label values are up to ${farthest.toPrecision(2)} off a whole number; ` +
            "they are taken as it",
        }];
      },
    };
  });
}

/** The error for label values that must not be there, with how many voxels have each. */
function wrongLabels(
  path: string,
  wrong: Map<number, number>,
  labelMap?: ReadonlyMap<number, number>,
): DataError {
  const list = [...wrong].sort(([a], [b]) => a - b);
  const shown = list.slice(0, 8).map(([value, count]) => `${value} (${count} voxels)`).join(", ");
  const allowed = labelMap === undefined
    ? "whole numbers from 0 to 255"
    : [...new Set([0, ...labelMap.keys()])].join(", ");
  return new DataError(
    "label.values",
    `${path}: the label map has values ${shown}${list.length > 8 ? ", …" : ""}; expected ${allowed}`,
    {
      fix: list.some(([value]) => !Number.isInteger(value))
        ? "Labels were probably interpolated: resample them with nearest neighbour."
        : 'Map the values to labels from 0 to 255 with "labelMap" in the manifest, or renumber them in the file.',
    },
  );
}

/**
 * Reads and checks only the header (and the extensions) of a file.
 *
 * @throws {DataError} as {@link readNifti}, but for what concerns the voxels
 */
export async function readNiftiHeader(
  path: string,
  options: ReadOptions = {},
): Promise<{ header: NiftiHeader; warnings: DataWarning[] }> {
  const files = options.files ?? diskFiles, headerPath = await headerOf(path, files);
  await using reader = await ByteReader.open(files, headerPath);
  return await startReading(reader, headerPath);
}

const nativeArrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** Takes decoded voxels in file order. */
interface Sink<T> {
  readonly values: T;
  put(stored: ArrayLike<number> | ArrayLike<bigint>, at: number): void;
  finish(): DataWarning[];
}

async function readVoxels<T extends VoxelArray>(
  path: string,
  { channel, maxVolumeBytes = 2 ** 32, files = diskFiles }: ReadOptions,
  decodedWidth: (header: NiftiHeader) => number,
  makeSink: (header: NiftiHeader, voxels: number) => Sink<T>,
): Promise<NiftiVolume<T>> {
  const headerPath = await headerOf(path, files);
  await using first = await ByteReader.open(files, headerPath);
  const { header, warnings } = await startReading(first, headerPath);
  const { shape, channels, dtype } = header;
  if (channels > 1 && channel === undefined) {
    throw new DataError("nifti.channels", `${path} holds ${channels} volumes of ${shape.join("×")}`, {
      fix: "Say which of them to read (#channel=N behind the name, from 0), or split the file.",
    });
  }
  if (channel !== undefined && !(Number.isInteger(channel) && channel >= 0 && channel < channels)) {
    throw new DataError(
      "nifti.channels",
      `${path} has no volume ${channel}; it holds ${channels}, counted from 0`,
    );
  }
  const voxels = shape[0] * shape[1] * shape[2];
  const stored = voxels * dtypes[dtype].bytes;
  if (Math.max(stored * channels, voxels * decodedWidth(header)) > maxVolumeBytes) {
    throw new DataError(
      "nifti.size",
      `${path}: ${[...shape, ...channels > 1 ? [channels] : []].join("×")} ${dtype} voxels take ` +
        `${Math.max(stored * channels, voxels * decodedWidth(header))} bytes; the limit is ${maxVolumeBytes}`,
      { fix: "Check dim in the header, or raise maxVolumeBytes." },
    );
  }
  await using second = header.pair
    ? await ByteReader.open(files, await otherHalf(headerPath, files))
    : undefined;
  const reader = second ?? first;
  if (second !== undefined) await second.skip(header.dataOffset);
  checkAvailable(reader, header, stored * channels);

  await reader.skip(stored * (channel ?? 0));
  const sink = makeSink(header, voxels);
  await decode(reader, header, voxels, sink);
  await reader.skip(stored * (channels - 1 - (channel ?? 0)));
  warnings.push(...await drain(reader), ...sink.finish());
  const volume = makeVolume(ndarray(sink.values, shape.toReversed()), reverseAxes(header.affine));
  return Object.assign(volume, { header, warnings });
}

/** Reads header and extensions, leaving the reader at the first voxel (or, of a pair, at the file's end). */
async function startReading(
  reader: ByteReader,
  path: string,
): Promise<{ header: NiftiHeader; warnings: DataWarning[] }> {
  const bytes = new Uint8Array(headerBytes);
  const got = await reader.read(bytes.subarray(0, 348));
  const isSecond = got === 348 && [540, 0x1c020000].includes(new DataView(bytes.buffer).getInt32(0, true));
  const size = isSecond ? 348 + await reader.read(bytes.subarray(348)) : got;
  const { header, warnings } = parseNiftiHeader(bytes.subarray(0, size), path);
  if (/\.gz$/i.test(path) !== reader.compressed) {
    warnings.push({
      code: "nifti.name",
      message: `${path} is ${
        reader.compressed ? "" : "not "
      }gzip, whatever its name says; it is read as what it is`,
    });
  }
  const end = header.pair ? header.raw.length + 2 ** 20 : header.dataOffset;
  const extensions = new Uint8Array(end - header.raw.length);
  const length = await reader.read(extensions);
  if (!header.pair && length < extensions.length) {
    throw new DataError(
      "nifti.offset",
      `${path}: the voxels should start at byte ${header.dataOffset}, but the file ends at ${reader.position}`,
      { fix: "vox_offset is wrong or the file is cut off: export it again." },
    );
  }
  return { header: { ...header, extensions: extensions.slice(0, length) }, warnings };
}

/** Refuses a file that cannot hold the voxels its header promises, before they are allocated. */
function checkAvailable(reader: ByteReader, header: NiftiHeader, needed: number): void {
  const { compressed, fileSize, position, path } = reader;
  // Deflate cannot do better than 1032 to 1, so a small file cannot fill a large volume.
  const available = compressed ? 1032 * fileSize : fileSize - position;
  if (available < needed) throw truncated(path, header, compressed ? undefined : available, needed);
}

function truncated(
  path: string,
  header: NiftiHeader,
  available: number | undefined,
  needed: number,
): DataError {
  const found = available === undefined ? "its compressed bytes cannot hold them" : `there are ${available}`;
  return new DataError(
    header.offsetRepaired ? "nifti.offset" : "nifti.truncated",
    `${path}: ${header.shape.join("×")}${
      header.channels > 1 ? `×${header.channels}` : ""
    } ${header.dtype} voxels ` +
      `from byte ${header.dataOffset} need ${needed} bytes; ${found}`,
    { fix: "The file is cut off or its header is wrong: export it again." },
  );
}

async function decode<T>(
  reader: ByteReader,
  header: NiftiHeader,
  voxels: number,
  sink: Sink<T>,
): Promise<void> {
  const { bytes: width, view } = dtypes[header.dtype];
  const perBlock = Math.min(voxels, 2 ** 18 / width);
  const block = new Uint8Array(perBlock * width);
  for (let at = 0; at < voxels;) {
    const count = Math.min(perBlock, voxels - at);
    const got = await reader.read(block.subarray(0, count * width));
    if (got < count * width) throw truncated(reader.path, header, at * width + got, voxels * width);
    if (!header.littleEndian) swapBytes(block.subarray(0, got), width);
    sink.put(view(block.buffer, 0, count), at);
    at += count;
  }
}

/** Reads to the end, so that a gzip checksum is verified, but no further than a little beyond the voxels. */
async function drain(reader: ByteReader): Promise<DataWarning[]> {
  if (!reader.compressed) {
    const rest = reader.fileSize - reader.position;
    return rest > 0 ? [trailing(reader.path, rest)] : [];
  }
  const slack = 2 ** 20;
  const rest = await reader.skip(slack + 1);
  if (rest > slack) {
    throw new DataError(
      "gzip.bomb",
      `${reader.path} inflates to far more than the ${reader.position - rest} bytes its header promises`,
      {
        fix: "The header and the content do not belong together: export the file again.",
      },
    );
  }
  const behind = {
    code: "gzip.trailing",
    message: `${reader.path}: ${reader.trailing} bytes behind the gzip stream are passed over`,
  };
  return [...rest > 0 ? [trailing(reader.path, rest)] : [], ...reader.trailing > 0 ? [behind] : []];
}

function trailing(path: string, count: number): DataWarning {
  return { code: "nifti.trailing", message: `${path}: ${count} bytes behind the last voxel are ignored` };
}

/** The file that holds the header: the file itself, or of an `.img` its other half. */
async function headerOf(path: string, files: Files): Promise<string> {
  return /\.img(\.gz)?$/i.test(path) ? await otherHalf(path, files) : path;
}

/** The `.img` that belongs to a `.hdr`, or the other way around: in the same or the other case, gzipped or not. */
async function otherHalf(path: string, files: Files): Promise<string> {
  const [, stem, half, gz = ""] = /^(.*)\.(hdr|img)(\.gz)?$/is.exec(path)!;
  const other = half!.toLowerCase() === "hdr" ? ".img" : ".hdr";
  const endings = [other, other.toUpperCase()].flatMap((name) => [name, `${name}.gz`, `${name}.GZ`])
    .sort((a, b) => Number(/gz$/i.test(b) === (gz !== "")) - Number(/gz$/i.test(a) === (gz !== "")));
  for (const ending of endings) {
    if (await files.size(stem + ending).then(() => true, () => false)) return stem + ending;
  }
  throw new DataError("data.path", `${path} is half of a pair, but there is no ${stem}${other}`, {
    fix: `Put the ${other} file next to it, under the same name.`,
  });
}
