/**
 * One record of a TensorBoard event file: an Event message of Protocol Buffers, framed as TFRecord
 * (https://www.tensorflow.org/tutorials/load_data/tfrecord, `tensorflow/core/util/event.proto`).
 *
 * @module
 */

import { Message } from "../protobuf.ts";

/** CRC32C (Castagnoli) of each byte, bits reversed. */
const crcOfByte = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? byte >>> 1 ^ 0x82f63b78 : byte >>> 1;
  return byte;
});

/** CRC32C, turned by 15 bits and moved, so that a sum over bytes that hold a sum stays a good one. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = crcOfByte[(crc ^ byte) & 255]! ^ crc >>> 8;
  crc = ~crc;
  return (crc >>> 15 | crc << 17) + 0xa282ead8 >>> 0;
}

/** Length, its checksum, the bytes, their checksum; all little-endian. */
function framed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length + 16), view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(bytes.length), true);
  view.setUint32(8, maskedCrc(out.subarray(0, 8)), true);
  out.set(bytes, 12);
  view.setUint32(12 + bytes.length, maskedCrc(bytes), true);
  return out;
}

/** An event at a time (seconds since 1970) and a step, before what it says. */
const event = (seconds: number, step: number) => new Message().double(1, seconds).integer(2, step);

/** The first record of a file. */
export function versionRecord(seconds: number): Uint8Array<ArrayBuffer> {
  return framed(event(seconds, 0).text(3, "brain.Event:2").encode());
}

/** Says that a process goes on at a step: readers drop what earlier files hold from this step on. */
export function restartRecord(seconds: number, step: number): Uint8Array<ArrayBuffer> {
  const start = new Message().integer(1, 1);
  return framed(event(seconds, step).message(7, start).encode());
}

/** Numbers by tag. */
export function scalarsRecord(
  seconds: number,
  step: number,
  scalars: Readonly<Record<string, number>>,
): Uint8Array<ArrayBuffer> {
  const summary = new Message().messages(
    1,
    Object.entries(scalars),
    ([tag, value]) => new Message().text(1, tag).float(2, value),
  );
  return framed(event(seconds, step).message(5, summary).encode());
}
