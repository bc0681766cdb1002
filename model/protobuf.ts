/**
 * Writes Protocol Buffers: numbered fields, one after the other
 * (https://protobuf.dev/programming-guides/encoding).
 *
 * @module
 */

/** A whole number in groups of seven bits, the lowest first; negative ones as 64 bits. */
export function varint(value: number): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

/** A message in the making. */
export class Message {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  #add(...parts: Uint8Array[]): this {
    for (const part of parts) {
      this.#parts.push(part);
      this.#length += part.length;
    }
    return this;
  }

  /** A whole number. */
  integer(field: number, value: number): this {
    return this.#add(Uint8Array.from([...varint(field << 3), ...varint(value)]));
  }

  /** A 32-bit float. */
  float(field: number, value: number): this {
    return this.#add(Uint8Array.from(varint(field << 3 | 5)), new Uint8Array(Float32Array.of(value).buffer));
  }

  /** A 64-bit float. */
  double(field: number, value: number): this {
    return this.#add(Uint8Array.from(varint(field << 3 | 1)), new Uint8Array(Float64Array.of(value).buffer));
  }

  /** Bytes as they are. */
  bytes(field: number, value: Uint8Array): this {
    return this.#add(Uint8Array.from([...varint(field << 3 | 2), ...varint(value.length)]), value);
  }

  /** A text. */
  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** A message inside of this one. */
  message(field: number, value: Message): this {
    this.#add(Uint8Array.from([...varint(field << 3 | 2), ...varint(value.#length)]));
    return this.#add(...value.#parts);
  }

  /** Several of them. */
  messages<T>(field: number, values: Iterable<T>, write: (value: T) => Message): this {
    for (const value of values) this.message(field, write(value));
    return this;
  }

  /** The bytes. */
  encode(): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}
