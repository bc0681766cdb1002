/** What a WebGPU device does with memory of 2-byte elements. */

import assert from "node:assert/strict";
import { cast, conv3d, maxPool3d, openDevice, Random, scope, softmax, Tensor } from "../../../tensor/mod.ts";
import { probeAdapter } from "../../../tensor/webgpu/adapter.ts";
import { openWebGpu } from "../../../tensor/webgpu/device.ts";
import { withCode } from "../refusals.ts";
import { around, assertClose, f16Rounding } from "../tolerance.ts";
import { testF16, testWebGpu } from "./adapter.ts";

const lengths = [0, 1, 2, 3, 127, 128, 129, 1001, 70_001];

/** Numbers that f16 rounds up, down and to even. */
const numbers = (length: number) =>
  Float32Array.from({ length }, (_, i) => (i - 17) * (1 + i % 3 / 2048) / 7);

testF16(
  "write() rounds to the nearest and read() gives the rounded values, for odd lengths too",
  async (device) => {
    for (const length of lengths) {
      using x = Tensor.from(device, numbers(length), [length], "f16");
      assert.deepEqual(await x.data(), numbers(length).map(Math.f16round), `${length}`);
    }
  },
);

testF16("a write while commands are pending goes between them", async (device) => {
  for (const length of [3, 5000]) { // through the block of small writes, and around it
    using x = Tensor.full(device, [length], 1, "f16");
    using before = x.add(1);
    x.write(new Float32Array(length).fill(4));
    using after = x.add(1);
    assert.deepEqual([(await before.data()).at(-1), (await after.data()).at(-1)], [2, 5]);
  }
});

testF16(
  "storing rounds as the host does, to the last f16 before infinity and through the subnormals",
  async (device) => {
    const random = new Random(5);
    const edges = [
      65504,
      65519.9,
      65520,
      -7e4,
      3e38,
      Infinity,
      -Infinity,
      NaN,
      0,
      2 ** -24,
      2 ** -25,
      3 * 2 ** -25,
    ];
    const values = Float32Array.from(
      { length: 3001 },
      (_, i) => edges[i] ?? random.normal() * 2 ** random.uniform(-26, 16),
    );
    using x = Tensor.from(device, values);
    using y = cast(x, "f16");
    using back = cast(y, "f32");
    assert.deepEqual(await y.data(), values.map(Math.f16round));
    assert.deepEqual(await back.data(), values.map(Math.f16round));
  },
);

testF16("neighbours are written by different invocations without touching each other", async (device) => {
  const length = 100_003;
  using x = Tensor.from(device, numbers(length), [length], "f16");
  for (let repeat = 0; repeat < 5; repeat++) {
    using y = x.mul(1);
    assert.deepEqual(await y.data(), await x.data());
  }
});

testF16("statistics count 2 bytes an element, scratch memory 4", (device) => {
  using x = Tensor.zeros(device, [1001], "f16");
  assert.equal(device.stats().liveBytes, 2002);
  using _ = x.add(1);
  assert.equal(device.stats().liveBytes, 4004);
  assert.equal(device.stats().liveBuffers, 2);
});

testF16("sums keep f32 precision and NaN and infinity survive", async (device) => {
  using ones = Tensor.full(device, [2 ** 15], 1 + 2 ** -10, "f16"); // in f16 a running sum would stop at 2048
  using sum = ones.sum();
  assert.equal(await sum.item(), 32768 + 32);
  using bad = Tensor.from(device, numbers(6000).fill(NaN, 4321, 4322), [1, 2, 10, 15, 20], "f16");
  for (
    const make of [(x: Tensor) => x.sum(), (x: Tensor) => maxPool3d(x, 5), (x: Tensor) => x.mul(2).exp()]
  ) {
    using result = scope(() => make(bad));
    assert.ok((await result.data()).some((value) => Number.isNaN(value)));
  }
  using large = Tensor.full(device, [], 6e4, "f16");
  using twice = large.add(large);
  using finite = cast(large, "f32").add(large);
  assert.deepEqual([await twice.item(), await finite.item()], [Infinity, Math.f16round(6e4) * 2]);
});

