/**
 * Inflates a deflate stream piece by piece (RFC 1951), for browsers: their `DecompressionStream` refuses what lies
 * behind the end of a stream, and does not say where the end was.
 *
 * @module
 */

const lengthBases = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115]
  .concat([131, 163, 195, 227, 258]);
const lengthExtras = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBases = [
  1,
  2,
  3,
  4,
  5,
  7,
  9,
  13,
  17,
  25,
  33,
  49,
  65,
  97,
  129,
  193,
  257,
  385,
  513,
  769,
  1025,
  1537,
]
  .concat([2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577]);
const distanceExtras = distanceBases.map((_, at) => Math.max(0, (at >> 1) - 1));
/** The order in which a block stores the lengths of the codes for lengths. */
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const maxBits = 15;
const windowBytes = 1 << 15;

/** A prefix code as a table: for each value of the next 15 bits, `symbol << 4 | length`; 0 where no code begins so. */
type Code = Uint16Array;

function codeOf(lengths: ArrayLike<number>): Code {
  const table = new Uint16Array(1 << maxBits);
  let code = 0;
  for (let length = 1; length <= maxBits; length++, code <<= 1) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      if (code >= 1 << length) throw new Error("the code is over-subscribed");
      let reversed = 0;
      for (let bit = 0; bit < length; bit++) reversed |= (code >> bit & 1) << (length - 1 - bit);
      for (let at = reversed; at < table.length; at += 1 << length) table[at] = symbol << 4 | length;
      code++;
    }
  }
  return table;
}

let fixed: readonly [Code, Code] | undefined;

/** The codes of blocks that bring none. */
function fixedCodes(): readonly [Code, Code] {
  const lengths = Array.from({ length: 288 }, (_, at) => at < 144 ? 8 : at < 256 ? 9 : at < 280 ? 7 : 8);
  return fixed ??= [codeOf(lengths), codeOf(new Array(30).fill(5))];
}

/** Takes bytes in any portions and gives back what they inflate to. */
export class Inflater {
  /** Whether the end of the stream was read. */
  ended = false;
  #input: Uint8Array = new Uint8Array(0);
  #at = 0;
  #bits = 0;
  #count = 0;
  #out = new Uint8Array(2 * windowBytes);
  #filled = 0;
  #emitted = 0;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  readonly #run = this.#stream();

  /**
   * Takes the next bytes; what lies behind the end of the stream is passed over.
   *
   * @throws {Error} for bytes that are no deflate stream
   */
  push(bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
    this.#input = bytes;
    this.#at = 0;
    if (!this.ended) this.ended = this.#run.next().done === true;
    this.#emit();
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  #emit(): void {
    if (this.#filled > this.#emitted) this.#chunks.push(this.#out.slice(this.#emitted, this.#filled));
    this.#emitted = this.#filled;
  }

  /** Makes room for one symbol's worth of output, and keeps the last 32 KiB to copy from. */
  #makeRoom(): void {
    if (this.#filled + 258 <= this.#out.length) return;
    this.#emit();
    this.#out.copyWithin(0, this.#filled - windowBytes, this.#filled);
    this.#filled = this.#emitted = windowBytes;
  }

  /** Waits until `count` bits are there, 15 at most beyond what one byte holds. */
  *#need(count: number): Generator<void, void> {
    while (this.#count < count) {
      while (this.#at === this.#input.length) yield;
      this.#bits |= this.#input[this.#at++]! << this.#count;
      this.#count += 8;
    }
  }

  #drop(count: number): number {
    const value = this.#bits & (1 << count) - 1;
    this.#bits >>>= count;
    this.#count -= count;
    return value;
  }

  *#take(count: number): Generator<void, number> {
    if (this.#count < count) yield* this.#need(count);
    return this.#drop(count);
  }

  /** The next symbol of a code; reads no bit behind it, since none may be there. */
  *#symbol(code: Code): Generator<void, number> {
    for (;;) {
      const entry = code[this.#bits & (1 << maxBits) - 1]!, length = entry & 15;
      if (length > 0 && length <= this.#count) {
        this.#drop(length);
        return entry >> 4;
      }
      if (this.#count >= maxBits) throw new Error("invalid code");
      yield* this.#need(this.#count + 1);
    }
  }

  *#stream(): Generator<void, void> {
    for (let last = false; !last;) {
      last = (yield* this.#take(1)) === 1;
      const kind = yield* this.#take(2);
      if (kind === 0) yield* this.#stored();
      else if (kind === 3) throw new Error("invalid block type");
      else yield* this.#compressed(kind === 1 ? fixedCodes() : yield* this.#codes());
    }
  }

  *#stored(): Generator<void, void> {
    this.#drop(this.#count & 7);
    const length = yield* this.#take(16), complement = yield* this.#take(16);
    if ((length ^ complement) !== 0xffff) throw new Error("invalid stored block lengths");
    for (let i = 0; i < length; i++) {
      const byte = yield* this.#take(8); // first: what lies before the mark is given out while this waits
      this.#makeRoom();
      this.#out[this.#filled++] = byte;
    }
  }

  /** The codes that a block begins with. */
  *#codes(): Generator<void, readonly [Code, Code]> {
    const literals = 257 + (yield* this.#take(5)), distances = 1 + (yield* this.#take(5));
    const count = 4 + (yield* this.#take(4));
    const lengths = new Uint8Array(19);
    for (let i = 0; i < count; i++) lengths[lengthOrder[i]!] = yield* this.#take(3);
    const code = codeOf(lengths), all = new Uint8Array(literals + distances);
    for (let at = 0; at < all.length;) {
      const symbol = yield* this.#symbol(code);
      if (symbol < 16) {
        all[at++] = symbol;
        continue;
      }
      if (symbol === 16 && at === 0) throw new Error("invalid bit length repeat");
      const value = symbol === 16 ? all[at - 1]! : 0;
      const [bits, base] = symbol === 16 ? [2, 3] : symbol === 17 ? [3, 3] : [7, 11];
      const end = at + base! + (yield* this.#take(bits!));
      if (end > all.length) throw new Error("invalid bit length repeat");
      all.fill(value, at, end);
      at = end;
    }
    return [codeOf(all.subarray(0, literals)), codeOf(all.subarray(literals))];
  }

  *#compressed([literals, distances]: readonly [Code, Code]): Generator<void, void> {
    for (;;) {
      this.#makeRoom();
      const symbol = yield* this.#symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        this.#out[this.#filled++] = symbol;
        continue;
      }
      if (symbol > 285) throw new Error("invalid length");
      const length = lengthBases[symbol - 257]! + (yield* this.#take(lengthExtras[symbol - 257]!));
      const far = yield* this.#symbol(distances);
      if (far > 29) throw new Error("invalid distance");
      const distance = distanceBases[far]! + (yield* this.#take(distanceExtras[far]!));
      if (distance > this.#filled) throw new Error("invalid distance too far back");
      const from = this.#filled - distance;
      for (let i = 0; i < length; i++) this.#out[this.#filled + i] = this.#out[from + i]!;
      this.#filled += length;
    }
  }
}
