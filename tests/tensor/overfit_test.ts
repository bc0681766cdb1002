/** Two toy networks learn one batch by heart: forward, backward and optimiser work together. */

import assert from "node:assert/strict";
import {
  AdamW,
  cast,
  concat,
  Conv3d,
  type Device,
  diceCrossEntropy,
  gelu,
  type Init,
  InstanceNorm,
  keep,
  layerNorm,
  linear,
  maxPool3d,
  Module,
  Random,
  scope,
  selfAttention,
  Tensor,
  UpConv3d,
  windowPartition,
  windowReverse,
} from "../../tensor/mod.ts";
import type { Shape, Triple } from "../../tensor/shape.ts";
import { testOnDevices } from "./devices.ts";
import { testF16 } from "./webgpu/adapter.ts";

const size = 8;

/** One noisy volume `[1,1,8,8,8]` and the ball in it `[1,8,8,8]`. */
function makeBatch(device: Device) {
  const random = new Random(21);
  const inside = Int32Array.from({ length: size ** 3 }, (_, i) => {
    const at = [Math.floor(i / size ** 2), Math.floor(i / size) % size, i % size];
    return at.reduce((sum, v, axis) => sum + (v - 3 - axis / 2) ** 2, 0) < 7 ? 1 : 0;
  });
  const image = Float32Array.from(inside, (v) => v + random.normal(0, 0.3));
  return {
    image: keep(Tensor.from(device, image, [1, 1, size, size, size])),
    labels: keep(Tensor.from(device, inside, [1, size, size, size], "i32")),
  };
}

/** Two resolutions with one skip connection. */
class ToyUnet extends Module {
  readonly down: Conv3d;
  readonly downNorm: InstanceNorm;
  readonly deep: Conv3d;
  readonly deepNorm: InstanceNorm;
  readonly up: UpConv3d;
  readonly merge: Conv3d;
  readonly mergeNorm: InstanceNorm;
  readonly head: Conv3d;

  constructor(init: Init) {
    super();
    this.down = new Conv3d(init, 1, 6, 3, { padding: 1 });
    this.downNorm = new InstanceNorm(init, 6, 0.01);
    this.deep = new Conv3d(init, 6, 12, 3, { padding: 1 });
    this.deepNorm = new InstanceNorm(init, 12, 0.01);
    this.up = new UpConv3d(init, 12, 6);
    this.merge = new Conv3d(init, 12, 6, 3, { padding: 1 });
    this.mergeNorm = new InstanceNorm(init, 6, 0.01);
    this.head = new Conv3d(init, 6, 2, 1);
  }

  forward(x: Tensor): Tensor {
    const skip = this.downNorm.forward(this.down.forward(x));
    const deep = this.deepNorm.forward(this.deep.forward(maxPool3d(skip, 2)));
    const merged = concat([this.up.forward(deep), skip], 1);
    return this.head.forward(this.mergeNorm.forward(this.merge.forward(merged)));
  }
}

const width = 16;
const patch = 2;
const grid = size / patch;
const cube = (n: number): Triple => [n, n, n];

/** A transformer block; `window` 0 means global attention. */
class Block extends Module {
  readonly scales: Tensor[];
  readonly shifts: Tensor[];
  readonly weights: Tensor[];
  readonly biases: Tensor[];
  readonly tables: Tensor[];

  constructor({ device, random }: Init, readonly window: number) {
    super();
    const normal = (shape: Shape, deviation: number) =>
      Tensor.normal(device, random, shape, deviation).asParameter();
    this.scales = [0, 1].map(() => Tensor.full(device, [width], 1).asParameter());
    this.shifts = [0, 1].map(() => Tensor.zeros(device, [width]).asParameter());
    this.weights = [[3 * width, width], [width, width], [2 * width, width], [width, 2 * width]]
      .map((shape) => normal(shape, 0.2));
    this.biases = [3 * width, width, 2 * width, width].map((n) => Tensor.zeros(device, [n]).asParameter());
    const rows = 2 * (window || grid) - 1;
    this.tables = [0, 1, 2].map(() => normal([rows, width / 2], 0.1));
  }

