/** Threads that run kernels together. */

import assert from "node:assert/strict";
import { Crew } from "../../../tensor/cpu/wasm/crew.ts";
import { Engine } from "../../../tensor/cpu/wasm/engine.ts";
import { f32, i32, loop } from "../../../tensor/cpu/wasm/instructions.ts";
import { WasmMemory } from "../../../tensor/cpu/wasm/memory.ts";

Deno.test("every item is computed once, in short runs, long runs and runs right after a compilation", async () => {
  const memory = new WasmMemory();
  using crew = await Crew.open(memory, 5);
  const engine = new Engine(memory, crew);
  const most = 3000;
  const address = memory.allocate(4 * most);
  const counts = new Float32Array(memory.memory.buffer, address, most);
  for (let round = 0; round < 400; round++) {
    // Counts to 500 in each item, every fourth round with a kernel that the workers have not seen.
    const kernel = engine.kernel(`count ${round >> 2}`, () => ({ locals, begin, end, word }) => {
      const [item, i] = locals.locals("i32", 2);
      const at = i32.add(word(0), i32.mul(item!.get, i32.const(4)));
      const add = f32.store(at, f32.add(f32.load(at), f32.const(1)));
      return loop(item!, begin, end, 1, loop(i!, i32.const(0), i32.const(500), 1, add));
    });
    const count = [2, 7, 100, most][round % 4]!;
    counts.fill(0);
    engine.launch(kernel, count, [address]);
    assert.ok(counts.every((n, i) => n === (i < count ? 500 : 0)), `round ${round}, ${count} items`);
  }
});
