/** Ties and NaN in the generated kernels of max and min, along rows and along columns. */

import assert from "node:assert/strict";
import { applyAll } from "../../../tensor/apply.ts";
import { openOracle } from "../../../tensor/cpu/oracle.ts";
import { openFastCpu } from "../../../tensor/cpu/wasm/open.ts";
import type { Device } from "../../../tensor/device.ts";
import { maxOp, minOp } from "../../../tensor/ops/reduce.ts";
import { Tensor } from "../../../tensor/tensor.ts";

const shape = [3, 13, 21];
// Few different numbers, so that most maxima are there several times; now and then NaN.
const numbers = Float32Array.from({ length: 3 * 13 * 21 }, (_, i) => i % 101 === 7 ? NaN : (i * 7919) % 5);

async function found(device: Device, op: typeof maxOp, axes: number[]): Promise<number[][]> {
  using x = Tensor.from(device, numbers, shape);
  const outputs = applyAll(op, [x], { axes });
  const arrays = await Promise.all(outputs.map((output) => output.data()));
  for (const output of outputs) output.dispose();
  return arrays.map((array) => [...array]);
}

for (const op of [maxOp, minOp]) {
  Deno.test(`${op.name} finds the first of equal elements, and NaN before numbers`, async () => {
    using oracle = openOracle();
    using fast = await openFastCpu({ threads: 2 });
    for (const axes of [[2], [0, 1], [1, 2], [0, 2], [1], [0, 1, 2], []]) {
      const expected = await found(oracle, op, axes);
      assert.deepEqual(await found(fast, op, axes), expected, `axes ${axes}`);
    }
  });
}
