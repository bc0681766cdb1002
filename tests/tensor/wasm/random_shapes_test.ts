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
import { type Shape, sizeOf } from "../../../tensor/shape.ts";
import { callOp, hostInputs, toDevice } from "../samples.ts";
import { allowance, around, assertClose, isSumOfProducts } from "../tolerance.ts";
import { randomCalls, randomElementwise } from "./random_calls.ts";
import { winogradCalls } from "./winograd_calls.ts";

/** Fewer where the command line says so, as in the test of the fast mode. */
const callsPerRow = Number(Deno.args[0] ?? 200);
/** These are large, and the oracle computes them in float64, term by term. */
const winogradCallsPerRow = Math.ceil(callsPerRow / 2);

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

/** So many voxels to each side along the last three axes. */
type Reach = readonly [number, number, number];

const outputShape = (op: AnyOp, { inputs, attributes }: Sample<unknown>): Shape =>
  op.infer(inputs.map(({ shape }) => ({ shape, dtype: "f32" as const })), attributes)[0]!.shape;

/** The largest value in the box around each place of an array of values from 0. */
function largestAround(values: HostArray, shape: Shape, reach: Reach): HostArray {
  return reach.reduce((most, places, i) => {
    const axis = shape.length - 3 + i;
    const [size, step] = [shape[axis]!, sizeOf(shape.slice(axis + 1))];
    return most.map((_, at) => {
      const place = Math.floor(at / step) % size;
      let largest = 0;
      for (let near = Math.max(0, place - places); near <= Math.min(size - 1, place + places); near++) {
        largest = Math.max(largest, most[at + (near - place) * step]!);
      }
      return largest;
    });
  }, values);
}

/**
 * How far each element of the k-th output may be off: sums by the norm of their terms, all else by its own size and scale.
 *
 * @param reach where the elements of a tile are computed from the terms of all of them, as by Winograd's
 * filtering, the largest distance of two: the norm is the largest there
 */
async function allowanceOf(
  oracle: Device,
  op: AnyOp,
  sample: Sample<unknown>,
  data: readonly ArrayLike<number>[],
  outputs: readonly HostArray[],
  k: number,
  reach: Reach | undefined,
): Promise<(i: number) => number> {
  const expected = outputs[k]!;
  if (!isSumOfProducts(op)) {
    return op.family === "elementwise"
      ? (i) => allowance(op, expected[i]!, null)
      : around(expected, 1e-5, 1e-5);
  }
  const squared = data.map((array) => Float64Array.from(array, (x) => x * x));
  const norms = (await outputsOf(oracle, op, sample, squared))[k]!;
  const squares = reach && k === 0 ? largestAround(norms, outputShape(op, sample), reach) : norms;
  const count = Math.max(...sample.inputs.map((input) => sizeOf(input.shape)));
  const divisor = op.name === "mean" ? count / squares.length : 1;
  return (i) => allowance(op, expected[i]!, { squares: squares[i]! / divisor, count });
}

async function check(
  op: AnyOp,
  draw: (random: Random) => Sample<unknown>,
  { calls = callsPerRow, reach }: { readonly calls?: number; readonly reach?: Reach | undefined } = {},
): Promise<void> {
  using oracle = openOracle();
  using one = await openFastCpu({ threads: 1 });
  using two = await openFastCpu({ threads: 2 });
  for (let i = 0; i < calls; i++) {
    const seed = `${op.name}/${i}`;
    const sample = draw(new Random(2).child(seed));
    const what = `${seed} ${JSON.stringify(sample)}`;
    const data = hostInputs(sample, seed);
    const expected = await outputsOf(oracle, op, sample, data);
    const actual = await outputsOf(one, op, sample, data);
    for (const [k, values] of expected.entries()) {
      if (values instanceof Int32Array) assert.deepEqual(actual[k], values, what);
      else {
        const allowed = await allowanceOf(oracle, op, sample, data, expected, k, reach);
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
    Deno.test(`${name} ${depth}×3×3 by Winograd's filtering computes what the oracle computes, on 1 and 2 threads (${winogradCallsPerRow} random calls)`, () =>
      check(ops[name]!, draw, {
        calls: winogradCallsPerRow,
        reach: name === "conv3dWeightGrad" ? undefined : [depth >> 1, 3, 3],
      }));
  }
}

for (const op of Object.values(ops) as ElementwiseOp[]) {
  if (op.expression === undefined) continue;
  const { inputs } = op.samples[0]!;
  Deno.test(`${op.name} computes what the oracle computes, on 1 and 2 threads (${callsPerRow} random calls)`, () =>
    check(op, (random) => randomElementwise(random, op.arity, inputs)));
}
