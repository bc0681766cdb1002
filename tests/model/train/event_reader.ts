/** A reader of event files, written from the description of the format and sharing no code with the writer. */

import assert from "node:assert/strict";

/** One event. */
export interface ReadEvent {
  version?: string;
  step: number;
  seconds: number;
  /** Whether it says that a process starts here. */
  starts: boolean;
  scalars: Record<string, number>;
}

/** CRC32C bit by bit, masked. */
export function checksum(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let i = 0; i < 8; i++) crc = crc % 2n === 1n ? (crc / 2n) ^ 0x82f63b78n : crc / 2n;
  }
  crc ^= 0xffffffffn;
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

type Field = [number: number, value: number | Uint8Array];

function* fields(bytes: Uint8Array): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const varint = () => {
    let value = 0, factor = 1;
    for (;; factor *= 128) {
      const byte = bytes[at++]!;
      value += byte % 128 * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint(), field = Math.floor(key / 8), wire = key % 8;
    if (wire === 0) yield [field, varint()];
    else if (wire === 1) yield [field, view.getFloat64((at += 8) - 8, true)];
    else if (wire === 5) yield [field, view.getFloat32((at += 4) - 4, true)];
    else {
      assert.equal(wire, 2);
      const length = varint();
      yield [field, bytes.subarray(at, at += length)];
    }
  }
}

const all = (bytes: Uint8Array, wanted: number) =>
  [...fields(bytes)].filter(([field]) => field === wanted).map(([, value]) => value);
const word = (value: unknown) => new TextDecoder().decode(value as Uint8Array);

function readEvent(bytes: Uint8Array): ReadEvent {
  const [version] = all(bytes, 3), [session] = all(bytes, 7);
  const values = all(bytes, 5).flatMap((summary) => all(summary as Uint8Array, 1)) as Uint8Array[];
  return {
    ...(version !== undefined && { version: word(version) }),
    seconds: all(bytes, 1)[0] as number,
    step: all(bytes, 2)[0] as number,
    starts: session !== undefined && all(session as Uint8Array, 1)[0] === 1,
    scalars: Object.fromEntries(values.map((value) => [word(all(value, 1)[0]), all(value, 2)[0] as number])),
  };
}

/** All events of a file; both checksums of each record must hold. */
export function readEvents(bytes: Uint8Array): ReadEvent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), events: ReadEvent[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(view.getBigUint64(at, true)), data = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(view.getUint32(at + 8, true), checksum(bytes.subarray(at, at + 8)));
    assert.equal(view.getUint32(at + 12 + length, true), checksum(data));
    events.push(readEvent(data));
    at += 16 + length;
  }
  return events;
}
