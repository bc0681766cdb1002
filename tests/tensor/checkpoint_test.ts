import assert from "node:assert/strict";
import { checkpoint, conv3d, dropout, groupNorm, Random, scope, Tensor } from "../../tensor/mod.ts";
import { testOnDevices } from "./devices.ts";
import { withCode } from "./refusals.ts";

testOnDevices(
  "checkpoint() gives the same gradients, also for captured parameters and with dropout",
  async (device) => {
    const random = new Random(3);
    using x = Tensor.uniform(device, random, [1, 2, 3, 4, 5], -1, 1).asParameter();
    using weight = Tensor.uniform(device, random, [2, 2, 3, 3, 3], -1, 1).asParameter();
    using gamma = Tensor.full(device, [2], 1.5).asParameter();
    using beta = Tensor.zeros(device, [2]).asParameter();
    const parameters = [x, weight, gamma, beta];
    const block = ([input]: readonly Tensor[], stream: Random) => {
      const y = groupNorm(conv3d(input!, weight, null, { padding: 1 }), gamma, beta, 2, { slope: 0.1 });
      return dropout(y, 0.4, stream).add(input!);
    };
    const gradients = async (run: typeof block) => {
      const stream = new Random(9);
      const loss = scope(() => {
        const y = run([run([x.mul(2)], stream)], stream);
        const loss = y.square().mean();
        loss.backward();
        return loss;
      });
      const results = await Promise.all(
        [loss, ...parameters.map((p) => p.grad!)].map((tensor) => tensor.data()),
      );
      loss.dispose();
      for (const p of parameters) {
        p.grad!.dispose();
        p.grad = undefined;
      }
      assert.equal(device.stats().liveBuffers, parameters.length);
      return results;
    };
    const plain = await gradients(block);
    const recomputed = await gradients((inputs, stream) => checkpoint(block, inputs, stream));
    assert.deepEqual(recomputed, plain);
    assert.ok(plain[2]!.some((g) => Math.abs(g) > 1e-3));
  },
);

testOnDevices("checkpoint() keeps only inputs and results", (device) => {
  const elements = 4096;
  using x = Tensor.zeros(device, [elements]).asParameter();
  const deep = ([y]: readonly Tensor[]) => {
    for (let i = 0; i < 8; i++) y = y!.exp().mul(0.5);
    return y!;
  };
  const heldBy = (run: typeof deep) => {
    const before = device.stats().liveBytes;
    using _ = scope(() => run([run([x])]).sum());
    return device.stats().liveBytes - before;
  };
  assert.ok(heldBy(deep) >= 16 * elements * 4);
  assert.ok(heldBy((inputs) => checkpoint(deep, inputs)) <= 3 * elements * 4);
});

testOnDevices("checkpoint() refuses a body that captures a tensor with a gradient", (device) => {
  using x = Tensor.from(device, [2]).asParameter();
  scope(() => {
    const y = x.square();
    const loss = checkpoint(([input]) => input!.mul(y), [x]).sum();
    assert.throws(() => loss.backward(), withCode("checkpoint.capture"));
  });
});
