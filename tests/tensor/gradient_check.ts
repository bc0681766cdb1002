/** Checks of gradient rows against central differences. */

import type { Device } from "../../tensor/device.ts";
import { type AnyOp, resultsOf, type Sample } from "../../tensor/ops/op.ts";
import { ops } from "../../tensor/ops/registry.ts";
import { Random } from "../../tensor/random.ts";
import { scope } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { callOp, type FloatStorage, hostInputs, toDevice } from "./samples.ts";
import { assertClose } from "./tolerance.ts";

/** Rows with a gradient. */
export const differentiable: readonly AnyOp[] = Object.values(ops).filter((op) =>
  typeof op.gradient !== "string"
);

/** A loss that weighs every output element differently: Σ r·y with r random but fixed. */
function lossOf(op: AnyOp, tensors: readonly Tensor[], attributes: unknown): Tensor {
  const terms = resultsOf(op, callOp(op, tensors, attributes)).map((out, i) => {
    const weights = Tensor.uniform(out.device, new Random(2 + i), out.shape, 0.5, 1.5);
    return out.mul(weights).sum();
  });
  return terms.reduce((sum, term) => sum.add(term));
}

/** Gradient of each input by `backward`; null where none flows. */
export async function analytic(
  device: Device,
  op: AnyOp,
  sample: Sample<unknown>,
  data: readonly ArrayLike<number>[],
  stored?: FloatStorage,
) {
  const tensors = toDevice(device, sample.inputs, data, stored);
  for (const tensor of tensors) tensor.requiresGrad = tensor.dtype !== "i32";
  scope(() => lossOf(op, tensors, sample.attributes).backward());
  const gradients = await Promise.all(tensors.map((tensor) => tensor.grad?.data() ?? null));
  tensors.forEach((tensor) => tensor.dispose());
  return gradients;
}

/** Gradient of one input by central differences. */
async function numeric(
  oracle: Device,
  op: AnyOp,
  sample: Sample<unknown>,
  data: readonly Float64Array[],
  k: number,
) {
  const step = 1e-6;
  const evaluate = async () => {
    using loss = scope(() => lossOf(op, toDevice(oracle, sample.inputs, data), sample.attributes));
    return await loss.item();
  };
  const gradient = new Float64Array(data[k]!.length);
  for (let i = 0; i < gradient.length; i++) {
    const value = data[k]![i]!;
    data[k]![i] = value + step;
    const above = await evaluate();
    data[k]![i] = value - step;
    const below = await evaluate();
    data[k]![i] = value;
    gradient[i] = (above - below) / (2 * step);
  }
  return gradient;
}

/** Asserts that a row's gradients agree with central differences on a sample (step 1e-6, 1e-5 + 1e-3 relative). */
export async function checkGradients(
  oracle: Device,
  op: AnyOp,
  sample: Sample<unknown>,
  seed: string,
): Promise<void> {
  const data = hostInputs(sample, seed).map((values) => Float64Array.from(values));
  const gradients = await analytic(oracle, op, sample, data);
  for (const [k, input] of sample.inputs.entries()) {
    if ("classes" in input) continue;
    const expected = await numeric(oracle, op, sample, data, k);
    const actual = gradients[k] ?? new Float64Array(expected.length);
    const allowed = (i: number) => 1e-5 + 1e-3 * Math.abs(expected[i]!);
    assertClose(actual, expected, allowed, `${seed}, gradient of input ${k}`);
  }
}
