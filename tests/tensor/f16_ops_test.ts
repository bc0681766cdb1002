/** Every row of the op table on f16 storage: what it computes, what it stores, and its gradients. */

import assert from "node:assert/strict";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import type { Device, DType } from "../../tensor/device.ts";
import {
  cast,
  dropPath,
  Random,
  scope,
  selfAttention,
  type SelfAttentionWeights,
  Tensor,
} from "../../tensor/mod.ts";
import { type AnyOp, resultsOf } from "../../tensor/ops/op.ts";
import { ops } from "../../tensor/ops/registry.ts";
import { compareWithOracle } from "./compare_with_oracle.ts";
import { analytic, differentiable } from "./gradient_check.ts";
import { callOp, type FloatStorage, hostInputs, roundAsStored, toDevice } from "./samples.ts";
import { around, assertClose } from "./tolerance.ts";
import { testF16 } from "./webgpu/adapter.ts";

const allHalf: FloatStorage = () => "f16";

/** Rows whose result is f32 whatever their inputs are: sums that losses are made of, and what its sample casts to f32. */
const alwaysFull = ["sumOfSquares", "diceCrossEntropy", "rowSimilarity", "cast"];

testF16("every row computes on f16 inputs what the float64 oracle computes", async (device, t) => {
  using oracle = openOracle();
  for (const op of Object.values(ops)) {
    await t.step(op.name, async () => {
      for (const [s, sample] of op.samples.entries()) {
        const seed = `${op.name}/${s}`;
        const types = await compareWithOracle(device, oracle, op, sample, { seed, stored: allHalf });
        const results = resultsOf(op, types);
        const hasFloats = sample.inputs.some((input) => !("classes" in input));
        const isFloat = op.name !== "argmax";
        if (!hasFloats || !isFloat) continue;
        const expected = alwaysFull.includes(op.name) ? "f32" : "f16";
        assert.ok(results.every((result) => result === expected), `${seed}: ${results}`);
      }
    });
  }
});

testF16(
  "an f16 input beside an f32 one gives f32, but parameters of a layer do not count",
  async (device) => {
    using oracle = openOracle();
    for (const op of Object.values(ops)) {
      for (const [s, sample] of op.samples.entries()) {
        const floats = sample.inputs.flatMap((input, i) => "classes" in input ? [] : [i]);
        if (floats.length < 2 || op.family === "update") continue; // an update keeps its targets' types
        const seed = `${op.name}/${s}`;
        const resultWith = async (stored: FloatStorage) =>
          (await compareWithOracle(device, oracle, op, sample, { seed, stored }))[0];
        const hasParameters = ["conv3d", "convTranspose3d", "groupNorm"].includes(op.name);
        assert.equal(await resultWith((i) => i === 0 ? "f16" : "f32"), hasParameters ? "f16" : "f32", seed);
        assert.equal(await resultWith((i) => i === 0 ? "f32" : "f16"), "f32", seed);
      }
    }
  },
);

testF16("linear maps and attention with f32 weights are stored like their input", async (device) => {
  const random = new Random(4);
  const c = 4;
  const made = (shape: number[]) => Tensor.normal(device, random, shape, 0.5);
  const attend = (tokens: Tensor, weights: SelfAttentionWeights, tables: [Tensor, Tensor, Tensor]) =>
    selfAttention(tokens, weights, { heads: 2, positions: { tables, form: "axis" } });
  const [half, full] = scope(() => {
    const weights = {
      qkvWeight: made([3 * c, c]),
      qkvBias: made([3 * c]),
      projWeight: made([c, c]),
      projBias: made([c]),
    };
    const tables = [made([3, 2]), made([5, 2]), made([3, 2])] as [Tensor, Tensor, Tensor];
    const tokens = cast(made([2, 2, 3, 2, c]), "f16");
    return [attend(tokens, weights, tables), attend(cast(tokens, "f32"), weights, tables)];
  });
  using _ = half;
  using exact = full;
  assert.equal(half.dtype, "f16");
  const expected = await exact.data();
  assertClose(await half.data(), expected, around(expected, 2 ** -8, 2 ** -8), "attention");
});

testF16(
  "gradients of f16 tensors are those of the float64 oracle on the rounded inputs",
  async (device, t) => {
    using oracle = openOracle();
    for (const op of differentiable) {
      await t.step(op.name, async () => {
        for (const [s, sample] of op.samples.entries()) {
          const data = roundAsStored(hostInputs(sample, `${op.name}/${s}`), allHalf);
          const expected = await analytic(oracle, op, sample, data);
          const actual = await analytic(device, op, sample, data, allHalf);
          expected.forEach((values, k) => {
            if (!values) return assert.equal(actual[k], null);
            // Gradients read outputs, which are rounded, where f32 ones would be exact.
            const allowed = around(values, 2 ** -10, 2 ** -10);
            assertClose(actual[k]!, values, allowed, `${op.name} sample ${s}, gradient of input ${k}`);
          });
        }
      });
    }
  },
);

/** Element types of the buffers that are allocated while `body` runs. */
function allocated(device: Device, body: () => void): Set<DType> {
  const dtypes = new Set<DType>();
  const allocate = device.allocate.bind(device);
  device.allocate = (dtype, length) => {
    dtypes.add(dtype);
    return allocate(dtype, length);
  };
  body();
  device.allocate = allocate;
  return dtypes;
}

testF16("backward stores nothing as f16, in no row", (device) => {
  const backwardOf = (op: AnyOp, s: number) =>
    scope(() => {
      const sample = op.samples[s]!;
      const tensors = toDevice(device, sample.inputs, hostInputs(sample, `${op.name}/${s}`), allHalf);
      for (const tensor of tensors) tensor.requiresGrad = tensor.dtype === "f16";
      const loss = cast(callOp(op, tensors, sample.attributes)[0]!, "f32").sum();
      const made = allocated(device, () => loss.backward());
      assert.ok(!made.has("f16"), op.name);
      for (const { grad } of tensors) assert.ok(!grad || grad.dtype === "f32", op.name);
    });
  for (const op of differentiable) for (const s of op.samples.keys()) backwardOf(op, s);
});

testF16("cast() carries gradients between f16 and f32, and none through integers", async (device) => {
  using x = Tensor.from(device, [1 + 2 ** -12, 3], [2]).asParameter();
  scope(() => cast(cast(x, "f16").square(), "f32").sum().backward());
  assert.equal(x.grad!.dtype, "f32");
  assert.deepEqual([...await x.grad!.data()], [2, 6]);
  scope(() => cast(cast(cast(x, "f16"), "i32"), "f16").sum().backward());
  assert.deepEqual([...await x.grad!.data()], [2, 6]);
});

testF16("numbers do not promote, and neither does dropping paths", (device) => {
  scope(() => {
    const x = Tensor.full(device, [4, 3], 0.5, "f16");
    assert.equal(x.mul(1.1).add(2).pow(2).dtype, "f16");
    assert.equal(dropPath(x, 0.5, new Random(1)).dtype, "f16");
  });
});
