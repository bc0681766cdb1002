/** Generated code computes what it says, and wrong code does not compile. */

import assert from "node:assert/strict";
import {
  after,
  type Code,
  declare,
  f32,
  f32x4,
  f64,
  func,
  i32,
  i32x4,
  least,
  type Local,
  loop,
  madd,
  procedure,
  repeat,
  select,
  shuffle,
  type Statements,
  sumLanes,
  when,
} from "../../../tensor/cpu/wasm/emit/mod.ts";
import { Engine } from "../../../tensor/cpu/wasm/engine.ts";
import { WasmMemory } from "../../../tensor/cpu/wasm/memory.ts";
import { ThreadPool } from "../../../tensor/cpu/wasm/thread_pool.ts";

/** Runs statements that write floats or integers at an address; returns what is there. */
async function run(body: (to: Local<"i32">) => Statements): Promise<{ floats: number[]; words: number[] }> {
  const memory = new WasmMemory();
  using pool = await ThreadPool.open(memory, 1);
  const engine = new Engine(memory, pool);
  const address = memory.allocate(64);
  const floats = new Float32Array(memory.memory.buffer, address, 8).fill(0);
  engine.run(engine.compile("test", { to: "i32" }, ({ to }) => body(to)), 1, { to: address });
  return { floats: [...floats], words: [...new Int32Array(memory.memory.buffer, address, 8)] };
}

const words = async (...values: Code<"i32">[]) =>
  (await run((to) => values.map((value, i) => i32.store(to, value, 4 * i)))).words.slice(0, values.length);
const floats = async (...values: Code<"f32">[]) =>
  (await run((to) => values.map((value, i) => f32.store(to, value, 4 * i)))).floats.slice(0, values.length);
const lanes = async (value: Code<"f32x4">) => (await run((to) => f32x4.store(to, value))).floats.slice(0, 4);
const vector = (a: number, b: number, c: number, d: number) =>
  i32x4.lanes([...new Int32Array(new Float32Array([a, b, c, d]).buffer)] as [number, number, number, number])
    .asFloat();

Deno.test("integers are unsigned, and constants are computed beforehand", async () => {
  const { x } = declare({ x: "i32" });
  const given = (value: Code<"i32">) => after(x.set(13), value);
  assert.deepEqual(
    await words(given(x.add(5)), given(x.sub(20)), given(x.mul(3)), given(x.div(4)), given(x.rem(4))),
    [18, -7, 39, 3, 1],
  );
  assert.deepEqual(await words(given(x.sub(20).gt(5)), given(x.lt(5)), given(least(x, 9)), given(x.and(5))), [
    1,
    0,
    9,
    5,
  ]);
  assert.equal(i32.const(-16).div(16).constant, 2 ** 28 - 1);
  assert.equal(i32.const(7).mul(4).sub(1).rem(8).constant, 3);
  assert.equal(x.add(0), x);
  assert.equal(x.mul(1), x);
});

Deno.test("floats of both sizes", async () => {
  const third = f64.const(1).div(3);
  assert.deepEqual(
    await floats(f32.const(2).sqrt(), third.demote(), f32.const(0.1).promote().mul(10).demote()),
    [Math.fround(Math.SQRT2), Math.fround(1 / 3), 1],
  );
});

Deno.test("vectors: arithmetic, masks, lanes and bits", async () => {
  const x = vector(1, -2, NaN, 4);
  assert.deepEqual(await lanes(x.mul(2).sub(1).abs()), [1, 5, NaN, 7]);
  assert.deepEqual(await lanes(f32x4.const(9).where(x.gt(0))), [9, 0, 0, 9]);
  assert.deepEqual(await lanes(f32x4.const(9).unless(x.gt(0))), [0, 9, 9, 0]);
  assert.deepEqual(await lanes(select(x.eq(x), x, f32x4.const(0))), [1, -2, 0, 4]);
  assert.deepEqual(await lanes(shuffle(x, vector(5, 6, 7, 8), [0, 4, 3, 7])), [1, 5, 4, 8]);
  assert.deepEqual(await lanes(madd(x, 3, 1)), [4, -5, NaN, 13]);
  assert.deepEqual(await lanes(x.bits().shr(31).toFloat()), [0, 1, 0, 0]);
  const { sum } = declare({ sum: "f32x4" });
  assert.deepEqual(await floats(after(sum.set(vector(1, 2, 3, 4)), sumLanes(sum))), [10]);
});

Deno.test("loops, conditions and functions", async () => {
  const { total, n } = declare({ total: "i32", n: "i32" });
  const square = func({ x: "i32" }, ({ x }) => x.mul(x));
  const put = procedure({ to: "i32", value: "i32" }, ({ to, value }) => i32.store(to, value));
  const { words } = await run((to) => [
    n.set(5),
    repeat(n, (i) => total.increase(square({ x: i }))),
    put({ to, value: total }), // 0 + 1 + 4 + 9 + 16
    loop(3, n.sub(4), 1, () => total.set(0)), // empty
    loop(2, 2, 1, () => total.set(0)), // known to be empty
    when(total.gt(29), put({ to: to.add(4), value: 1 }), put({ to: to.add(4), value: 2 })),
    loop(0, n, 4, (i) => put({ to: to.add(8).add(i), value: i.add(7) })),
  ]);
  assert.deepEqual(words.slice(0, 4), [30, 1, 7, 11]);
});

Deno.test("a variable of one function is refused in another", async () => {
  const { x } = declare({ x: "f32" });
  const wrong = procedure({ to: "i32" }, ({ to }) => f32.store(to, x));
  await assert.rejects(run((to) => [x.set(1), wrong({ to })]), /uses a variable of another/);
});

Deno.test("operands of a wrong type do not compile", () => {
  const { i, f, d, v } = declare({ i: "i32", f: "f32", d: "f64", v: "f32x4" });
  const half = func({ x: "f32" }, ({ x }) => x.mul(0.5));
  const wrong = [
    // @ts-expect-error an integer is no float
    () => f.add(i),
    // @ts-expect-error a float is no vector
    () => v.mul(f),
    // @ts-expect-error sizes of floats differ
    () => d.set(f),
    // @ts-expect-error an address is an integer
    () => f32.load(f),
    // @ts-expect-error a condition is an integer
    () => when(f, []),
    // @ts-expect-error floats have no remainder
    () => f.rem(2),
    // @ts-expect-error masks are integers
    () => v.where(v),
    // @ts-expect-error a value left over is no statement
    () => repeat(2, () => f),
    // @ts-expect-error a parameter is missing
    () => half({}),
    // @ts-expect-error a parameter of another type
    () => half({ x: i }),
  ];
  assert.equal(wrong.length, 10); // they need not run: the type checker is the test
});
