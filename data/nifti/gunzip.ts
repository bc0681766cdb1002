/**
 * Inflates gzip streams member by member, and knows where the last one ends: archives, tapes and broken copies leave
 * bytes behind it, which gzip and every NIfTI reader pass over.
 *
 * `node:zlib` reads several members too, but takes what lies behind them for damage. Format: RFC 1952.
 *
 * @module
 */

import { crc32, createInflateRaw, type InflateRaw } from "node:zlib";
import { DataError } from "../errors.ts";

/** Input bytes given to zlib at a time, which bounds what one turn can inflate to (1032 times as many). */
const slice = 1 << 14;

/** What is known about a stream once it has been read to its end. */
export interface GzipEnd {
  /** Bytes behind the last member. */
  trailing: number;
}

/**
 * The content of all members; each CRC and length is checked.
 *
 * @param size of the file, for messages
 * @param end is filled in when the content is used up
 * @throws {DataError} `gzip.truncated`, `gzip.crc`, `gzip.format`
 */
export async function* gunzip(
  source: AsyncGenerator<Uint8Array>,
  path: string,
  size: number,
  end: GzipEnd,
): AsyncGenerator<Uint8Array> {
  const input = new Input(source);
  const refuse = (code: string, what: string, cause?: unknown) =>
    new DataError(`gzip.${code}`, `${path} ${what}`, { cause, fix: "Copy the file again from its source." });
  let produced = 0;
  const cut = () =>
    refuse("truncated", `ends inside a gzip stream: ${size} bytes on disk gave ${produced} bytes`);
  let members = 0;
  try {
    while (await startsMember(input)) {
      members++;
      if (!await skipHeader(input)) throw cut();
      let crc = 0, length = 0;
      const member = new Member(Math.min(1 << 18, Math.max(1 << 14, 4 * size)));
      try {
        for (let ended = false; !ended;) {
          ended = member.ended;
          if (!ended) {
            const part = await input.take(slice);
            if (part.length === 0) throw cut();
            await member.feed(part);
          }
          for (const chunk of member.takeOut()) {
            crc = crc32(chunk, crc);
            produced += chunk.length;
            length = (length + chunk.length) >>> 0;
            yield chunk;
          }
        }
      } catch (cause) {
        if (cause instanceof DataError) throw cause;
        const why = cause instanceof Error ? cause.message : cause;
        throw refuse("crc", `is damaged: ${why} after ${produced} bytes`, cause);
      } finally {
        member.close();
      }
      const rest = await afterTrailer(input, member.recent, crc, length);
      if (rest === "cut") throw cut();
      if (rest === undefined) {
        throw refuse("crc", `is damaged: the checksum of ${produced} bytes does not fit them`);
      }
      input.putBack(rest);
    }
    if (members === 0) throw refuse("format", "begins like gzip, but its method is not deflate");
    end.trailing = await input.count();
  } finally {
    await source.return(undefined);
  }
}

/** Bytes of a file that can be taken in any portions and put back. */
class Input {
  #held: Uint8Array = new Uint8Array(0);

  constructor(readonly source: AsyncGenerator<Uint8Array>) {}

  /** Up to `count` bytes; fewer only when more would have to be read first, none at the end. */
  async take(count: number): Promise<Uint8Array> {
    while (this.#held.length === 0) {
      const next = await this.source.next();
      if (next.done) return new Uint8Array(0);
      this.#held = next.value;
    }
    const part = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(part.length);
    return part;
  }

  putBack(bytes: Uint8Array): void {
    this.#held = joined(bytes, this.#held);
  }

  /** `count` bytes, or fewer at the end. */
  async takeAll(count: number): Promise<Uint8Array> {
    let bytes: Uint8Array = new Uint8Array(0);
    while (bytes.length < count) {
      const part = await this.take(count - bytes.length);
      if (part.length === 0) break;
      bytes = joined(bytes, part);
    }
    return bytes;
  }

