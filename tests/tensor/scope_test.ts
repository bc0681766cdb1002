import assert from "node:assert/strict";
import { keep, scope, Tensor } from "../../tensor/mod.ts";
import { testOnDevices } from "./devices.ts";
import { withCode } from "./refusals.ts";

testOnDevices("scope() frees everything but what it returns, at any depth", async (device) => {
  const kept = scope(() => {
    const x = Tensor.from(device, [1, 2]);
    const inner = scope(() => ({ parts: [x.mul(2), { deep: x.mul(3) }], dropped: x.mul(4).isDisposed }));
    assert.equal(device.stats().liveBuffers, 3);
    return inner;
  });
  const [twice, { deep }] = kept.parts as [Tensor, { deep: Tensor }];
  assert.equal(device.stats().liveBuffers, 2);
  assert.deepEqual([...await twice.data()], [2, 4]);
  assert.deepEqual([...await deep.data()], [3, 6]);
  twice.dispose();
  deep.dispose();
  assert.equal(device.stats().liveBuffers, 0);
});

testOnDevices("scope() frees when its function throws", (device) => {
  assert.throws(() =>
    scope(() => {
      Tensor.zeros(device, [3]);
      throw new RangeError("on purpose");
    }), RangeError);
  assert.equal(device.stats().liveBuffers, 0);
});

testOnDevices("scope() refuses a promise and still frees", (device) => {
  assert.throws(
    () =>
      scope(() => {
        Tensor.zeros(device, [3]);
        return Promise.resolve(1);
      }),
    withCode("scope.async"),
  );
  assert.equal(device.stats().liveBuffers, 0);
});

testOnDevices("keep() and parameters outlive every scope", (device) => {
  const [kept, parameter] = scope(() =>
    scope(() => [keep(Tensor.zeros(device, [2])), Tensor.zeros(device, [2]).asParameter()])
  );
  assert.equal(device.stats().liveBuffers, 2);
  kept!.dispose();
  parameter!.dispose();
  assert.equal(device.stats().liveBuffers, 0);
});

testOnDevices(
  "a disposed tensor refuses every use and names what made it; twice is harmless",
  async (device) => {
    const x = scope(() => Tensor.from(device, [1]).add(1));
    x.dispose();
    x.dispose();
    assert.ok(x.isDisposed);
    assert.throws(() => x.mul(2), withCode("tensor.disposed", /^mul: .* made by add was disposed/));
    assert.throws(() => x.reshape([1, 1]), withCode("tensor.disposed"));
    assert.throws(() => x.write([1]), withCode("tensor.disposed"));
    await assert.rejects(async () => await x.data(), withCode("tensor.disposed"));
  },
);

testOnDevices("views share memory and free it with the last of them", async (device) => {
  const x = Tensor.from(device, [1, 2, 3, 4]);
  const view = x.reshape([2, 2]);
  assert.equal(device.stats().liveBuffers, 1);
  x.dispose();
  assert.deepEqual([...await view.data()], [1, 2, 3, 4]);
  view.dispose();
  assert.equal(device.stats().liveBuffers, 0);
});
