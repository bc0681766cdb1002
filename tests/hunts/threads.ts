/**
 * Runs kernels on several threads while their memory grows, again and again on fresh memories, and compares what they
 * compute: what a thread knows of the memory's size or of a kernel must never be older than the command it follows.
 *
 * ```sh
 * deno run -A tests/hunts/threads.ts 10
 * ```
 *
 * The argument is the number of minutes. It looks hardest on a machine with more to do than it has cores. Exits 1 when
 * anything was wrong.
 */

import { f32, repeat } from "../../tensor/cpu/wasm/emit/mod.ts";
import { Engine } from "../../tensor/cpu/wasm/engine.ts";
import { WasmMemory } from "../../tensor/cpu/wasm/memory.ts";
import { ThreadPool } from "../../tensor/cpu/wasm/thread_pool.ts";
import { conv3d, openDevice, Random, scope, tanh, Tensor } from "../../tensor/mod.ts";

const minutes = Number(Deno.args[0] ?? 1);
const faults = new Map<string, number>();
const counts = { memories: 0, growths: 0, trainings: 0 };

function fault(what: string): void {
  faults.set(what, (faults.get(what) ?? 0) + 1);
  console.log(`FAULT ${what}`);
}

/** Fills blocks that the memory has just grown by, so that a thread which knows its old size is out of bounds. */
async function fillGrown(threads: number, round: number): Promise<void> {
  const memory = new WasmMemory({ limit: 2 ** 28 });
  using pool = await ThreadPool.open(memory, threads);
  const engine = new Engine(memory, pool);
  const items = 512, perItem = 1024, bytes = 4 * items * perItem;
  const filling: { readonly address: number; readonly value: number }[] = [];
  const check = () => {
    for (const { address, value } of filling) {
      const filled = engine.view(Float32Array, address, items * perItem);
      if (!filled.every((found) => found === value)) fault(`threads ${threads}: a block is not filled`);
    }
    filling.length = 0;
  };
  counts.memories++;
  for (let block = 0; block < 40; block++) {
    const before = memory.pages, address = memory.allocate(bytes);
    if (memory.pages > before) counts.growths++;
    // Every fourth block with a kernel that the workers have not seen.
    const kernel = engine.compile(
      `fill ${round} ${block >> 2}`,
      { to: "i32", value: "f32" },
      (of, { each }) =>
        each((item) =>
          repeat(perItem, (at) => f32.store(of.to.add(item.mul(4 * perItem)).add(at.mul(4)), of.value))
        ),
    );
    engine.run(kernel, items, { to: address, value: block + 1 });
    filling.push({ address, value: block + 1 });
    if (block % 7 === 0) check(); // the others are queued while the memory grows
  }
  check();
}

/** The gradients of a few convolutions on images that grow. */
async function gradientsOf(threads: number, seed: number): Promise<Float32Array[]> {
  using device = await openDevice("cpu", { threads });
  const random = new Random(seed), sums: Float32Array[] = [];
  const normal = (count: number) => Float32Array.from({ length: count }, () => random.normal());
  const weight = Tensor.from(device, normal(4 * 4 * 27), [4, 4, 3, 3, 3]).asParameter();
  for (const side of [4, 8, 12, 16, 24]) {
    const x = Tensor.from(device, normal(4 * side ** 3), [1, 4, side, side, side]);
    const convolved = (x: Tensor) => conv3d(x, weight, null, { padding: 1 });
    scope(() => convolved(tanh(convolved(x))).square().mean().backward());
    sums.push(await weight.grad!.data() as Float32Array);
  }
  return sums;
}

const end = performance.now() + minutes * 60_000;
for (let round = 0; performance.now() < end; round++) {
  const threads = 2 + round % 3;
  try {
    await fillGrown(threads, round);
    counts.trainings++;
    const [alone, together] = [await gradientsOf(1, round), await gradientsOf(threads, round)];
    if (JSON.stringify(alone) !== JSON.stringify(together)) {
      fault(`threads ${threads}: other gradients than one thread`);
    }
  } catch (error) {
    fault(`threads ${threads}: ${(error as Error).message}`);
  }
}
console.log(
  `${counts.memories} memories that grew ${counts.growths} times, ${counts.trainings} trainings on all threads`,
);
for (const [what, times] of faults) console.log(`${times}× ${what}`);
console.log(faults.size === 0 ? "no fault" : "FAULTS");
if (faults.size > 0) Deno.exitCode = 1;
