/** Threads that run kernels together. */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { openFastCpu } from "../../../tensor/cpu/wasm/open.ts";
import { ThreadPool } from "../../../tensor/cpu/wasm/thread_pool.ts";
import { Engine } from "../../../tensor/cpu/wasm/engine.ts";
import { f32, repeat } from "../../../tensor/cpu/wasm/emit/mod.ts";
import { WasmMemory } from "../../../tensor/cpu/wasm/memory.ts";
import { accumulateOp } from "../../../tensor/ops/update.ts";
import { scope } from "../../../tensor/scope.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { control } from "../../../tensor/cpu/wasm/worker.ts";

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
    engine.settle();
    assert.ok(counts.every((n, i) => n === (i < count ? 500 : 0)), `round ${round}, ${count} items`);
  }
});

/** Writes a number into each item, after so many additions. */
const slowFill = (engine: Engine, work: number) =>
  engine.compile(
    `fill after ${work}`,
    { to: "i32", value: "f32" },
    ({ to, value }, { each }) =>
      each((item) => {
        const at = to.add(item.mul(4));
        return [
          f32.store(at, 0),
          repeat(work, () => f32.store(at, f32.load(at).add(1))),
          f32.store(at, value),
        ];
      }),
  );

/** A kernel that traps: on every thread, or on every one but the calling one. */
function trap(on: "all threads" | "workers"): Uint8Array<ArrayBuffer> {
  const named = (text: string) => [text.length, ...new TextEncoder().encode(text)];
  const section = (id: number, ...body: number[]) => [id, body.length, ...body];
  // unreachable, end; or: local.get 3, if, unreachable, end, end.
  const body = on === "all threads" ? [0, 0x00, 0x0b] : [0, 0x20, 3, 0x04, 0x40, 0x00, 0x0b, 0x0b];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 1, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 0),
    ...section(2, 1, ...named("env"), ...named("memory"), 2, 3, 1, 0x80, 0x80, 4),
    ...section(3, 1, 0),
    ...section(7, 1, ...named("run"), 0, 0),
    ...section(10, 1, body.length, ...body),
  ]);
}

Deno.test("a fault in a worker thread is an error that says what was run and what the worker met", async () => {
  using pool = await ThreadPool.open(new WasmMemory(), 3);
  const kernel = pool.compile(trap("workers")), deadline = Date.now() + 20_000;
  assert.throws(() => {
    while (Date.now() < deadline) pool.run(kernel, 1000, () => "op([2])"); // until a worker is in time for an item
  }, { code: "device.kernel", message: /op\(\[2\]\): the kernel failed: RuntimeError: unreachable/ });
});

Deno.test("of kernels that fail the first is reported, once; those behind it are not run; later ones are", async () => {
  const memory = new WasmMemory({ limit: 2 ** 26 });
  using pool = await ThreadPool.open(memory, 3);
  const engine = new Engine(memory, pool), items = 64, address = memory.allocate(4 * items);
  const fill = slowFill(engine, 10),
    slow = slowFill(engine, 100_000),
    failing = pool.compile(trap("all threads"));
  for (let round = 1; round <= 20; round++) {
    engine.run(slow, items, { to: address, value: -round }); // the others are queued while it is computed
    assert.throws(() => {
      for (const name of ["first", "second"]) pool.run(failing, 10, () => name);
      engine.run(fill, items, { to: address, value: round });
      engine.settle();
    }, { code: "device.kernel", message: /^first: the kernel failed/ });
    const values = engine.view(Float32Array, address, items);
    assert.ok(
      values.every((value) => value === -round),
      `round ${round}: a kernel behind the failed one was run`,
    );
    engine.run(fill, items, { to: address, value: round });
    assert.ok(engine.view(Float32Array, address, items).every((value) => value === round));
  }
});

Deno.test("a notice that arrives after its command was carried out does not repeat it", async () => {
  const memory = new WasmMemory({ limit: 2 ** 26 });
  const before = memory.allocate(64);
  using pool = await ThreadPool.open(memory, 2);
  const words = new Int32Array(memory.memory.buffer, before + 64, control.signal + 1);
  const engine = new Engine(memory, pool);
  const items = 2 ** 20, bytes = 4 * items;
  const address = memory.allocate(bytes);
  const filled = new Float32Array(memory.memory.buffer, address, items);
  for (let round = 1; round <= 5; round++) {
    const fill = engine.compile(
      `fill with ${round}`,
      { to: "i32" },
      (of, { each }) => each((item) => f32.store(of.to.add(item.mul(4)), f32.const(round))),
    );
    while (Atomics.notify(words, control.signal) === 0) await sleep(1); // until the worker sleeps
    await sleep(20);
    engine.run(fill, items, { to: address });
    engine.settle();
    assert.ok(filled.every((value) => value === round), `round ${round}: a thread ran another kernel`);
  }
});

Deno.test("kernels are computed in the order in which they were queued, more of them than there are slots", async () => {
  const memory = new WasmMemory({ limit: 2 ** 26 });
  using pool = await ThreadPool.open(memory, 3);
  const engine = new Engine(memory, pool), items = 64, address = memory.allocate(4 * items);
  const kernels = [20_000, 3, 400].map((work) => slowFill(engine, work));
  for (let round = 0; round < 50; round++) {
    for (let value = 1; value <= 40; value++) {
      engine.run(kernels[value % 3]!, value % 5 === 0 ? 1 : items, { to: address, value });
    }
    const values = engine.view(Float32Array, address, items);
    assert.deepEqual([...values], Array.from(values, (_, i) => i === 0 ? 40 : 39), `round ${round}`);
  }
});

Deno.test("queued kernels have read an array before its memory holds another", async () => {
  using device = await openFastCpu({ threads: 2 });
  const items = 1 << 20;
  for (let round = 0; round < 20; round++) {
    const x = Tensor.full(device, [items], 2);
    const y = scope(() => {
      let y = x.add(0);
      for (let i = 0; i < 4; i++) y = y.square().sqrt(); // keeps the queue busy
      return y.mul(x);
    });
    x.dispose();
    using other = Tensor.from(device, new Float32Array(items).fill(round), [items]); // lies where x lay
    const values = await y.data();
    assert.ok(values.every((value) => value === 4), `round ${round}`);
    assert.equal((await other.data())[items - 1], round);
    y.dispose();
  }
});

Deno.test("an array that was read before waits for what changes it in its place", async () => {
  using device = await openFastCpu({ threads: 2 });
  const items = 1 << 20;
  using sum = Tensor.zeros(device, [items]);
  using one = Tensor.full(device, [items], 1);
  for (let round = 0; round < 20; round++) {
    const values = await sum.data();
    assert.ok(values.every((value) => value === 4 * round), `round ${round}`);
    for (let i = 0; i < 4; i++) device.run(accumulateOp, [one.operand()], [sum.operand()], {});
  }
});

Deno.test("a device that is disposed of while kernels are queued ends its threads", async () => {
  const device = await openFastCpu({ threads: 3 });
  const x = Tensor.full(device, [1 << 20], 2);
  for (let i = 0; i < 10; i++) x.sqrt();
  device[Symbol.dispose]();
  assert.throws(() => x.sqrt(), { code: "device.disposed" });
});
