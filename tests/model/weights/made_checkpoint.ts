/** Zip archives and pickles written by hand, right ones and wrong ones. */

import { crc32, deflateRawSync } from "node:zlib";
import { type Shape, stridesOf } from "../../../tensor/shape.ts";

/** A file for an archive; what the directory says of it can be wrong. */
export interface MadeFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly isDeflated?: boolean;
  readonly claims?: { readonly size?: number; readonly crc?: number; readonly offset?: number };
}

function block(...fields: readonly (readonly [bytes: 2 | 4 | 8, value: number])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else if (bytes === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

/** Joins parts: text in Latin-1, numbers as bytes. */
export function joined(...parts: readonly (string | number | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const blocks = parts.map((part) =>
    typeof part === "number"
      ? Uint8Array.of(part)
      : typeof part === "string"
      ? Uint8Array.from(part, (c) => c.charCodeAt(0))
      : part
  );
  const bytes = new Uint8Array(blocks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const block of blocks) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}

/** An archive. */
export function zipOf(files: readonly MadeFile[], { isWide = false } = {}): Uint8Array<ArrayBuffer> {
  const locals: Uint8Array[] = [];
  const rows: Uint8Array[] = [];
  let offset = 0;
  for (const { name, bytes, isDeflated, claims = {} } of files) {
    const packed = isDeflated ? new Uint8Array(deflateRawSync(bytes)) : bytes;
    const { size = bytes.length, crc = crc32(bytes), offset: claimed = offset } = claims;
    const method = isDeflated ? 8 : 0;
    const packedSize = isDeflated ? packed.length : size;
    const local = joined(
      block([4, 0x04034b50], [2, 20], [2, 0], [2, method], [4, 0], [4, crc], [4, packedSize], [4, size]),
      block([2, name.length], [2, 0]),
      name,
      packed,
    );
    const sizes = isWide ? [0xffffffff, 0xffffffff] as const : [packedSize, size] as const;
    const extra = isWide
      ? block([2, 1], [2, 24], [8, size], [8, packedSize], [8, claimed])
      : new Uint8Array();
    rows.push(joined(
      block([4, 0x02014b50], [2, 20], [2, 20], [2, 0], [2, method], [4, 0], [4, crc], [4, sizes[0]], [
        4,
        sizes[1],
      ]),
      block([2, name.length], [2, extra.length], [2, 0], [2, 0], [2, 0], [4, 0]),
      block([4, isWide ? 0xffffffff : claimed]),
      name,
      extra,
    ));
    locals.push(local);
    offset += local.length;
  }
  const directory = joined(...rows);
  const n = files.length;
  const wide = isWide
    ? joined(
      block([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, n], [8, n], [
        8,
        directory.length,
      ]),
      block([8, offset]),
      block([4, 0x07064b50], [4, 0], [8, offset + directory.length], [4, 1]),
    )
    : new Uint8Array();
  const count = isWide ? 0xffff : n;
  return joined(
    ...locals,
    directory,
    wide,
    block([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [
      4,
      isWide ? 0xffffffff : directory.length,
    ]),
    block([4, isWide ? 0xffffffff : offset], [2, 0]),
  );
}

const int = (value: number) => joined("J", block([4, value]));
const tuple = (items: readonly number[]) => joined("(", ...items.map(int), "t");
const text = (value: string) => joined("X", block([4, value.length]), value);

/** Instructions that push a tensor of f32 in the file `key`. */
export function tensorCode(shape: Shape, key: string, count: number): Uint8Array {
  return joined(
    "ctorch._utils\n_rebuild_tensor_v2\n(",
    "(",
    text("storage"),
    "ctorch\nFloatStorage\n",
    text(key),
    text("cpu"),
    int(count),
    "tQ",
    int(0),
    tuple(shape),
    tuple(stridesOf(shape)),
    0x89,
    "ccollections\nOrderedDict\n)R",
    "tR",
  );
}

/** A pickle of a dictionary of given values, each as the instructions that push it. */
export function dictionary(items: Readonly<Record<string, Uint8Array>>): Uint8Array<ArrayBuffer> {
  return joined(0x80, 2, "}(", ...Object.entries(items).flatMap(([key, code]) => [text(key), code]), "u.");
}

/** Tensors by name, in the order of the file's numbers. */
export type Made = Readonly<Record<string, { readonly shape: Shape; readonly data: Float32Array }>>;

/** The files of a checkpoint as PyTorch lays them out. */
export function checkpointFiles(tensors: Made): MadeFile[] {
  const entries = Object.entries(tensors);
  const codes = entries.map(([name, { shape, data }], i) =>
    [name, tensorCode(shape, String(i), data.length)] as const
  );
  return [
    { name: "made/data.pkl", bytes: dictionary(Object.fromEntries(codes)) },
    { name: "made/byteorder", bytes: joined("little") },
    ...entries.map(([, { data }], i) => ({ name: `made/data/${i}`, bytes: new Uint8Array(data.buffer) })),
  ];
}
