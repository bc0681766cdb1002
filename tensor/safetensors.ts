/**
 * The safetensors format: a JSON header that fully describes a block of numbers; loading runs no code.
 *
 * Layout: 8 bytes header length (little endian), the header, the data. Each tensor has `dtype`, `shape`
 * and `data_offsets`; together they cover the data without overlap or hole.
 *
 * @module
 */

import { ParameterFileError } from "./errors.ts";
import { sizeOf } from "./shape.ts";

const arrays = {
  F16: Float16Array,
  F32: Float32Array,
  F64: Float64Array,
  I32: Int32Array,
  U8: Uint8Array,
} as const;

/** Longest header that is accepted, in bytes. */
const headerLimit = 100_000_000;

/** One tensor of a file. */
export interface SafeTensor {
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** Values in row-major order; the array's type is the stored type, but F16 is read as the same f32 values. */
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

/** What a file holds. */
export interface SafeTensors {
  /** Tensors by name. */
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  /** Free text by key. */
  readonly metadata: ReadonlyMap<string, string>;
}

function refuse(code: string, message: string): never {
  throw new ParameterFileError(`safetensors.${code}`, message, {
    fix: "The file is damaged or was not written by a safetensors writer; use another copy.",
  });
}

const storedType = (data: SafeTensor["data"]): keyof typeof arrays =>
  (Object.keys(arrays) as (keyof typeof arrays)[]).find((name) => data instanceof arrays[name])!;

/** Encodes tensors and metadata. Same content, same bytes. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafeTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array<ArrayBuffer> {
  const header = new Map<string, unknown>();
  if (metadata.size > 0) header.set("__metadata__", Object.fromEntries(metadata));
  // Wide types first, so that every tensor stays aligned to its element size.
  const order = [...tensors].sort((a, b) => b[1].data.BYTES_PER_ELEMENT - a[1].data.BYTES_PER_ELEMENT);
  let offset = 0;
  for (const [name, { shape, data }] of order) {
    const end = offset + data.byteLength;
    header.set(name, { dtype: storedType(data), shape, data_offsets: [offset, end] });
    offset = end;
  }
  const entries = [...header].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const json = new TextEncoder().encode(`{${entries.join(",")}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  bytes.fill(0x20, 8 + json.length, 8 + padded);
  let at = 8 + padded;
  for (const [, { data }] of order) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

function parseHeader(bytes: Uint8Array): [header: string, dataStart: number] {
  if (bytes.length < 8) refuse("short", `the file has ${bytes.length} bytes, a header needs at least 8`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(headerLimit)) {
    refuse("header", `the header claims ${length} bytes, the limit is ${headerLimit}`);
  }
  const end = 8 + Number(length);
  if (end > bytes.length) {
    refuse("header", `the header claims ${length} bytes, the file has ${bytes.length - 8} more`);
  }
  if (bytes[8] !== 0x7b) refuse("header", "the header does not begin with {");
  try {
    return [new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, end)), end];
  } catch {
    return refuse("header", "the header is not UTF-8");
  }
}

/** Top-level keys in order, found by a scan, since JSON.parse hides a key that stands twice. */
function topLevelKeys(json: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/g;
  for (let match = token.exec(json); match; match = token.exec(json)) {
    const text = match[0];
    if (text === "{" || text === "[") depth++;
    else if (text === "}" || text === "]") depth--;
    else if (depth === 1 && /^\s*:/.test(json.slice(token.lastIndex, token.lastIndex + 16))) {
      keys.push(JSON.parse(text));
    }
  }
  return keys;
}

interface Entry {
  readonly name: string;
  readonly dtype: keyof typeof arrays;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseEntry(name: string, value: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (typeof dtype !== "string" || !Object.hasOwn(arrays, dtype)) {
    refuse("dtype", `${name}: dtype ${dtype} is not one of ${Object.keys(arrays).join(", ")}`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    refuse("shape", `${name}: bad shape ${JSON.stringify(shape)}`);
  }
  const [begin, end, ...rest] = Array.isArray(offsets) ? offsets : [];
  if (!isCount(begin) || !isCount(end) || rest.length > 0 || end < begin) {
    refuse("offsets", `${name}: bad data_offsets ${JSON.stringify(offsets)}`);
  }
  const type = dtype as keyof typeof arrays;
  const wanted = sizeOf(shape) * arrays[type].BYTES_PER_ELEMENT;
  if (!Number.isSafeInteger(wanted) || wanted !== end - begin) {
    refuse("size", `${name}: ${dtype}[${shape}] takes ${wanted} bytes, the offsets span ${end - begin}`);
  }
  return { name, dtype: type, shape, begin, end };
}

/**
 * Decodes a file. Everything is checked before a number is copied, and nothing beyond the file's own size
 * is allocated.
 *
 * @throws {ParameterFileError} `safetensors.*` for anything that breaks the format
 */
export function decodeSafetensors(bytes: Uint8Array): SafeTensors {
  const [json, start] = parseHeader(bytes);
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(json);
  } catch (cause) {
    return refuse("header", `the header is not JSON: ${(cause as Error).message}`);
  }
  const keys = topLevelKeys(json);
  if (new Set(keys).size !== keys.length) refuse("duplicate", "a name stands twice in the header");
  const metadata = new Map<string, string>();
  const entries: Entry[] = [];
  for (const key of keys) {
    const value = Object.getOwnPropertyDescriptor(header, key)?.value;
    if (key !== "__metadata__") {
      entries.push(parseEntry(key, value));
      continue;
    }
    for (const [name, text] of Object.entries((value ?? {}) as object)) {
      if (typeof text !== "string") refuse("metadata", `__metadata__.${name} is no string`);
      metadata.set(name, text);
    }
  }
  let covered = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      refuse("offsets", `${name} begins at ${begin}, the tensor before it ends at ${covered}`);
    }
    covered = end;
  }
  if (start + covered !== bytes.length) {
    refuse("size", `the header describes ${covered} bytes of data, the file has ${bytes.length - start}`);
  }
  const tensors = new Map<string, SafeTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const copy = new Uint8Array(bytes.subarray(start + begin, start + end)).buffer; // of a Buffer, slice is a view
    const stored = new arrays[dtype](copy);
    tensors.set(name, { shape, data: stored instanceof Float16Array ? new Float32Array(stored) : stored });
  }
  return { tensors, metadata };
}
