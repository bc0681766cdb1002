/** Every generated kernel against the float64 oracle over random shapes, on one and on two threads. */

import assert from "node:assert/strict";
import { openOracle } from "../../../tensor/cpu/oracle.ts";
import { openFastCpu } from "../../../tensor/cpu/wasm/open.ts";
import type { Device, HostArray } from "../../../tensor/device.ts";
import type { ElementwiseOp } from "../../../tensor/ops/elementwise.ts";
import type { AnyOp, Sample } from "../../../tensor/ops/op.ts";
import { ops } from "../../../tensor/ops/registry.ts";
import { Random } from "../../../tensor/random.ts";
import { scope } from "../../../tensor/scope.ts";
import { sizeOf } from "../../../tensor/shape.ts";
import { callOp, hostInputs, toDevice } from "../samples.ts";
import { allowance, around, assertClose, isSumOfProducts } from "../tolerance.ts";
import { randomCalls, randomElementwise } from "./random_calls.ts";
import { winogradCalls } from "./winograd_calls.ts";

/** Fewer where the command line says so, as in the test of the fast mode. */
const callsPerRow = Number(Deno.args[0] ?? 200);

async function outputsOf(
  device: Device,
  op: AnyOp,
  sample: Sample<unknown>,
  data: readonly ArrayLike<number>[],
): Promise<HostArray[]> {
  const outputs = scope(() => callOp(op, toDevice(device, sample.inputs, data), sample.attributes));
  const arrays = await Promise.all(outputs.map((output) => output.data()));
  for (const output of outputs) output.dispose();
  return arrays;
}

/** How far each element may be off: sums by the norm of their terms, all else by its own size and scale. */
async function allowanceOf(
  oracle: Device,
  op: AnyOp,
  sample: Sample<unknown>,
  data: readonly ArrayLike<number>[],
  expected: HostArray,
): Promise<(i: number) => number> {
  if (!isSumOfProducts(op)) {
    return op.family === "elementwise"
      ? (i) => allowance(op, expected[i]!, null)
      : around(expected, 1e-5, 1e-5);
  }
  const squared = data.map((array) => Float64Array.from(array, (x) => x * x));
  const [squares] = await outputsOf(oracle, op, sample, squared);
  const count = Math.max(...sample.inputs.map((input) => sizeOf(input.shape)));
  const divisor = op.name === "mean" ? count / squares!.length : 1;
  return (i) => allowance(op, expected[i]!, { squares: squares![i]! / divisor, count });
}

async function check(op: AnyOp, draw: (random: Random) => Sample<unknown>): Promise<void> {
  using oracle = openOracle();
  using one = await openFastCpu({ threads: 1 });
  using two = await openFastCpu({ threads: 2 });
  for (let i = 0; i < callsPerRow; i++) {
    const seed = `${op.name}/${i}`;
    const sample = draw(new Random(2).child(seed));
    const what = `${seed} ${JSON.stringify(sample)}`;
    const data = hostInputs(sample, seed);
    const expected = await outputsOf(oracle, op, sample, data);
    const actual = await outputsOf(one, op, sample, data);
    for (const [k, values] of expected.entries()) {
      if (values instanceof Int32Array) assert.deepEqual(actual[k], values, what);
      else {
        const allowed = await allowanceOf(oracle, op, sample, data, values);
        assertClose(actual[k]!, values, allowed, `${what} output ${k}`);
      }
    }
    assert.deepEqual(await outputsOf(two, op, sample, data), actual, `${what}: 2 threads, other bits than 1`);
  }
  assert.equal(one.stats().liveBuffers, 0);
}

for (const [name, draw] of Object.entries(randomCalls)) {
  Deno.test(`${name} computes what the oracle computes, on 1 and 2 threads (${callsPerRow} random calls)`, () =>
    check(ops[name]!, draw));
}

for (const depth of [3, 1] as const) {
  for (const [name, draw] of Object.entries(winogradCalls(depth))) {
    Deno.test(`${name} ${depth}×3×3 by Winograd's filtering computes what the oracle computes, on 1 and 2 threads (${callsPerRow} random calls)`, () =>
      check(ops[name]!, draw));
  }
}

for (const op of Object.values(ops) as ElementwiseOp[]) {
  if (op.expression === undefined) continue;
  const { inputs } = op.samples[0]!;
  Deno.test(`${op.name} computes what the oracle computes, on 1 and 2 threads (${callsPerRow} random calls)`, () =>
    check(op, (random) => randomElementwise(random, op.arity, inputs)));
}
