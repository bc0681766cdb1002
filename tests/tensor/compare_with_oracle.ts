/** Holds the values of an op on a device against the float64 oracle's. */

import assert from "node:assert/strict";
import type { Device } from "../../tensor/device.ts";
import type { AnyOp, Sample } from "../../tensor/ops/op.ts";
import { scope } from "../../tensor/scope.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { callOp, type FloatStorage, hostInputs, roundAsStored, toDevice } from "./samples.ts";
import { allowance, assertClose, f16Rounding, isSumOfProducts } from "./tolerance.ts";

async function outputsOf(
  device: Device,
  op: AnyOp,
  sample: Sample<unknown>,
  data: readonly ArrayLike<number>[],
  stored?: FloatStorage,
) {
  const outputs = scope(() => callOp(op, toDevice(device, sample.inputs, data, stored), sample.attributes));
  const values = await Promise.all(outputs.map((output) => output.data()));
  const dtypes = outputs.map(({ dtype }) => dtype);
  outputs.forEach((output) => output.dispose());
  return { values, dtypes };
}

/** For each output element, the sum of squared terms and a bound on how many there are. */
async function termsOf(oracle: Device, op: AnyOp, sample: Sample<unknown>, data: readonly Float32Array[]) {
  const square = (values: Float32Array) => Float64Array.from(values, (x) => x * x);
  const { values: squares } = await outputsOf(oracle, op, sample, data.map(square));
  const count = Math.max(...sample.inputs.map((input) => sizeOf(input.shape)));
  const divisor = op.name === "mean" ? count / squares[0]!.length : 1; // a mean of squares, not of terms²
  return (k: number, i: number) => ({ squares: squares[k]![i]! / divisor, count });
}

/**
 * Asserts that an op gives on a sample what the oracle gives, to the allowance of its kind, and for a result
 * that is stored as f16 to that rounding.
 *
 * @param stored how the device stores the float inputs; the oracle gets them rounded the same way
 * @returns the element types of the outputs
 */
export async function compareWithOracle(
  device: Device,
  oracle: Device,
  op: AnyOp,
  sample: Sample<unknown>,
  { seed, stored }: { seed: string; stored?: FloatStorage },
): Promise<readonly string[]> {
  const data = roundAsStored(hostInputs(sample, seed), stored);
  const { values: expected } = await outputsOf(oracle, op, sample, data);
  const { values: actual, dtypes } = await outputsOf(device, op, sample, data, stored);
  const terms = isSumOfProducts(op) ? await termsOf(oracle, op, sample, data as Float32Array[]) : () => null;
  expected.forEach((values, k) => {
    if (values instanceof Int32Array) {
      assert.deepEqual(actual[k], values, `${op.name} output ${k}`);
      return;
    }
    const rounding = dtypes[k] === "f16" ? f16Rounding : () => 0;
    const allowed = (i: number) => allowance(op, values[i]!, terms(k, i)) + rounding(values[i]!);
    assertClose(actual[k]!, values, allowed, `${op.name} output ${k}`);
  });
  return dtypes;
}