  forward(x: Tensor): Tensor {
    const [qkvWeight, projWeight, lift, lower] = this.weights as [Tensor, Tensor, Tensor, Tensor];
    const [qkvBias, projBias, liftBias, lowerBias] = this.biases as [Tensor, Tensor, Tensor, Tensor];
    const norm = (t: Tensor, i: number) => layerNorm(t, this.scales[i]!, this.shifts[i]!);
    const tables = this.tables as [Tensor, Tensor, Tensor];
    const attend = (t: Tensor) =>
      selfAttention(t, { qkvWeight, qkvBias, projWeight, projBias }, {
        heads: 2,
        positions: { tables, form: "axis" },
      });
    const tokens = norm(x, 0);
    const attended = this.window
      ? windowReverse(attend(windowPartition(tokens, cube(this.window))), cube(grid))
      : attend(tokens);
    const y = x.add(attended);
    return y.add(linear(gelu(linear(norm(y, 1), lift, liftBias)), lower, lowerBias));
  }
}

/** Patches of 2³ voxels, a windowed block whose windows need padding, a global block, a linear head. */
class ToyVit extends Module {
  readonly embed: Conv3d;
  readonly positions: Tensor;
  readonly blocks: Block[];
  readonly head: UpConv3d;

  constructor(init: Init) {
    super();
    this.embed = new Conv3d(init, 1, width, patch, { stride: patch });
    this.positions = Tensor.normal(init.device, init.random, [1, grid, grid, grid, width], 0.5).asParameter();
    this.blocks = [new Block(init, 3), new Block(init, 0)];
    this.head = new UpConv3d(init, width, 2);
  }

  forward(x: Tensor): Tensor {
    let tokens = this.embed.forward(x).permute([0, 2, 3, 4, 1]).add(this.positions);
    for (const block of this.blocks) tokens = block.forward(tokens);
    return this.head.forward(tokens.permute([0, 4, 1, 2, 3]));
  }
}

interface Overfit {
  readonly steps: number;
  readonly learningRate: number;
  /** How activations are stored. */
  readonly storage?: "f32" | "f16";
}

/** First and last loss of a training on one batch. */
async function overfit(
  device: Device,
  make: (init: Init) => ToyUnet | ToyVit,
  { steps, learningRate, storage = "f32" }: Overfit,
): Promise<[number, number]> {
  const { image, labels } = makeBatch(device);
  const network = make({ device, random: new Random(8) });
  const optimizer = new AdamW(network, { weightDecay: 0 });
  const one = keep(Tensor.full(device, [], 1));
  let first = 0;
  let last = 0;
  for (let step = 0; step < steps; step++) {
    using loss = scope(() => {
      const loss = diceCrossEntropy(cast(network.forward(cast(image, storage)), "f32"), labels);
      loss.backward();
      return loss;
    });
    if (step === 0) first = await loss.item();
    if (step === steps - 1) last = await loss.item();
    optimizer.step(learningRate, one);
    network.zeroGrad();
  }
  for (const resource of [image, labels, network, optimizer, one]) resource[Symbol.dispose]();
  assert.equal(device.stats().liveBuffers, 0);
  return [first, last];
}

testOnDevices("a toy U-Net overfits one batch to under 1 % of the first loss", async (device) => {
  const [first, last] = await overfit(device, (init) => new ToyUnet(init), { steps: 60, learningRate: 0.03 });
  assert.ok(last < 0.01 * first, `loss ${first} → ${last}`);
});

testOnDevices("a ViT of two blocks overfits one batch to under 1 % of the first loss", async (device) => {
  const [first, last] = await overfit(device, (init) => new ToyVit(init), { steps: 60, learningRate: 0.01 });
  assert.ok(last < 0.01 * first, `loss ${first} → ${last}`);
});

testF16("a toy U-Net stored as f16 overfits one batch to under 1 % of the first loss", async (device) => {
  const setting = { steps: 60, learningRate: 0.03, storage: "f16" } as const;
  const [first, last] = await overfit(device, (init) => new ToyUnet(init), setting);
  assert.ok(last < 0.01 * first, `loss ${first} → ${last}`);
});
