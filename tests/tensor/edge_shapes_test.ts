/** Shapes and values at the edge: scalars, empty axes, single elements, odd lengths; ±0, ±Inf, NaN, extremes. */

import assert from "node:assert/strict";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import type { Device } from "../../tensor/device.ts";
import {
  concat,
  conv3d,
  expand,
  flip,
  groupNorm,
  matmul,
  max,
  mean,
  min,
  pad,
  permute,
  Random,
  scope,
  slice,
  softmax,
  sum,
  Tensor,
  unitRows,
} from "../../tensor/mod.ts";
import { apply } from "../../tensor/apply.ts";
import { type ElementwiseOp, elementwiseOps } from "../../tensor/ops/elementwise.ts";
import type { AnyOp } from "../../tensor/ops/op.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { testOnDevices } from "./devices.ts";
import { withCode } from "./refusals.ts";
import { callInputs } from "./samples.ts";
import { around, assertClose } from "./tolerance.ts";

const shapes: readonly Shape[] = [[], [1], [0], [0, 3], [3, 0, 2], [1, 1, 1], [7], [3, 257], [2, 1, 3, 1, 5]];

function inputsOf(op: AnyOp, shape: Shape, seed: string): Float32Array[] {
  return op.samples[0]!.inputs.map((input, i) => {
    const { low, high } = input as { low: number; high: number };
    const random = new Random(4).child(seed).child(i);
    return Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(low, high));
  });
}

/** Output and gradients of an elementwise row at one shape. */
async function run(device: Device, op: AnyOp, shape: Shape): Promise<ArrayLike<number>[]> {
  const parameters = inputsOf(op, shape, op.name).map((data) =>
    Tensor.from(device, data, shape).asParameter()
  );
  const out = scope(() => {
    const { attributes } = op.samples[0]!;
    const out = apply(op, callInputs(op, parameters, attributes), attributes);
    if (out.node) out.sum().backward();
    return out;
  });
  const tensors = [out, ...parameters.flatMap(({ grad }) => grad ?? [])];
  const results = await Promise.all(tensors.map((tensor) => tensor.data()));
  for (const tensor of [out, ...parameters]) tensor.dispose();
  assert.equal(device.stats().liveBuffers, 0);
  return results;
}

/** Results of an elementwise row with numbers in place of each of its inputs in turn, and of pairs of three. */
async function withNumbers(device: Device, op: ElementwiseOp): Promise<ArrayLike<number>[]> {
  const inputs = inputsOf(op, [5], op.name);
  const places = inputs.map((_, i) => i);
  const outputs = scope(() => {
    const tensors = inputs.map((data) => Tensor.from(device, data, [5]));
    const call = (isNumber: (i: number) => boolean) =>
      apply(op, tensors.map((tensor, i) => isNumber(i) ? 0.75 + i : tensor), {});
    const one = places.map((place) => call((i) => i === place));
    return op.arity === 3 ? [...one, ...places.map((place) => call((i) => i !== place))] : one;
  });
  const values = await Promise.all(outputs.map((tensor) => tensor.data()));
  for (const tensor of outputs) tensor.dispose();
  return values;
}

testOnDevices(
  "elementwise rows take numbers for any of their inputs, one after the other",
  async (device) => {
    using oracle = openOracle();
    // Of rows with fewer inputs in their samples, one is a number always.
    const free = ({ arity, samples }: ElementwiseOp) => arity > 1 && samples[0]!.inputs.length === arity;
    for (const op of Object.values<ElementwiseOp>(elementwiseOps).filter(free)) {
      const expected = await withNumbers(oracle, op), actual = await withNumbers(device, op);
      expected.forEach((values, k) => {
        assertClose(actual[k]!, values, around(values, 2e-5, 1e-5), `${op.name}, call ${k}`);
      });
    }
  },
);

testOnDevices("elementwise rows take scalars, empty and single axes and odd lengths", async (device) => {
  using oracle = openOracle();
  for (const op of Object.values(elementwiseOps)) {
    for (const shape of shapes) {
      const expected = await run(oracle, op, shape);
      const actual = await run(device, op, shape);
      expected.forEach((values, k) => {
        assertClose(actual[k]!, values, around(values, 2e-5, 1e-5), `${op.name} [${shape}] ${k}`);
      });
    }
  }
});

const special = [
  0,
  -0,
  1,
  -1,
  Infinity,
  -Infinity,
  NaN,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  1e-40,
];

testOnDevices("arithmetic keeps infinities, NaN and signs", async (device) => {
  using x = Tensor.from(device, special);
  const functions: Record<string, [(t: Tensor) => Tensor, (v: number) => number]> = {
    add: [(t) => t.add(1), (v) => v + 1],
    sub: [(t) => t.sub(t), (v) => v - v],
    mul: [(t) => t.mul(-2), (v) => v * -2],
    neg: [(t) => t.neg(), (v) => -v],
    square: [(t) => t.square(), (v) => v * v],
  };
  for (const [name, [onDevice, onHost]] of Object.entries(functions)) {
    using y = onDevice(x);
    const actual = await y.data();
    special.forEach((value, i) => {
      const expected = Math.fround(onHost(Math.fround(value)));
      const isFlushed = Math.abs(expected) < 1.2e-38 && actual[i] === 0; // GPUs may flush denormals
      assert.ok(
        isFlushed || Object.is(actual[i], expected) || (actual[i] === 0 && expected === 0),
        `${name}(${value}): got ${actual[i]}, expected ${expected}`,
      );
    });
  }
});

