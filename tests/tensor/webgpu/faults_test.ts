import assert from "node:assert/strict";
import { DeviceError, OutOfMemoryError } from "../../../tensor/errors.ts";
import { openDevice } from "../../../tensor/open_device.ts";
import { elementwiseOps } from "../../../tensor/ops/elementwise.ts";
import { scope } from "../../../tensor/scope.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { requestDevice } from "../../../tensor/webgpu/adapter.ts";
import { withCode } from "../refusals.ts";
import { testWebGpu } from "./adapter.ts";

testWebGpu("a shader that does not compile fails the next read, naming op and shapes", async (device) => {
  using x = Tensor.from(device, [1, 2, 3]);
  const broken = { ...elementwiseOps.neg, name: "broken", expression: "x +" };
  using y = Tensor.zeros(device, [3]);
  device.run(broken, [x.operand()], [y.operand()], {});
  await assert.rejects(y.data(), withCode("device.command", /broken \[3\] to \[3\]/));
  assert.deepEqual([...await x.data()], [1, 2, 3]); // the failure was reported once and is over
});

testWebGpu("a refused command inside a step fails the step at the latest at its read", async (device) => {
  const create = device.gpu.createBuffer;
  device.gpu.createBuffer = ({ size }) =>
    create.call(device.gpu, { size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC });
  using x = Tensor.zeros(device, [70, 7]); // its buffer may not be bound by a shader
  device.gpu.createBuffer = create;
  using y = scope(() => x.mul(2).exp());
  await assert.rejects(y.data(), withCode("device.command", /mul \[70,7\] to \[70,7\]/));
});

testWebGpu("a command nobody guards still fails the next call", async (device) => {
  using x = Tensor.from(device, [1]);
  device.gpu.createBuffer({ size: 4, usage: 0 });
  await assert.rejects(x.data(), withCode("device.command"));
  await device.flush();
});

testWebGpu("a buffer over the limit is refused with sizes", (device) => {
  assert.throws(
    () => device.allocate("f32", 1000),
    (error) => error instanceof OutOfMemoryError && /4000 bytes.*2048/.test(error.message),
  );
  assert.equal(device.stats().liveBuffers, 0);
}, { limits: { maxBufferSize: 2048 } });

testWebGpu(
  "a failed allocation is an OutOfMemoryError at the next call; idle memory is freed",
  async (device) => {
    using x = Tensor.from(device, [1]);
    Tensor.zeros(device, [5000]).dispose(); // now idle
    const destroyed: number[] = [];
    const { destroy } = GPUBuffer.prototype;
    GPUBuffer.prototype.destroy = function () {
      destroyed.push(this.size);
      return destroy.call(this);
    };
    try {
      const error = new GPUOutOfMemoryError("no memory left");
      device.gpu.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
      await assert.rejects(
        x.data(),
        (cause) => cause instanceof OutOfMemoryError && /no memory left/.test(cause.message),
      );
    } finally {
      GPUBuffer.prototype.destroy = destroy;
    }
    assert.ok(destroyed.some((bytes) => bytes >= 20_000), `destroyed ${destroyed}`);
    assert.deepEqual([...await x.data()], [1]);
  },
);

testWebGpu("a driver that never answers is a typed error, not a hang", async (device) => {
  using x = Tensor.from(device, [1]);
  const { mapAsync } = GPUBuffer.prototype;
  GPUBuffer.prototype.mapAsync = () => new Promise(() => {});
  try {
    await assert.rejects(x.data(), withCode("device.timeout", /no answer for 1 s/));
  } finally {
    GPUBuffer.prototype.mapAsync = mapAsync;
  }
  assert.deepEqual([...await x.data()], [1]);
}, { patienceMs: 1000 });

testWebGpu("a wait in a queue is no hang while those before it get answers", async (device) => {
  using first = Tensor.from(device, [1]);
  using second = Tensor.from(device, [2]);
  const { mapAsync } = GPUBuffer.prototype;
  let waits = 0;
  GPUBuffer.prototype.mapAsync = async function (...inputs) {
    await new Promise((resolve) => setTimeout(resolve, 700 * ++waits));
    return await mapAsync.apply(this, inputs);
  };
  try {
    const values = await Promise.all([first.data(), second.data()]);
    assert.deepEqual(values.map(([value]) => value), [1, 2]);
  } finally {
    GPUBuffer.prototype.mapAsync = mapAsync;
  }
}, { patienceMs: 1000 });

testWebGpu(
  "a device lost in the middle of a step rejects pending reads and every later call",
  async (device) => {
    const x = Tensor.zeros(device, [64, 64]);
    const y = x.add(1);
    const pending = y.data();
    device.gpu.destroy();
    await assert.rejects(pending, DeviceError);
    await device.gpu.lost;
    assert.throws(() => x.add(1), withCode("device.lost", /destroyed/));
    await assert.rejects(device.flush(), withCode("device.lost"));
    y.dispose();
    x.dispose();
  },
);

testWebGpu("a device disposed in the middle of a step rejects pending reads", async (device) => {
  const x = Tensor.zeros(device, [64, 64]);
  const pending = [x.add(1).data(), x.data(), device.flush()];
  device[Symbol.dispose]();
  for (const read of pending) await assert.rejects(read, withCode("device.disposed"));
});

testWebGpu("an output that is also an input is refused", (device) => {
  using x = Tensor.zeros(device, [3]);
  assert.throws(
    () => device.run(elementwiseOps.neg, [x.operand()], [x.operand()], {}),
    withCode("device.alias", /neg \[3\]/),
  );
});

testWebGpu("a row without a kernel is refused", (device) => {
  using x = Tensor.zeros(device, [3]);
  const { expression: _, ...row } = elementwiseOps.neg;
  assert.throws(
    () => device.run({ ...row, name: "unknown" }, [x.operand()], [x.operand()], {}),
    (error) => error instanceof DeviceError,
  );
});

Deno.test("without an adapter the error names the driver package and what was probed", async () => {
  const probe = { adapter: null, software: false, summary: "requestAdapter() found no adapter" };
  await assert.rejects(
    requestDevice(probe),
    (error) =>
      error instanceof DeviceError && error.code === "device.unavailable" &&
      /found no adapter/.test(error.message) && /mesa-vulkan-drivers/.test(error.fix!),
  );
});

Deno.test("auto says which device it took and why", async () => {
  using device = await openDevice("auto");
  assert.match(device.description, /chosen because/);
});
