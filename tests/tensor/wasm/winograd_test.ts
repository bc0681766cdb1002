/** When the CPU device computes a convolution by Winograd's filtering, how exactly, and where a NaN goes. */

import assert from "node:assert/strict";
import { openOracle } from "../../../tensor/cpu/oracle.ts";
import { blockedBytes, channelVectors } from "../../../tensor/cpu/wasm/blocked_layout.ts";
import { Engine } from "../../../tensor/cpu/wasm/engine.ts";
import { WasmMemory } from "../../../tensor/cpu/wasm/memory.ts";
import { openFastCpu } from "../../../tensor/cpu/wasm/open.ts";
import { ThreadPool } from "../../../tensor/cpu/wasm/thread_pool.ts";
import {
  adjoint,
  convolvesFaster,
  weightGradientFaster,
  winogradShape,
} from "../../../tensor/cpu/wasm/winograd.ts";
import { gradientLayout } from "../../../tensor/cpu/wasm/winograd_tiles.ts";
import { winogradWeightGrad } from "../../../tensor/cpu/wasm/winograd_weight_grad.ts";
import type { Device } from "../../../tensor/device.ts";
import { conv3d } from "../../../tensor/ops/conv3d.ts";
import { Random } from "../../../tensor/random.ts";
import { sizeOf } from "../../../tensor/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";

type Triple = [number, number, number];

/** A convolution that keeps the size. */
function shapeOf(inputs: number, outputs: number, size: Triple, depth: 1 | 3 = 3) {
  const padding = [depth >> 1, 1, 1] as const;
  const plain = { stride: [1, 1, 1], padding, dilation: [1, 1, 1], groups: 1 } as const;
  return winogradShape([2, inputs, ...size], [2, outputs, ...size], [depth, 3, 3], plain)!;
}

Deno.test("layers of a U-Net go Winograd's way, all three directions; thin and tiny ones the direct way", () => {
  const chosen = (inputs: number, outputs: number, size: Triple, depth: 1 | 3 = 3) => {
    const shape = shapeOf(inputs, outputs, size, depth);
    return [convolvesFaster(shape), convolvesFaster(adjoint(shape)), weightGradientFaster(shape)];
  };
  for (
    const [channels, size] of [[16, [64, 64, 64]], [32, [32, 32, 32]], [32, [6, 10, 8]], [8, [
      24,
      40,
      32,
    ]]] as const
  ) {
    assert.deepEqual(chosen(channels, channels, [...size]), [true, true, true], `${channels}, ${size}`);
  }
  assert.deepEqual(chosen(16, 16, [1, 64, 64], 1), [true, true, true], "1×3×3 on a plane");
  assert.deepEqual(chosen(4, 4, [8, 64, 64], 1), [false, false, false], "1×3×3 on four channels");
  assert.deepEqual(chosen(1, 16, [64, 64, 64]), [false, false, false], "one input channel");
  assert.deepEqual(chosen(4, 4, [1, 64, 64]), [false, false, false], "a plane");
  assert.deepEqual(chosen(64, 64, [2, 2, 2]).slice(0, 2), [false, false], "few voxels");
});

Deno.test("strides, dilations and other kernels are not Winograd's", () => {
  const plain = { stride: [1, 1, 1], padding: [1, 1, 1], dilation: [1, 1, 1], groups: 1 } as const;
  const [x, y] = [[2, 16, 16, 16, 16], [2, 16, 16, 16, 16]];
  assert.ok(winogradShape(x, y, [3, 3, 3], plain));
  assert.ok(winogradShape(x, y, [1, 3, 3], plain));
  assert.equal(winogradShape(x, y, [3, 3, 1], plain), null);
  assert.equal(winogradShape(x, y, [2, 3, 3], plain), null);
  assert.equal(winogradShape(x, y, [3, 3, 3], { ...plain, stride: [1, 2, 1] }), null);
  assert.equal(winogradShape(x, y, [3, 3, 3], { ...plain, dilation: [1, 1, 2] }), null);
});

