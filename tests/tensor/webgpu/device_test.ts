import assert from "node:assert/strict";
import { Conv3d } from "../../../tensor/layers.ts";
import { AdamW } from "../../../tensor/optim.ts";
import { Random } from "../../../tensor/random.ts";
import { conv3d } from "../../../tensor/ops/conv3d.ts";
import { mul } from "../../../tensor/ops/elementwise.ts";
import { maxPool3d } from "../../../tensor/ops/pool3d.ts";
import { max, sum } from "../../../tensor/ops/reduce.ts";
import { scope } from "../../../tensor/scope.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import type { WebGpuDevice } from "../../../tensor/webgpu/device.ts";
import { testWebGpu } from "./adapter.ts";

/** Counts calls of a method of the GPU device or its queue. */
function counted<T extends object>(target: T, method: keyof T & string): () => number {
  const original = target[method] as (...args: unknown[]) => unknown;
  let calls = 0;
  Object.defineProperty(target, method, {
    value(...args: unknown[]) {
      calls++;
      return original.apply(target, args);
    },
  });
  return () => calls;
}

testWebGpu("a new number in a formula compiles nothing", async (device) => {
  const pipelines = counted(device.gpu, "createComputePipeline");
  using x = Tensor.from(device, [1, 2]);
  for (let weight = 1; weight <= 5; weight++) {
    using y = mul(x, weight);
    assert.deepEqual([...await y.data()], [weight, 2 * weight]);
  }
  using longer = Tensor.zeros(device, [999]);
  using _ = mul(longer, 6);
  assert.equal(pipelines(), 1);
});

testWebGpu("the last of many small writes wins, however many blocks they fill", async (device) => {
  using x = Tensor.zeros(device, [1024]);
  for (const writes of [64, 65, 100, 200]) {
    using _ = mul(x, 1); // x is used by what is pending
    for (let value = 1; value <= writes; value++) x.write(new Float32Array(1024).fill(value));
    const found = await x.data();
    assert.deepEqual([found[0], found[1023]], [writes, writes]);
  }
});

testWebGpu("reads started together share one submission", async (device) => {
  const submissions = counted(device.gpu.queue, "submit");
  using x = Tensor.from(device, [1, 2]);
  using y = x.add(1);
  using z = y.mul(3);
  await Promise.all([x.data(), y.data(), z.data()]);
  assert.equal(submissions(), 1);
});

testWebGpu(
  "sums that wait are made before anyone sees their results, whoever comes first",
  async (device) => {
    const x = Tensor.from(device, Float32Array.from({ length: 2 * 8 ** 3 * 4 }, (_, i) => Math.sin(i)), [
      2,
      4,
      8,
      8,
      8,
    ]);
    const gradients = () => {
      const w = Tensor.from(device, new Float32Array(4 * 4 * 27).fill(0.1), [4, 4, 3, 3, 3]).asParameter();
      const bias = Tensor.zeros(device, [4]).asParameter();
      scope(() => conv3d(x, w, bias, { padding: 1 }).square().sum().backward());
      return { w, bias };
    };
    const free = ({ w, bias }: ReturnType<typeof gradients>) => {
      for (const tensor of [w.grad!, bias.grad!, w, bias]) tensor.dispose();
    };
    const read = gradients();
    const [weight, shift] = [await read.w.grad!.data(), await read.bias.grad!.data()];
    assert.ok(weight.some((value) => value !== 0) && shift.some((value) => value !== 0));
    const used = gradients();
    using twice = scope(() => mul(used.w.grad!, 2));
    assert.deepEqual([...await twice.data()], [...weight.map((value) => 2 * value)]);
    const overwritten = gradients();
    overwritten.bias.grad!.write(new Float32Array(4).fill(7));
    assert.deepEqual([...await overwritten.bias.grad!.data()], [7, 7, 7, 7]);
    assert.deepEqual(await overwritten.w.grad!.data(), weight);
    const live = device.stats().liveBuffers;
    free(gradients()); // nobody looks: the parts are given back all the same
    assert.equal(device.stats().liveBuffers, live);
    const before = device.stats().dispatches, several = [gradients(), gradients(), gradients()];
    const made = device.stats().dispatches;
    await several[0]!.w.grad!.data();
    assert.equal(device.stats().dispatches - made, 1, "all that waits takes one dispatch");
    assert.ok(made > before);
    for (const one of [read, used, overwritten, ...several]) free(one);
    x.dispose();
  },
);

