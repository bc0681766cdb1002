import assert from "node:assert/strict";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import type { Device } from "../../tensor/device.ts";
import type { AnyOp, Sample } from "../../tensor/ops/op.ts";
import { cast } from "../../tensor/ops/layout.ts";
import { kernelOps, ops } from "../../tensor/ops/registry.ts";
import { scope } from "../../tensor/scope.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { testOnDevices } from "./devices.ts";
import { callOp, hostInputs, toDevice } from "./samples.ts";
import { allowance, assertClose, isSumOfProducts } from "./tolerance.ts";

async function outputsOf(
  device: Device,
  op: AnyOp,
  sample: Sample<unknown>,
  data: readonly ArrayLike<number>[],
) {
  const outputs = scope(() => callOp(op, toDevice(device, sample.inputs, data), sample.attributes));
  const values = await Promise.all(outputs.map((output) => output.data()));
  outputs.forEach((output) => output.dispose());
  return values;
}

/** For each output element, the sum of squared terms and a bound on how many there are. */
async function termsOf(oracle: Device, op: AnyOp, sample: Sample<unknown>, data: readonly Float32Array[]) {
  const square = (values: Float32Array) => Float64Array.from(values, (x) => x * x);
  const [squares] = await outputsOf(oracle, op, sample, data.map(square));
  const count = Math.max(...sample.inputs.map((input) => sizeOf(input.shape)));
  const divisor = op.name === "mean" ? count / squares!.length : 1; // a mean of squares, not of terms²
  return (i: number) => ({ squares: squares![i]! / divisor, count });
}

async function compare(device: Device, oracle: Device, op: AnyOp, sample: Sample<unknown>, seed: string) {
  const data = hostInputs(sample, seed);
  const expected = await outputsOf(oracle, op, sample, data);
  const actual = await outputsOf(device, op, sample, data);
  const terms = isSumOfProducts(op) ? await termsOf(oracle, op, sample, data as Float32Array[]) : () => null;
  expected.forEach((values, k) => {
    if (values instanceof Int32Array) {
      assert.deepEqual(actual[k], values, `${op.name} output ${k}`);
    } else {
      assertClose(actual[k]!, values, (i) => allowance(op, values[i]!, terms(i)), `${op.name} output ${k}`);
    }
  });
}

/** Records which rows a device ran. */
function recordRuns(device: Device): Set<string> {
  const names = new Set<string>();
  const run = device.run.bind(device);
  device.run = (op, ...rest) => {
    names.add(op.name);
    run(op, ...rest);
  };
  return names;
}

testOnDevices("every row computes on its samples what the float64 oracle computes", async (device, t) => {
  using oracle = openOracle();
  for (const op of Object.values(ops)) {
    await t.step(op.name, async () => {
      for (const [i, sample] of op.samples.entries()) {
        await compare(device, oracle, op, sample, `${op.name}/${i}`);
      }
    });
  }
});

testOnDevices("every row without a sample of its own runs as the gradient of one that has", (device) => {
  const ran = recordRuns(device);
  for (const op of Object.values(ops)) {
    for (const [i, sample] of op.samples.entries()) {
      scope(() => {
        const tensors = toDevice(device, sample.inputs, hostInputs(sample, `${op.name}/${i}`));
        if (typeof op.gradient !== "string") {
          for (const tensor of tensors) tensor.requiresGrad = tensor.dtype === "f32";
        }
        const [out] = callOp(op, tensors, sample.attributes);
        if (out!.node) out!.sum().backward();
      });
    }
  }
  scope(() => cast(Tensor.from(device, [1]), "i32"));
  assert.deepEqual(Object.keys(kernelOps).filter((name) => !ran.has(name)), []);
});

testOnDevices("cast() rounds toward zero and back exactly", async (device) => {
  using x = Tensor.from(device, [-2.9, -0.5, 0, 0.99, 7, 2 ** 24]);
  using ids = cast(x, "i32");
  assert.deepEqual(await ids.data(), Int32Array.of(-2, 0, 0, 0, 7, 2 ** 24));
  using back = cast(ids, "f32");
  assert.deepEqual([...await back.data()], [-2, 0, 0, 0, 7, 2 ** 24]);
});
