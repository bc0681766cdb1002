import assert from "node:assert/strict";
import { noGrad } from "../../tensor/autograd.ts";
import { checkpoint, concat, groupNorm, max, scope, split, Tensor } from "../../tensor/mod.ts";
import { testOnDevices } from "./devices.ts";
import { withCode } from "./refusals.ts";

testOnDevices("backward() adds up over every path to a shared value", async (device) => {
  using x = Tensor.from(device, [1, 2, 3]).asParameter();
  scope(() => {
    const y = x.mul(x); // dy/dx = 2x
    y.add(y).add(y.mul(x)).sum().backward(); // 2x² + x³
  });
  assert.deepEqual([...await x.grad!.data()], [1, 2, 3].map((v) => 4 * v + 3 * v * v));
});

testOnDevices("backward() adds to the gradients that are there", async (device) => {
  using x = Tensor.from(device, [1, 2]).asParameter();
  scope(() => x.mul(3).sum().backward());
  scope(() => x.mul(4).sum().backward());
  assert.deepEqual([...await x.grad!.data()], [7, 7]);
});

testOnDevices("backward() does not change a gradient that it handed out twice", async (device) => {
  using x = Tensor.from(device, [1, 2]).asParameter();
  using y = Tensor.from(device, [5, 5]).asParameter();
  scope(() => x.add(y).add(x).sum().backward()); // add hands its g to both inputs
  assert.deepEqual([...await x.grad!.data()], [2, 2]);
  assert.deepEqual([...await y.grad!.data()], [1, 1]);
});

testOnDevices("a parameter keeps its value and a detached value carries no gradient", async (device) => {
  using x = Tensor.from(device, [2]).asParameter();
  scope(() => x.mul(x.detach()).sum().backward());
  assert.deepEqual([...await x.grad!.data()], [2]);
  assert.deepEqual([...await x.data()], [2]);
});

testOnDevices("the first of equal maxima gets the gradient", async (device) => {
  using x = Tensor.from(device, [1, 7, 7, 0, 7, 7], [2, 3]).asParameter();
  scope(() => max(x, { axes: [1] }).sum().backward());
  assert.deepEqual([...await x.grad!.data()], [0, 1, 0, 0, 1, 0]);
});

testOnDevices("noGrad() leaves nothing to differentiate", (device) => {
  using x = Tensor.from(device, [2]).asParameter();
  scope(() => {
    const loss = noGrad(() => x.mul(x).sum());
    assert.throws(() => loss.backward(), withCode("autograd.constant"));
  });
});

testOnDevices("backward() refuses a constant, a tensor that is no scalar, and a second call", (device) => {
  using x = Tensor.from(device, [1, 2]).asParameter();
  scope(() => {
    const constant = Tensor.full(device, [], 1);
    assert.throws(() => constant.backward(), withCode("autograd.constant"));
    const vector = x.mul(x);
    assert.throws(() => vector.backward(), withCode("autograd.scalar", /\[2\]/));
    const loss = vector.sum();
    loss.backward();
    assert.throws(() => loss.backward(), withCode("autograd.twice", /saved/));
  });
});

testOnDevices("a gradient reaches a parameter after its activations left the scope", async (device) => {
  using x = Tensor.from(device, [3]).asParameter();
  using loss = scope(() => scope(() => x.square()).exp().log().sum());
  loss.backward();
  assert.ok(Math.abs((await x.grad!.data())[0]! - 6) < 1e-4);
});

testOnDevices("saved values go as the tape unwinds", (device) => {
  using x = Tensor.zeros(device, [1000]).asParameter();
  device.resetPeak();
  const before = device.stats();
  using loss = scope(() => {
    let y: Tensor = x;
    for (let i = 0; i < 20; i++) y = y.exp(); // exp saves its output
    return y.sum();
  });
  const held = device.stats().liveBytes - before.liveBytes;
  assert.ok(held >= 20 * 4000, "the tape holds one value an op");
  loss.backward();
  assert.ok(device.stats().peakBytes - before.liveBytes < held + 6 * 4096, "no second copy of the tape");
  assert.ok(device.stats().liveBytes - before.liveBytes < 4 * 4096, "only the gradient and the loss remain");
});

testOnDevices("backward() refuses values that were overwritten since the forward pass", async (device) => {
  using w = Tensor.from(device, [2]).asParameter();
  scope(() => {
    const [first, second] = [w.mul(w).sum(), w.mul(w).mul(w).sum()];
    first.backward();
    w.write([1]);
    assert.throws(() => second.backward(), withCode("autograd.changed", /mul.*overwritten/));
    const linear = w.add(3).sum();
    w.write([5]);
    linear.backward(); // reads no value of w
  });
  assert.deepEqual([...await w.grad!.data()], [4 + 1]);
});

testOnDevices("a graph longer than a stack is deep is given back", (device) => {
  using x = Tensor.from(device, [1]).asParameter();
  const before = device.stats().liveBuffers;
  scope(() => {
    let y = x.add(1);
    for (let i = 0; i < 20_000; i++) y = y.add(1);
  });
  assert.equal(device.stats().liveBuffers, before);
});

testOnDevices("normalising no sample leaves gradients of 0", async (device) => {
  using x = Tensor.zeros(device, [0, 4, 2, 2, 2]).asParameter();
  using gamma = Tensor.full(device, [4], 1).asParameter();
  using beta = Tensor.zeros(device, [4]).asParameter();
  // Memory that is taken next and is not zero.
  for (const used of Array.from({ length: 8 }, () => Tensor.full(device, [4], 7))) used.dispose();
  scope(() => groupNorm(x, gamma, beta, 4).sum().backward());
  for (const parameter of [gamma, beta]) assert.deepEqual([...await parameter.grad!.data()], [0, 0, 0, 0]);
});

testOnDevices(
  "every part of a split has its gradient, be it used once, twice or not at all",
  async (device) => {
    using x = Tensor.from(device, [1, 2, 3, 4, 5, 6], [2, 3]).asParameter();
    const gradientOf = async (loss: (parts: Tensor[]) => Tensor) => {
      scope(() => loss(split(x.mul(2), [1, 2], 1)).backward());
      using grad = x.grad!;
      x.grad = undefined;
      return [...await grad.data()];
    };
    const weights = [1, 10];
    const all = await gradientOf(([a, b]) => a!.mul(weights[0]!).sum().add(b!.mul(weights[1]!).sum()));
    assert.deepEqual(all, [2, 20, 20, 2, 20, 20]);
    assert.deepEqual(await gradientOf(([, b]) => b!.sum()), [0, 2, 2, 0, 2, 2]);
    assert.deepEqual(await gradientOf(([a]) => a!.sum().add(a!.mul(3).sum())), [8, 0, 0, 8, 0, 0]);
    const ofThree = await gradientOf((parts) => {
      const [first, , last] = split(concat(parts, 1), [1, 1, 1], 1);
      return first!.sum().add(last!.mul(5).sum());
    });
    assert.deepEqual(ofThree, [2, 0, 10, 2, 0, 10]);
    assert.deepEqual(
      await gradientOf((parts) => checkpoint(([y]) => split(y!, [0, 1, 1], 1)[2]!, [parts[1]!]).mul(7).sum()),
      [0, 0, 14, 0, 0, 14],
    );
    assert.equal(device.stats().liveBuffers, 1);
  },
);