testWebGpu("the second step binds, allocates and compiles nothing new", async (device) => {
  const step = async () => {
    using x = Tensor.from(device, new Float32Array(375).fill(0.5), [1, 3, 5, 5, 5]);
    using w = Tensor.from(device, new Float32Array(324).fill(0.01), [4, 3, 3, 3, 3]);
    x.requiresGrad = w.requiresGrad = true;
    using loss = scope(() => {
      const result = conv3d(x, w, null, { padding: 1 }).square().exp().mean();
      result.backward();
      return result;
    });
    return await loss.item();
  };
  const first = await step();
  await step();
  const groups = counted(device.gpu, "createBindGroup");
  const buffers = counted(device.gpu, "createBuffer");
  assert.equal(await step(), first);
  assert.equal(groups() + buffers(), 0);
  assert.equal(device.stats().liveBuffers, 0);
});

testWebGpu(
  "no loop of a convolution's step ends at a uniform, which costs memory at every dispatch",
  async (device) => {
    const codes: string[] = [];
    const { gpu } = device, make = gpu.createShaderModule;
    Object.defineProperty(gpu, "createShaderModule", {
      value(descriptor: GPUShaderModuleDescriptor) {
        codes.push(descriptor.code);
        return make.call(gpu, descriptor);
      },
    });
    using convolution = new Conv3d({ device, random: new Random(1) }, 4, 4, 3, { padding: 1 });
    using optimizer = new AdamW(convolution);
    using x = Tensor.full(device, [2, 4, 8, 8, 8], 1);
    using one = Tensor.full(device, [], 1);
    scope(() => convolution.forward(x).square().sum().backward());
    optimizer.step(0.01, one);
    await convolution.weight.data();
    assert.ok(codes.some((code) => code.includes("parts0")), "sums that wait were made");
    for (const code of codes) assert.doesNotMatch(code, /for \([^;]*;[^;]*scalars\./);
  },
);

async function hasNan(make: (x: Tensor) => Tensor, x: Tensor): Promise<boolean> {
  using result = scope(() => make(x));
  return (await result.data()).some((value) => Number.isNaN(value));
}

testWebGpu(
  "a NaN in a tensor is still NaN after reductions, pooling and arithmetic",
  async (device: WebGpuDevice) => {
    const data = Float32Array.from({ length: 6000 }, (_, i) => i === 4321 ? NaN : i % 7);
    using x = Tensor.from(device, data, [1, 2, 10, 15, 20]);
    const ways: Record<string, (x: Tensor) => Tensor> = {
      sum: (x) => sum(x),
      max: (x) => max(x),
      pool: (x) => maxPool3d(x, 5),
      arithmetic: (x) => x.mul(2).exp().add(1),
    };
    for (const [name, way] of Object.entries(ways)) assert.ok(await hasNan(way, x), name);
  },
);

testWebGpu("hundreds of steps leave no buffer and do not grow", async (device) => {
  const buffers = counted(device.gpu, "createBuffer");
  let afterWarmUp = 0;
  for (let i = 0; i < 200; i++) {
    scope(() => {
      const x = Tensor.zeros(device, [1000]);
      x.add(i).square().sum();
    });
    if (i === 1) afterWarmUp = buffers();
  }
  await device.flush();
  assert.equal(buffers(), afterWarmUp);
  assert.deepEqual(
    { ...device.stats(), peakBytes: 0, dispatches: 0 },
    { liveBuffers: 0, liveBytes: 0, peakBytes: 0, dispatches: 0 },
  );
});
