/** Threads that run kernels together. */

import assert from "node:assert/strict";
import { ThreadPool } from "../../../tensor/cpu/wasm/thread_pool.ts";
import { Engine } from "../../../tensor/cpu/wasm/engine.ts";
import { f32, repeat } from "../../../tensor/cpu/wasm/emit/mod.ts";
import { WasmMemory } from "../../../tensor/cpu/wasm/memory.ts";

Deno.test("every item is computed once, in short runs, long runs and runs right after a compilation", async () => {
  const memory = new WasmMemory();
  using pool = await ThreadPool.open(memory, 5);
  const engine = new Engine(memory, pool);
  const most = 3000;
  const address = memory.allocate(4 * most);
  const counts = new Float32Array(memory.memory.buffer, address, most);
  for (let round = 0; round < 400; round++) {
    // Counts to 500 in each item, every fourth round with a kernel that the workers have not seen.
    const key = `count ${round >> 2}`;
    const kernel = engine.compile(key, { counts: "i32" }, ({ counts }, { each }) =>
      each((item) => {
        const at = counts.add(item.mul(4));
        return repeat(500, () => f32.store(at, f32.load(at).add(1)));
      }));
    const count = [2, 7, 100, most][round % 4]!;
    counts.fill(0);
    engine.run(kernel, count, { counts: address });
    assert.ok(counts.every((n, i) => n === (i < count ? 500 : 0)), `round ${round}, ${count} items`);
  }
});
