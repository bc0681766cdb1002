/**
 * Reading zip archives with suspicion: nothing is unpacked beyond what the archive's directory says, and the
 * directory must make sense before anything is unpacked (APPNOTE.TXT, with its 64-bit extension).
 *
 * @module
 */

import { crc32, inflateRawSync } from "node:zlib";
import { ParameterFileError } from "../../tensor/errors.ts";
import type { ByteSource } from "./byte_source.ts";

/** One file of an archive. */
export interface ZipEntry {
  /** Path inside the archive. */
  readonly name: string;
  /** Bytes when unpacked. */
  readonly size: number;
  /** Bytes in the archive. */
  readonly packed: number;
  /** 0 as it is, 8 deflated. */
  readonly method: number;
  /** Checksum of the unpacked bytes. */
  readonly crc: number;
  /** Where its local header begins. */
  readonly offset: number;
}

/** An archive. */
export interface ZipArchive {
  /** Its files by name. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /**
   * Unpacks a file.
   *
   * @throws {ParameterFileError} `weights.zip` when it is not what the directory says
   */
  read(entry: ZipEntry): Uint8Array<ArrayBuffer>;
}

/** PyTorch stores without compression, so an archive that grows more than this is no checkpoint. */
const largestGrowth = 4;

function refuse(code: string, { name }: ByteSource, problem: string): never {
  throw new ParameterFileError(`weights.${code}`, `${name}: ${problem}`, {
    fix: code === "bomb"
      ? "The archive was made to fill memory; do not use it."
      : "The file was cut off or damaged; copy or download it again.",
  });
}

/** Little-endian numbers of a block. */
class Fields {
  readonly #view: DataView;
  constructor(readonly bytes: Uint8Array<ArrayBuffer>) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  u16 = (at: number): number => this.#view.getUint16(at, true);
  u32 = (at: number): number => this.#view.getUint32(at, true);
  u64 = (at: number): number => Number(this.#view.getBigUint64(at, true));
}

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
  /** Where the records after the directory begin. */
  readonly end: number;
}

/** The record at the end that says where the directory is. */
function findDirectory(source: ByteSource): Directory {
  const length = Math.min(source.size, 22 + 0xffff);
  const tail = new Fields(source.read(source.size - length, length));
  for (let at = length - 22; at >= 0; at--) {
    if (tail.u32(at) !== 0x06054b50 || at + 22 + tail.u16(at + 20) !== length) continue;
    if (tail.u16(at + 4) !== 0 || tail.u16(at + 6) !== 0) {
      refuse("zip", source, "the archive has several parts");
    }
    const end = source.size - length + at;
    return wideDirectory(source, end) ??
      { offset: tail.u32(at + 16), size: tail.u32(at + 12), count: tail.u16(at + 10), end };
  }
  return refuse("truncated", source, "a zip archive without the record at its end");
}

/** The same record with 64-bit numbers, where there is one. */
function wideDirectory(source: ByteSource, end: number): Directory | undefined {
  if (end < 20) return undefined;
  const locator = new Fields(source.read(end - 20, 20));
  if (locator.u32(0) !== 0x07064b50) return undefined;
  const at = locator.u64(8);
  const record = new Fields(source.read(at, 56));
  if (record.u32(0) !== 0x06064b50) refuse("zip", source, "the 64-bit record is not where it should be");
  return { offset: record.u64(48), size: record.u64(40), count: record.u64(32), end: at };
}

/** Sizes and offset of an entry, from its 64-bit extra field where the short ones are full. */
function wideNumbers(
  source: ByteSource,
  row: Fields,
  at: number,
): [size: number, packed: number, offset: number] {
  const short = [row.u32(at + 24), row.u32(at + 20), row.u32(at + 42)] as [number, number, number];
  if (!short.includes(0xffffffff)) return short;
  let field = at + 46 + row.u16(at + 28);
  const end = field + row.u16(at + 30);
  while (field + 4 <= end) {
    const [id, length] = [row.u16(field), row.u16(field + 2)];
    if (id !== 1) {
      field += 4 + length;
      continue;
    }
    let next = field + 4;
    return short.map((value) => {
      if (value !== 0xffffffff) return value;
      if (next + 8 > Math.min(field + 4 + length, end)) refuse("zip", source, "a 64-bit size is missing");
      next += 8;
      return row.u64(next - 8);
    }) as [number, number, number];
  }
  return refuse("zip", source, "a 64-bit size is missing");
}

