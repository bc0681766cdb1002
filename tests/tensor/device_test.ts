import assert from "node:assert/strict";
import { openDevice, scope, Tensor } from "../../tensor/mod.ts";
import { devices, testOnDevices } from "./devices.ts";
import { withCode } from "./refusals.ts";

for (const { name, open } of devices) {
  Deno.test(`a disposed device refuses every call, and tensors on it can still be disposed [${name}]`, async () => {
    const device = await open();
    const x = Tensor.from(device, [1, 2]);
    device[Symbol.dispose]();
    device[Symbol.dispose]();
    assert.throws(() => device.allocate("f32", 1), withCode("device.disposed"));
    assert.throws(() => x.add(1), withCode("device.disposed"));
    assert.throws(() => x.write([1, 2]), withCode("device.disposed"));
    await assert.rejects(async () => await x.data(), withCode("device.disposed"));
    await assert.rejects(async () => await device.flush(), withCode("device.disposed"));
    x.dispose();
  });
}

testOnDevices("statistics count live buffers, bytes, their peak and dispatches", (device) => {
  device.resetPeak();
  const before = device.stats();
  const x = Tensor.zeros(device, [1000]);
  const y = x.add(1);
  assert.equal(device.stats().liveBuffers - before.liveBuffers, 2);
  assert.ok(device.stats().liveBytes - before.liveBytes >= 8000);
  assert.equal(device.stats().dispatches - before.dispatches, 1);
  x.dispose();
  y.dispose();
  assert.equal(device.stats().liveBytes, before.liveBytes);
  assert.ok(device.stats().peakBytes - before.liveBytes >= 8000);
  device.resetPeak();
  assert.equal(device.stats().peakBytes, before.liveBytes);
});

testOnDevices("a released buffer and another device's buffer are refused", async (device) => {
  using other = await openDevice("cpu");
  using x = Tensor.from(device, [1]);
  using y = Tensor.from(other, [1]);
  assert.throws(() => x.add(y), withCode("device.mismatch"));
  const buffer = device.allocate("f32", 4);
  device.release(buffer);
  assert.throws(() => device.write(buffer, [1, 2, 3, 4]), withCode("device.released"));
  const foreign = other.allocate("f32", 1);
  await assert.rejects(async () => await device.read(foreign), withCode("device.mismatch"));
  other.release(foreign);
});

testOnDevices("write() copies: the host array may change at once", async (device) => {
  const data = new Float32Array([1, 2, 3]);
  using x = Tensor.from(device, data);
  data.fill(9);
  assert.deepEqual([...await x.data()], [1, 2, 3]);
  const read = await x.data();
  read.fill(8);
  assert.deepEqual([...await x.data()], [1, 2, 3]);
});

testOnDevices("a tensor takes exactly as many numbers as its shape says", (device) => {
  assert.throws(() => Tensor.from(device, [1, 2, 3], [2, 2]), withCode("shape.size", /3 numbers.*\[2,2\]/));
  using x = Tensor.zeros(device, [2, 2]);
  assert.throws(() => x.write([1]), withCode("shape.size"));
  assert.equal(device.stats().liveBuffers, 1);
});

testOnDevices("empty tensors are legal", async (device) => {
  using x = Tensor.zeros(device, [0, 3]);
  using y = scope(() => x.mul(2).add(x));
  assert.deepEqual([...await y.data()], []);
  using sum = y.sum({ axes: [0] });
  assert.deepEqual([...await sum.data()], [0, 0, 0]);
});
