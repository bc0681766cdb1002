import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { CodedError } from "../../tensor/errors.ts";
import { Random } from "../../tensor/random.ts";
import { decodeSafetensors, encodeSafetensors, type SafeTensor } from "../../tensor/safetensors.ts";

const sample = new Map<string, SafeTensor>([
  ["bytes", { shape: [3], data: Uint8Array.of(1, 2, 3) }],
  ["weight", { shape: [2, 2], data: Float32Array.of(1, -2, NaN, Infinity) }],
  ["__proto__", { shape: [], data: Int32Array.of(7) }],
  ["double", { shape: [1], data: Float64Array.of(0.1) }],
  ["empty", { shape: [0, 5], data: new Float32Array() }],
]);

/** A file with a header of one's own. */
function file(header: string, data = new Uint8Array(8), length = BigInt(header.length)): Uint8Array {
  const bytes = new Uint8Array(8 + header.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  bytes.set(new TextEncoder().encode(header), 8);
  bytes.set(data, 8 + header.length);
  return bytes;
}

const entry = (name: string, shape: string, begin: number, end: number, dtype = "F32") =>
  `"${name}":{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

Deno.test("decodeSafetensors() gives back what encodeSafetensors() was given", () => {
  const bytes = encodeSafetensors(sample, new Map([["note", "α"]]));
  const { tensors, metadata } = decodeSafetensors(bytes);
  assert.deepEqual(new Map([...tensors].sort()), new Map([...sample].sort()));
  assert.deepEqual(metadata, new Map([["note", "α"]]));
  // Of a Buffer, as Node's functions give one, `slice` is a view.
  const ofBuffer = decodeSafetensors(Buffer.from(bytes)).tensors;
  assert.deepEqual(new Map([...ofBuffer].sort()), new Map([...sample].sort()));
});

Deno.test("encodeSafetensors() aligns the data and gives the same bytes for the same content", () => {
  const bytes = encodeSafetensors(sample);
  assert.equal((8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))) % 8, 0);
  assert.deepEqual(bytes, encodeSafetensors(sample));
});

Deno.test("decodeSafetensors() reads F16 as f32 values", () => {
  const halves = new Uint8Array(Float16Array.of(0.1, -65504, 2 ** -24, Infinity, NaN).buffer);
  const { tensors } = decodeSafetensors(file(`{${entry("a", "[5]", 0, 10, "F16")}}`, halves));
  const expected = Float32Array.of(Math.f16round(0.1), -65504, 2 ** -24, Infinity, NaN);
  assert.deepEqual(tensors.get("a"), { shape: [5], data: expected });
});

const refusals: [string, string, Uint8Array][] = [
  ["a file of 7 bytes", "safetensors.short", new Uint8Array(7)],
  ["a header longer than the file", "safetensors.header", file("{}", new Uint8Array(), 99n)],
  ["a header over 100 MB", "safetensors.header", file("{}", new Uint8Array(), 100_000_001n)],
  ["a length of 2⁶³", "safetensors.header", file("{}", new Uint8Array(), 2n ** 63n)],
  ["a header that is no object", "safetensors.header", file("[]", new Uint8Array())],
  ["a header that is no JSON", "safetensors.header", file('{"a":', new Uint8Array())],
  ["a hole at the start", "safetensors.offsets", file(`{${entry("a", "[1]", 4, 8)}}`)],
  [
    "a hole in between",
    "safetensors.offsets",
    file(`{${entry("a", "[1]", 0, 4)},${entry("b", "[1]", 8, 12)}}`, new Uint8Array(12)),
  ],
  ["an overlap", "safetensors.offsets", file(`{${entry("a", "[1]", 0, 4)},${entry("b", "[1]", 2, 6)}}`)],
  ["negative offsets", "safetensors.offsets", file(`{${entry("a", "[1]", -4, 0)}}`)],
  ["a size that is not shape times type", "safetensors.size", file(`{${entry("a", "[3]", 0, 8)}}`)],
  ["a shape of 2⁵³ elements", "safetensors.size", file(`{${entry("a", "[9007199254740992]", 0, 8)}}`)],
  [
    "a product of sizes that overflows",
    "safetensors.size",
    file(`{${entry("a", "[4294967296,4294967296,0.5]", 0, 8)}}`),
  ],
  ["an unknown type", "safetensors.dtype", file(`{${entry("a", "[2]", 0, 8, "Q4")}}`)],
  [
    "a name that stands twice",
    "safetensors.duplicate",
    file(`{${entry("a", "[1]", 0, 4)},${entry("a", "[1]", 4, 8)}}`),
  ],
  ["trailing bytes", "safetensors.size", file(`{${entry("a", "[1]", 0, 4)}}`)],
  ["data beyond the end", "safetensors.size", file(`{${entry("a", "[3]", 0, 12)}}`)],
  ["metadata that is no text", "safetensors.metadata", file('{"__metadata__":{"a":1}}', new Uint8Array())],
];

for (const [what, code, bytes] of refusals) {
  Deno.test(`decodeSafetensors() refuses ${what}`, () => {
    assert.throws(() => decodeSafetensors(bytes), (error: CodedError) => {
      // A size that is no safe integer is a bad shape before it is a bad size.
      assert.equal(
        error.code,
        what.includes("2⁵³") || what.includes("overflows") ? "safetensors.shape" : code,
      );
      return true;
    });
  });
}

Deno.test("2,000 damaged files are read or refused with a code, never anything else", () => {
  const random = new Random(11);
  const intact = encodeSafetensors(sample, new Map([["note", "x"]]));
  for (let i = 0; i < 2000; i++) {
    const bytes = intact.slice(0, random.uniform() < 0.3 ? random.integer(intact.length) : intact.length);
    for (let n = random.integer(4); n >= 0 && bytes.length > 0; n--) {
      bytes[random.integer(bytes.length)] = random.integer(256);
    }
    try {
      decodeSafetensors(bytes);
    } catch (error) {
      assert.ok(error instanceof CodedError, `mutation ${i}: ${error}`);
    }
  }
});
