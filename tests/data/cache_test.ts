import assert from "node:assert/strict";
import { BoundedCache } from "../../data/cache.ts";

Deno.test("BoundedCache makes a value once, keeps what was used last, and stays within its size", async () => {
  const made: string[] = [];
  const cache = new BoundedCache<number[]>(20, ({ length }) => length);
  const get = (key: string, size = 8) =>
    cache.get(key, () => {
      made.push(key);
      return Promise.resolve(new Array<number>(size).fill(0));
    });
  await Promise.all([get("a"), get("a"), get("b")]);
  assert.deepEqual(made, ["a", "b"]);
  await get("a"); // now b was used longest ago
  await get("c");
  assert.equal(cache.bytes, 16);
  await get("a"), await get("c");
  assert.deepEqual(made, ["a", "b", "c"]);
  await get("b");
  assert.deepEqual(made, ["a", "b", "c", "b"]);
  assert.equal((await get("huge", 50)).length, 50); // given out, but not kept
  assert.equal(cache.bytes, 0);
});

Deno.test("BoundedCache forgets a failure, so that it can be tried again", async () => {
  const cache = new BoundedCache<number>(10, () => 1);
  await assert.rejects(cache.get("a", () => Promise.reject(new Error("no"))), /no/);
  assert.equal(await cache.get("a", () => Promise.resolve(3)), 3);
});