testOnDevices("a NaN or infinity in the input reaches the result of every reduction", async (device) => {
  for (const bad of [NaN, Infinity]) {
    const data = Float32Array.from({ length: 700 }, (_, i) => i === 333 ? bad : Math.sin(i));
    using x = Tensor.from(device, data, [7, 100]);
    for (const reduce of [sum, mean, max]) {
      using rows = reduce(x, { axes: [1] });
      using all = reduce(x);
      const values = await rows.data();
      assert.equal(values[3], bad, reduce.name);
      assert.ok(Number.isFinite(values[2]), reduce.name);
      assert.equal(await all.item(), bad, reduce.name);
    }
  }
});

testOnDevices("reductions of nothing: a sum is 0, a mean or an extremum is refused", async (device) => {
  using x = Tensor.zeros(device, [3, 0]);
  using total = sum(x, { axes: [1] });
  assert.deepEqual([...await total.data()], [0, 0, 0]);
  for (const reduce of [mean, max, min]) {
    assert.throws(() => reduce(x, { axes: [1] }), withCode("shape.empty"));
  }
});

testOnDevices("moves, products and softmax take empty and single axes", async (device) => {
  const results = scope(() => {
    const empty = Tensor.zeros(device, [2, 0, 3]);
    const one = Tensor.from(device, [5], [1, 1, 1]);
    return {
      permute: permute(empty, [2, 0, 1]),
      flip: flip(empty, [0, 1]),
      slice: slice(one, [0, 0, 0], [1, 0, 1]),
      pad: pad(empty, [0, 1, 0], [0, 1, 0], 7),
      concat: concat([empty, expand(one, [2, 2, 3])], 1),
      matmul: matmul(Tensor.zeros(device, [2, 0]), Tensor.zeros(device, [0, 3])),
      softmax: softmax(one, 1),
    };
  });
  const shapesOf = Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, tensor.shape]));
  assert.deepEqual(shapesOf, {
    permute: [3, 2, 0],
    flip: [2, 0, 3],
    slice: [1, 0, 1],
    pad: [2, 2, 3],
    concat: [2, 2, 3],
    matmul: [2, 3],
    softmax: [1, 1, 1],
  });
  assert.deepEqual([...await results.pad.data()], new Array(12).fill(7));
  assert.deepEqual([...await results.concat.data()], new Array(12).fill(5));
  assert.deepEqual([...await results.matmul.data()], new Array(6).fill(0));
  assert.deepEqual([...await results.softmax.data()], [1]);
  for (const tensor of Object.values(results)) tensor.dispose();
});

testOnDevices("ops see a reshaped view as the array it is", async (device) => {
  const [viaView, direct] = scope(() => {
    const x = Tensor.uniform(device, new Random(6), [4, 6]);
    const view = x.reshape([2, 3, 4]);
    return [permute(view, [2, 0, 1]).sum({ axes: [2] }), x.reshape([24]).reshape([6, 4])] as const;
  });
  const [a, b] = [await viaView.data(), await direct.data()];
  for (let k = 0; k < 4; k++) {
    for (let n = 0; n < 2; n++) {
      const expected = [0, 1, 2].reduce((s, j) => s + b[n * 12 + j * 4 + k]!, 0);
      assert.ok(Math.abs(a[k * 2 + n]! - expected) < 1e-6);
    }
  }
  viaView.dispose();
  direct.dispose();
});

testOnDevices("a convolution and a norm of no samples have gradients of zeros", async (device) => {
  const weight = Tensor.full(device, [2, 3, 3, 3, 3], 1).asParameter();
  const bias = Tensor.full(device, [2], 1).asParameter();
  scope(() => conv3d(Tensor.zeros(device, [0, 3, 4, 4, 4]), weight, bias, { padding: 1 }).sum().backward());
  assert.deepEqual([...await weight.grad!.data()], new Array(162).fill(0));
  assert.deepEqual([...await bias.grad!.data()], [0, 0]);
  const [gamma, beta] = [1, 2].map((value) => Tensor.full(device, [4], value).asParameter());
  scope(() => groupNorm(Tensor.zeros(device, [0, 4, 3]), gamma!, beta!, 2).sum().backward());
  assert.deepEqual([...await gamma!.grad!.data(), ...await beta!.grad!.data()], new Array(8).fill(0));
});

testOnDevices(
  "unit rows and the gradient of concat take empty axes, and a row with NaN is NaN",
  async (device) => {
    const row = Tensor.from(device, [NaN, 1, 3, 4], [2, 2]);
    const [unit, empty] = scope(() => [unitRows(row), unitRows(Tensor.zeros(device, [3, 0]))] as const);
    assert.deepEqual([...await unit.data()].map((v) => Math.round(v * 10) / 10), [NaN, NaN, 0.6, 0.8]);
    assert.deepEqual(empty.shape, [3, 0]);
    const [none, some] = [Tensor.zeros(device, [2, 0]), Tensor.full(device, [2, 3], 1)].map((x) =>
      x.asParameter()
    );
    scope(() => concat([none!, some!], 1).sum().backward());
    assert.deepEqual([...await some!.grad!.data()], new Array(6).fill(1));
  },
);