function readDirectory(source: ByteSource, { offset, size, count, end }: Directory): Map<string, ZipEntry> {
  if (offset + size > end) {
    refuse("truncated", source, "the directory does not end before the records behind it");
  }
  const rows = new Fields(source.read(offset, size));
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || rows.u32(at) !== 0x02014b50) {
      refuse("zip", source, `file ${i} is missing in the directory`);
    }
    const next = at + 46 + rows.u16(at + 28) + rows.u16(at + 30) + rows.u16(at + 32);
    if (next > size) refuse("zip", source, `file ${i} reaches over the end of the directory`);
    const name = new TextDecoder().decode(rows.bytes.subarray(at + 46, at + 46 + rows.u16(at + 28)));
    const method = rows.u16(at + 10);
    if (rows.u16(at + 8) & 1) refuse("zip", source, `${name} is encrypted`);
    if (method !== 0 && method !== 8) refuse("zip", source, `${name} is packed by method ${method}`);
    if (entries.has(name)) refuse("zip", source, `${name} stands twice in the directory`);
    const [unpacked, packed, local] = wideNumbers(source, rows, at);
    if (method === 0 && unpacked !== packed) refuse("zip", source, `${name}: stored bytes of two sizes`);
    entries.set(name, { name, size: unpacked, packed, method, crc: rows.u32(at + 16), offset: local });
    at = next;
  }
  return entries;
}

/** Refuses entries that share bytes, lie outside, or unpack to far more than they are. */
function checkEntries(source: ByteSource, entries: Iterable<ZipEntry>, end: number): void {
  const sorted = [...entries].sort((a, b) => a.offset - b.offset);
  let total = 0;
  sorted.forEach(({ name, offset, packed, size }, i) => {
    const limit = sorted[i + 1]?.offset ?? end;
    if (offset + 30 + packed > limit) {
      if (i + 1 < sorted.length) refuse("bomb", source, `${name} and ${sorted[i + 1]!.name} share bytes`);
      refuse("truncated", source, `${name} reaches into the directory`);
    }
    total += size;
  });
  if (total > largestGrowth * source.size + 2 ** 16) {
    refuse("bomb", source, `${source.size} bytes would unpack to ${total}`);
  }
}

function unpack(source: ByteSource, entry: ZipEntry): Uint8Array<ArrayBuffer> {
  const { name, offset, packed, size, method, crc } = entry;
  const header = new Fields(source.read(offset, 30));
  if (header.u32(0) !== 0x04034b50) refuse("zip", source, `${name} is not where the directory says`);
  const data = source.read(offset + 30 + header.u16(26) + header.u16(28), packed);
  let bytes = data;
  if (method === 8) {
    try {
      // Stops as soon as there is more than was announced.
      bytes = new Uint8Array(inflateRawSync(data, { maxOutputLength: Math.max(size, 1) }));
    } catch (cause) {
      const isLarger = (cause as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";
      refuse(isLarger ? "bomb" : "zip", source, `${name} does not unpack to ${size} bytes`);
    }
  }
  if (bytes.length !== size) {
    refuse("zip", source, `${name} has ${bytes.length} bytes, announced were ${size}`);
  }
  if (crc32(bytes) !== crc) refuse("zip", source, `${name}: the checksum is wrong`);
  return bytes;
}

/** Whether bytes begin like a zip archive. */
export function isZip(source: ByteSource): boolean {
  return source.size >= 4 && new Fields(source.read(0, 4)).u32(0) === 0x04034b50;
}

/**
 * Opens an archive.
 *
 * @throws {ParameterFileError} `weights.truncated`, `weights.bomb` for files that share bytes or unpack to far more
 * than the archive's size, `weights.zip` for anything else that breaks the format
 */
export function openZip(source: ByteSource): ZipArchive {
  const directory = findDirectory(source);
  const entries = readDirectory(source, directory);
  checkEntries(source, entries.values(), directory.offset);
  return { entries, read: (entry) => unpack(source, entry) };
}
