/** gzip streams in every portion, with everything that is found behind them. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import type { DataError } from "../../data/errors.ts";
import { gunzip } from "../../data/nifti/gunzip.ts";
import { Random } from "../../tensor/random.ts";

const random = new Random(5);
const content = Uint8Array.from({ length: 70_000 }, () => random.integer(40));

async function* portions(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function inflated(bytes: Uint8Array, size = 4096) {
  const end = { trailing: 0 }, chunks: Uint8Array[] = [];
  for await (const chunk of gunzip(portions(bytes, size), "x.gz", bytes.length, end)) chunks.push(chunk);
  return { bytes: Buffer.concat(chunks), trailing: end.trailing };
}

const member = gzipSync(content), empty = gzipSync(new Uint8Array());
/** A member whose header has all optional fields: extra, name, comment, header checksum. */
const header = Buffer.concat([
  Buffer.from([0x1f, 0x8b, 8, 4 + 8 + 16 + 2, 0, 0, 0, 0, 0, 3, 5, 0]),
  Buffer.from("extraname\0comment\0\x12\x34", "latin1"),
  member.subarray(10),
]);

Deno.test("gunzip() reads all members whatever the portions, and passes over what lies behind them", async () => {
  const cases: [name: string, bytes: Uint8Array, members: number, trailing: number][] = [
    ["one member", member, 1, 0],
    ["all header fields", header, 1, 0],
    ["three members", Buffer.concat([member, header, member]), 3, 0],
    ["an empty member behind, as bgzip writes it", Buffer.concat([member, empty]), 1, 0],
    ["empty members before and between", Buffer.concat([empty, member, empty, empty, member]), 2, 0],
    ["zeros", Buffer.concat([member, Buffer.alloc(512)]), 1, 512],
    ["text", Buffer.concat([member, Buffer.from("-- end of archive\n")]), 1, 18],
    ["magic without method", Buffer.concat([member, Buffer.from([0x1f, 0x8b, 7, 7, 7])]), 1, 5],
    ["reserved flags", Buffer.concat([member, Buffer.from([0x1f, 0x8b, 8, 0xe0, 7])]), 1, 5],
  ];
  for (const [name, bytes, members, trailing] of cases) {
    for (const size of [1, 7, 1000, 16384, 1 << 20]) {
      const found = await inflated(bytes, size);
      assert.equal(found.trailing, trailing, `${name}, portions of ${size}`);
      assert.deepEqual(
        found.bytes,
        Buffer.concat(new Array(members).fill(content)),
        `${name}, portions of ${size}`,
      );
    }
  }
});

Deno.test("gunzip() tells a file that is cut off from one that is damaged, at every byte of the trailer", async () => {
  const code = async (bytes: Uint8Array) =>
    await inflated(bytes).then(() => "success", (error: DataError) => error.code);
  for (const lost of [1, 2, 3, 4, 5, 6, 7, 8, 9, 100, member.length - 5, member.length - 11]) {
    assert.equal(
      await code(member.subarray(0, member.length - lost)),
      "gzip.truncated",
      `${lost} bytes lost`,
    );
  }
  for (const back of [1, 4, 5, 8]) {
    const bytes = Uint8Array.from(member);
    bytes[bytes.length - back]! ^= 1;
    assert.equal(await code(bytes), "gzip.crc", `byte ${back} from the end`);
  }
  assert.equal(await code(Uint8Array.of(0x1f, 0x8b, 7, 0, 0)), "gzip.format");
  const second = Buffer.concat([member, member.subarray(0, 200)]);
  assert.equal(await code(second), "gzip.truncated", "a second member that is cut off is no garbage");
});