Deno.test("a NaN or an infinity reaches the outputs that read it, and others only in their tiles", async () => {
  using device = await openFastCpu({ threads: 1 });
  const size: Triple = [8, 8, 8];
  assert.ok(convolvesFaster(shapeOf(8, 8, size)));
  using w = Tensor.normal(device, new Random(1), [8, 8, 3, 3, 3], 1);
  for (const value of [NaN, Infinity]) {
    const data = new Float32Array(2 * 8 * 512).fill(1);
    data[(3 * 8 + 6) * 8 + 1] = value; // voxel (3, 6, 1) of the first channel of the first sample
    using x = Tensor.from(device, data, [2, 8, ...size]);
    using y = conv3d(x, w, null, { padding: 1 });
    const outputs = await y.data();
    for (let i = 0; i < outputs.length; i++) {
      const [sample, z, r, c] = [i >> 12, (i >> 6) & 7, (i >> 3) & 7, i & 7];
      const reads = sample === 0 && z >= 2 && z <= 4 && r >= 5 && c <= 2;
      const isNear = sample === 0 && z >= 2 && z <= 5 && r >= 4 && c <= 3;
      if (reads || !isNear) assert.equal(Number.isFinite(outputs[i]), !reads, `${value}, output ${i}`);
    }
  }
});

Deno.test("the error is a few roundings of the norm of the terms: 20 ε root mean square, 160 ε at most", async () => {
  using device = await openFastCpu({ threads: 1 });
  using oracle = openOracle();
  for (const depth of [1, 3]) {
    const outputs = async (on: Device, power: number) => {
      const random = new Random(5);
      const drawn = (...shape: number[]) =>
        Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(random.normal()) ** power);
      using x = Tensor.from(on, drawn(1, 32, 4, 16, 16), [1, 32, 4, 16, 16]);
      using w = Tensor.from(on, drawn(32, 32, depth, 3, 3), [32, 32, depth, 3, 3]);
      using y = conv3d(x, w, null, { padding: [depth >> 1, 1, 1] });
      return await y.data();
    };
    assert.ok(convolvesFaster(shapeOf(32, 32, [4, 16, 16], depth as 1 | 3)));
    const [actual, expected] = [await outputs(device, 1), await outputs(oracle, 1)];
    const squares = await outputs(oracle, 2);
    const errors = Array.from(
      actual,
      (a, i) => 2 ** 24 * Math.abs(a - expected[i]!) / Math.sqrt(squares[i]!),
    );
    const rootMeanSquare = Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / errors.length);
    assert.ok(rootMeanSquare < 20, `${rootMeanSquare} ε`);
    assert.ok(Math.max(...errors) < 160, `${Math.max(...errors)} ε`);
  }
});

Deno.test("bringing gradients into the cache ends where their array does, be it the end of the memory", async () => {
  const memory = new WasmMemory();
  using pool = await ThreadPool.open(memory, 1);
  const engine = new Engine(memory, pool);
  const shape = shapeOf(8, 8, [16, 16, 16]), bytes = 4 * 2 * 8 * 16 ** 3;
  const places = {
    x: memory.allocate(bytes),
    g: memory.allocate(bytes),
    out: memory.allocate(4 * 8 * 8 * 27),
  };
  winogradWeightGrad(engine, shape, places); // compiles, which needs memory too
  const blocked = 2 * channelVectors(8) * blockedBytes(gradientLayout(shape));
  // Nothing is left but room for all else, and a block at the very end that fits the gradients alone.
  const room = 2 ** 23, roomAt = memory.allocate(room), end = 65536 * memory.pages - 256;
  while (memory.allocate(64) + 64 < end);
  memory.release(roomAt, room);
  memory.release(end - blocked, blocked);
  winogradWeightGrad(engine, shape, places);
});
