/**
 * What the page has in place of `node:crypto`: SHA-256 (FIPS 180-4). The browser's own answers later, and its
 * callers want it at once.
 *
 * @module
 */

/** The first 32 bits of the fractional parts of a root of each of the first primes. */
function roots(count: number, power: number): Uint32Array {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return Uint32Array.from(primes, (prime) => (prime ** power % 1) * 2 ** 32);
}

const constants = roots(64, 1 / 3);

type Eight = [number, number, number, number, number, number, number, number];
const turned = (x: number, bits: number) => x >>> bits | x << 32 - bits;

function padded(bytes: Uint8Array): DataView {
  const out = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
  out.set(bytes);
  out[bytes.length] = 0x80;
  const view = new DataView(out.buffer);
  view.setBigUint64(out.length - 8, 8n * BigInt(bytes.length));
  return view;
}

/** SHA-256 of bytes, in hexadecimal digits. */
export function sha256(bytes: Uint8Array): string {
  const state = roots(8, 1 / 2), message = padded(bytes), words = new Uint32Array(64);
  for (let block = 0; block < message.byteLength; block += 64) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) {
        words[i] = message.getUint32(block + 4 * i);
        continue;
      }
      const [x, y] = [words[i - 15]!, words[i - 2]!];
      words[i] = words[i - 16]! + (turned(x, 7) ^ turned(x, 18) ^ x >>> 3) + words[i - 7]! +
        (turned(y, 17) ^ turned(y, 19) ^ y >>> 10);
    }
    let [a, b, c, d, e, f, g, h] = [...state] as Eight;
    for (let i = 0; i < 64; i++) {
      const first = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + (e & f ^ ~e & g) + constants[i]! +
        words[i]!;
      const second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + (a & b ^ a & c ^ b & c);
      [a, b, c, d, e, f, g, h] = [first + second | 0, a, b, c, d + first | 0, e, f, g];
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => state[i]! += value);
  }
  return Array.from(state, (word) => word.toString(16).padStart(8, "0")).join("");
}

/** A hash that is fed texts. */
class Hash {
  #text = "";

  /** Adds a text. */
  update(text: string): this {
    this.#text += text;
    return this;
  }

  /** The digits. */
  digest(): string {
    return sha256(new TextEncoder().encode(this.#text));
  }
}

/** A SHA-256 hash. */
export function createHash(_algorithm: "sha256"): Hash {
  return new Hash();
}
