import assert from "node:assert/strict";
import { openReferenceCpu } from "../../../tensor/cpu/open.ts";
import type { Device } from "../../../tensor/device.ts";
import { conv3d } from "../../../tensor/ops/conv3d.ts";
import { leakyRelu } from "../../../tensor/ops/elementwise.ts";
import { matmul } from "../../../tensor/ops/matmul.ts";
import { instanceNorm } from "../../../tensor/ops/normalization.ts";
import { maxPool3d } from "../../../tensor/ops/pool3d.ts";
import { max, sum } from "../../../tensor/ops/reduce.ts";
import { softmax } from "../../../tensor/ops/softmax.ts";
import { Random } from "../../../tensor/random.ts";
import { keep, scope } from "../../../tensor/scope.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { around, assertClose } from "../tolerance.ts";
import { withCode } from "../refusals.ts";
import { testWebGpu } from "./adapter.ts";

/** A block of a network with everything in it that a large volume meets; the loss and all gradients. */
async function block(device: Device): Promise<Float32Array[]> {
  const random = new Random(3);
  const made = (shape: number[], name: string) => {
    const tensor = Tensor.normal(device, random.child(name), shape);
    tensor.requiresGrad = true;
    return keep(tensor);
  };
  const x = made([2, 3, 6, 7, 8], "x");
  const w = made([5, 3, 3, 3, 3], "w");
  const bias = made([5], "bias");
  const gamma = made([5], "gamma");
  const beta = made([5], "beta");
  const mix = made([9, 5], "mix");
  const leaves = [x, w, bias, gamma, beta, mix];
  const loss = scope(() => {
    const features = instanceNorm(conv3d(x, w, bias, { padding: 1 }), gamma, beta, { slope: 0.01 });
    const rows = maxPool3d(features, [2, 1, 2]).permute([0, 2, 3, 4, 1]).reshape([-1, 5]);
    const likely = softmax(matmul(rows, mix, { transposeB: true }), 1);
    const result = sum(leakyRelu(likely.sub(0.1)).square()).add(max(features)).add(features.mean());
    result.backward();
    return result;
  });
  const values = await Promise.all([loss, ...leaves.map((leaf) => leaf.grad!)].map((t) => t.data()));
  for (const tensor of [loss, ...leaves]) tensor.dispose();
  return values as Float32Array[];
}

const largeTensor = 5 * 2 * 6 * 7 * 8 * 4;

testWebGpu(
  "tensors several times larger than a binding: forward and backward agree with the CPU",
  async (device) => {
    assert.ok(largeTensor > 6 * 2048);
    using cpu = openReferenceCpu();
    const expected = await block(cpu);
    const actual = await block(device);
    expected.forEach((values, k) =>
      assertClose(actual[k]!, values, around(values, 1e-4, 1e-5), `value ${k}`)
    );
    assert.equal(device.stats().liveBuffers, 0);
  },
  { limits: { maxStorageBufferBindingSize: 2048 } },
);

testWebGpu("more workgroups than a dimension takes are folded", async (device) => {
  using x = Tensor.from(device, Float32Array.from({ length: 10_000 }, (_, i) => i));
  using y = scope(() => x.add(1).reshape([5000, 2]).sum({ axes: [1] }));
  const expected = Float32Array.from({ length: 5000 }, (_, i) => 4 * i + 3);
  assert.deepEqual(await y.data(), expected);
}, { limits: { maxComputeWorkgroupsPerDimension: 7 } });

testWebGpu("over four million elements take more than 65,535 workgroups", async (device) => {
  const length = 65_536 * 64 + 5;
  using x = Tensor.full(device, [length], 1);
  using y = scope(() => x.mul(2).sum());
  assert.equal(await y.item(), 2 * length);
});

testWebGpu("a tensor that takes too many bindings is refused with numbers", (device) => {
  using x = Tensor.zeros(device, [100_000]);
  assert.throws(() => x.add(1), withCode("device.limits", /add \[100000\].*256 bytes/));
}, { limits: { maxStorageBufferBindingSize: 256 } });