  /** How many bytes are left; they are used up. */
  async count(): Promise<number> {
    let count = 0;
    for (let part = await this.take(Infinity); part.length > 0; part = await this.take(Infinity)) {
      count += part.length;
    }
    return count;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** Whether a member begins here: the two magic bytes, method 8 (deflate), no reserved flag. */
async function startsMember(input: Input): Promise<boolean> {
  const head = await input.takeAll(4);
  input.putBack(head);
  return head[0] === 0x1f && head[1] === 0x8b &&
    (head.length < 4 || (head[2] === 8 && (head[3]! & 0xe0) === 0));
}

/** Passes over a member's header; false when the file ends in it. */
async function skipHeader(input: Input): Promise<boolean> {
  const head = await input.takeAll(10);
  if (head.length < 10) return false;
  const flags = head[3]!;
  if (flags & 4) {
    const [low, high] = await input.takeAll(2);
    if (high === undefined) return false;
    const length = low! + 256 * high;
    if ((await input.takeAll(length)).length < length) return false;
  }
  for (const text of [8, 16]) {
    if (!(flags & text)) continue;
    for (let byte = await input.take(1); byte[0] !== 0; byte = await input.take(1)) {
      if (byte.length === 0) return false;
    }
  }
  return !(flags & 2) || (await input.takeAll(2)).length === 2;
}

/** One deflate stream on its way through zlib. */
class Member {
  /** Whether zlib has seen its end. */
  ended = false;
  /** The last input: the end of the stream, and what follows it, lies in it. */
  recent: Uint8Array = new Uint8Array(0);
  readonly #inflate: InflateRaw;
  #out: Uint8Array[] = [];
  #settle: (error?: Error) => void = () => {};

  constructor(chunkSize: number) {
    this.#inflate = createInflateRaw({ chunkSize })
      .on("data", (chunk: Uint8Array) => this.#out.push(chunk))
      .on("end", () => {
        this.ended = true;
        this.#settle();
      })
      .on("error", (error: Error) => this.#settle(error));
  }

  /** Gives zlib some input and waits until it has been worked off. */
  async feed(input: Uint8Array): Promise<void> {
    this.recent = joined(this.recent.subarray(-slice), input); // zlib tells of the end a write late at most
    await new Promise<void>((resolve, reject) => {
      this.#settle = (error) => error === undefined ? resolve() : reject(error);
      this.#inflate.write(input, () => this.#settle());
    });
  }

  /** What was inflated since the last call. */
  takeOut(): Uint8Array[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  close(): void {
    this.#inflate.destroy();
  }
}

/**
 * What follows the trailer (CRC and length) of a member. zlib does not say at which byte a stream ended; the trailer is
 * eight known bytes, so it is looked for.
 *
 * @returns nothing when it is not there, `cut` when the file ends within it
 */
async function afterTrailer(
  input: Input,
  recent: Uint8Array,
  crc: number,
  length: number,
): Promise<Uint8Array | "cut" | undefined> {
  const trailer = new Uint8Array(8);
  new DataView(trailer.buffer).setUint32(0, crc, true);
  new DataView(trailer.buffer).setUint32(4, length, true);
  const following = await input.takeAll(10), isAll = following.length < 10; // two more, to see what comes next
  const seen = joined(recent, following);
  const fits = (at: number, count: number) =>
    trailer.subarray(0, count).every((byte, i) => byte === seen[at + i]);
  // Of an empty member it is zeros, which fit a byte early: what is followed by another member or nothing comes first.
  const ends = Array.from({ length: Math.max(0, seen.length - 7) }, (_, at) => at).filter((at) => fits(at, 8))
    .map((at) => at + 8);
  const goesOn = (end: number) =>
    (isAll && end === seen.length) || (seen[end] === 0x1f && seen[end + 1] === 0x8b);
  const end = ends.find(goesOn) ?? ends[0];
  if (end !== undefined) return seen.subarray(end);
  for (let count = 7; count > 0; count--) if (fits(seen.length - count, count)) return "cut";
  return undefined;
}