/** A few ops of every way to index, with f16 everywhere; all values and gradients. */
async function program(device: Awaited<ReturnType<typeof openWebGpu>>): Promise<Float32Array[]> {
  const random = new Random(3);
  const leaf = (shape: number[]) => {
    using values = Tensor.normal(device, random, shape);
    return cast(values, "f16").asParameter();
  };
  const leaves = [leaf([2, 3, 5, 7, 9]), leaf([5, 3, 3, 3, 3]), leaf([5])];
  const loss = scope(() => {
    const [x, w, bias] = leaves as [Tensor, Tensor, Tensor];
    const y = softmax(conv3d(x, w, bias, { padding: 1 }), 1);
    const loss = cast(maxPool3d(y, [1, 2, 2]).permute([0, 2, 3, 4, 1]).square(), "f32").sum();
    loss.backward();
    return loss;
  });
  const values = await Promise.all(
    [loss, ...leaves, ...leaves.map(({ grad }) => grad!)].map((t) => t.data()),
  );
  for (const tensor of [loss, ...leaves]) tensor.dispose();
  return values as Float32Array[];
}

testF16("tensors larger than a binding give what whole ones give", async (device) => {
  using whole = await openWebGpu();
  const expected = await program(whole);
  const actual = await program(device);
  expected.forEach((values, k) =>
    assertClose(actual[k]!, values, around(values, 2 ** -9, 2 ** -9), `value ${k}`)
  );
  assert.equal(device.stats().liveBuffers, 0);
}, { limits: { maxStorageBufferBindingSize: 2048 } });

testF16("a convolution whose weights take several portions adds up in f32", async (device) => {
  const random = new Random(9);
  using x = Tensor.normal(device, random, [1, 40, 3, 4, 5]);
  using w = Tensor.normal(device, random, [6, 40, 3, 3, 3]);
  using half = scope(() => conv3d(cast(x, "f16"), cast(w, "f16"), null, { padding: 1 }));
  using exact = scope(() =>
    conv3d(cast(cast(x, "f16"), "f32"), cast(cast(w, "f16"), "f32"), null, { padding: 1 })
  );
  const expected = await exact.data();
  (await half.data()).forEach((value, i) =>
    assert.ok(Math.abs(value - expected[i]!) <= f16Rounding(expected[i]!), `${value} ${expected[i]}`)
  );
}, { tuning: { sharedBytes: 512 } });

Deno.test("the cpu device refuses f16 with what to do instead", async () => {
  using device = await openDevice("cpu");
  using x = Tensor.from(device, [1]);
  const refused = withCode("dtype.unsupported", /f16 .*cpu.* f32, i32/);
  assert.throws(() => cast(x, "f16"), refused);
  assert.throws(() => Tensor.zeros(device, [3], "f16"), refused);
  assert.throws(() => Tensor.zeros(device, [3], "f16"), { fix: /"f32", or a WebGPU device/ });
  assert.equal(device.stats().liveBuffers, 1);
});

testWebGpu("an adapter without shader-f16 is opened without it and refuses f16", async () => {
  const probe = await probeAdapter();
  const { limits, info } = probe.adapter!;
  const adapter = {
    limits,
    info,
    features: new Set(),
    requestDevice: (wanted: GPUDeviceDescriptor) => probe.adapter!.requestDevice(wanted),
  } as unknown as GPUAdapter;
  using device = await openWebGpu({ probe: { ...probe, adapter } });
  assert.deepEqual([...device.dtypes], ["f32", "i32"]);
  assert.throws(() => Tensor.zeros(device, [3], "f16"), withCode("dtype.unsupported"));
  assert.equal(device.stats().liveBuffers, 0);
});

testF16("the same ops give the same bits, and a notebook shows the element type", async (device) => {
  assert.deepEqual(await program(device), await program(device));
  using x = Tensor.from(device, [1, 0.1, 7e4], [3], "f16");
  const shown =
    await (x as unknown as Record<symbol, () => Promise<unknown>>)[Symbol.for("Jupyter.display")]!();
  assert.deepEqual(shown, { "text/plain": "Tensor f16[3] on webgpu, 0.09998 … 1, 1 not finite" });
});
