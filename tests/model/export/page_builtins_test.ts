/** What an exported page has in place of Node's built-ins, against those. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { constants, crc32 as nodeCrc32, deflateRawSync } from "node:zlib";
import { createHash as pageHash } from "../../../model/export/page/node_crypto.ts";
import { crc32, createInflateRaw } from "../../../model/export/page/node_zlib.ts";
import { Random } from "../../../tensor/random.ts";

/** Bytes that repeat near and far, with noise between. */
function sample(length: number): Uint8Array {
  const random = new Random(5), bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) {
    const far = random.uniform() < 0.9 ? at - 1 - Math.floor(random.uniform() * Math.min(at, 40000)) : -1;
    bytes[at] = far >= 0 && at % 97 > 20 ? bytes[far]! : Math.floor(random.uniform() * 256);
    if (at % 1000 > 600) bytes[at] = bytes[at - 300]!;
  }
  return bytes;
}

function inflated(deflated: Uint8Array, step: number): { bytes: Uint8Array; ended: boolean } {
  const parts: Uint8Array[] = [];
  let ended = false;
  const inflate = createInflateRaw()
    .on("data", (chunk) => parts.push(chunk))
    .on("end", () => ended = true)
    .on("error", (error) => {
      throw error;
    });
  for (let at = 0; at < deflated.length; at += step) {
    inflate.write(deflated.subarray(at, at + step), () => {});
  }
  return { bytes: Buffer.concat(parts), ended };
}

Deno.test("a page inflates stored, fixed and dynamic blocks, in portions of any size, with bytes behind the end", () => {
  const kinds = [
    { level: 0 },
    { level: 1 },
    { level: 9 },
    { strategy: constants.Z_FIXED },
    { strategy: constants.Z_HUFFMAN_ONLY },
  ];
  for (const length of [0, 1, 300, 200_000]) {
    const bytes = sample(length);
    for (const kind of kinds) {
      for (const step of [1, 7, 100_000]) {
        if (step === 1 && length > 1000) continue;
        const deflated = Buffer.concat([deflateRawSync(bytes, kind), Buffer.from("behind")]);
        const found = inflated(deflated, step);
        assert.ok(
          found.ended && Buffer.compare(found.bytes, bytes) === 0,
          `${length} ${JSON.stringify(kind)} ${step}`,
        );
      }
    }
  }
});

Deno.test("a page's stream does not end with a stream that was cut, and refuses what is none", () => {
  const deflated = deflateRawSync(sample(5000));
  assert.equal(inflated(deflated.subarray(0, deflated.length - 1), 100).ended, false);
  assert.throws(() => inflated(Uint8Array.of(0b111), 1), /invalid block type/);
  assert.throws(() => inflated(Uint8Array.of(1, 5, 0, 5, 0), 5), /invalid stored block lengths/);
  // A fixed block whose first symbol copies from before the start.
  assert.throws(() => inflated(Uint8Array.of(0b00000011, 0b00000010, 0, 0), 4), /too far back/);
});

Deno.test("a page's crc32 and SHA-256 are those of node:zlib and node:crypto", () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 1000]) {
    const bytes = sample(length);
    assert.equal(crc32(bytes), nodeCrc32(bytes));
    assert.equal(crc32(bytes.subarray(10), crc32(bytes.subarray(0, 10))), nodeCrc32(bytes));
  }
  assert.equal(
    pageHash("sha256").update("Grö").update("ße").digest(),
    createHash("sha256").update("Größe").digest("hex"),
  );
});
