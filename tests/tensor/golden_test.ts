/** Ops against what PyTorch gives, forward and backward; see tests/golden/make_tensor_golden.py. */

import assert from "node:assert/strict";
import golden from "../golden/tensor.json" with { type: "json" };
import { openOracle } from "../../tensor/cpu/oracle.ts";
import type { Device } from "../../tensor/device.ts";
import {
  abs,
  Adam,
  AdamW,
  argmax,
  attention,
  avgPool3d,
  batchNorm,
  cast,
  clamp,
  concat,
  conv3d,
  convTranspose3d,
  diceCrossEntropy,
  dropout,
  elu,
  equal,
  erf,
  flip,
  floor,
  gather,
  gelu,
  groupNorm,
  instanceNorm,
  layerNorm,
  leakyRelu,
  linear,
  logSoftmax,
  logSumExp,
  max,
  maximum,
  maxPool3d,
  min,
  minimum,
  Module,
  oneHot,
  type Optimizer,
  pow,
  Random,
  relu,
  resize3d,
  roll,
  scope,
  Sgd,
  sigmoid,
  silu,
  sumOfSquares,
  tanh,
  Tensor,
  update,
  variance,
} from "../../tensor/mod.ts";
import { averageOp } from "../../tensor/ops/update.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { testOnDevices } from "./devices.ts";
import { around, assertClose } from "./tolerance.ts";

type Call = (x: Tensor, y: Tensor, z: Tensor) => Tensor;

/** `[2,12,4]` as one line of tokens. */
const tokens = (t: Tensor) => t.reshape([2, 12, 1, 1, 4]);

const calls: Record<string, Call> = {
  "conv3d": (x, w, b) => conv3d(x, w, b, { padding: 1 }),
  "conv3d stride dilation groups": (x, w, b) =>
    conv3d(x, w, b, { stride: [2, 1, 2], padding: [1, 0, 2], dilation: [1, 2, 2], groups: 2 }),
  "convTranspose3d": (x, w, b) => convTranspose3d(x, w, b, { stride: 2 }),
  "convTranspose3d groups": (x, w, b) =>
    convTranspose3d(x, w, b, { stride: [2, 1, 2], padding: 1, dilation: [1, 2, 1], groups: 2 }),
  "instanceNorm": (x, g, b) => instanceNorm(x, g, b),
  "groupNorm": (x, g, b) => groupNorm(x, g, b, 3),
  "groupNorm leakyRelu": (x, g, b) => groupNorm(x, g, b, 2, { slope: 0.1 }),
  "batchNorm": (x, g, b) => batchNorm(x, g, b),
  "layerNorm": (x, g, b) => layerNorm(x, g, b, { epsilon: 1e-6 }),
  "attention": (q, k, v) => attention(tokens(q), tokens(k), tokens(v)).reshape([2, 12, 4]),
  "trilinear": (x) => resize3d(x, [5, 3, 8]),
  "trilinear corners": (x) => resize3d(x, [5, 3, 8], { alignCorners: true }),
  "nearest": (x) => resize3d(x, [5, 3, 8], { mode: "nearest" }),
  "gelu": gelu,
  "silu": silu,
  "elu": (x) => elu(x, 0.7),
  "logSoftmax": (x) => logSoftmax(x, 1),
  "logSumExp": (x) => logSumExp(x, { axes: [0, 2] }),
  "variance": (x) => variance(x, { axes: [0, 2], correction: 1 }),
  "pow": (x, y) => pow(x.add(1.5), y),
  "maximum minimum": (x, y) => maximum(x, y).sub(minimum(x, y).mul(2)),
  "abs sqrt": (x) => abs(x).add(0.1).sqrt(),
  "sigmoid tanh erf": (x) => sigmoid(x).mul(tanh(x)).add(erf(x)),
  "relu leakyRelu clamp": (x) => relu(x).add(leakyRelu(x, 0.2)).add(clamp(x, -0.3, 0.6)),
  "max min": (x) => max(x, { axes: [0, 2] }).sub(min(x, { axes: [0, 2] })),
  "concat flip roll": (x, y) => roll(flip(concat([x, y], 1), [0, 2]), 2, 1),
  "gather": (x) => gather(x, Tensor.from(x.device, [4, 0, 0, 2, 4, 1, 0], [7], "i32"), 0),
  "linear": linear,
  "diceCrossEntropy": (z) => {
    const shape = [z.shape[0]!, ...z.shape.slice(2)];
    const ids = Int32Array.from({ length: sizeOf(shape) }, (_, i) => i % z.shape[1]!);
    return diceCrossEntropy(z, Tensor.from(z.device, ids, shape, "i32"));
  },
  "floor equal argmax": (x) => {
    const whole = floor(x.mul(4));
    const largest = oneHot(argmax(x, 1), x.shape[1]!, 1);
    return x.mul(whole).add(x.mul(equal(whole, 1)).mul(2)).add(x.mul(largest).mul(3));
  },
  "cast reshape": (x) => x.mul(cast(cast(x.mul(7), "i32"), "f32")).reshape([6, 10]),
  "sumOfSquares": (x, y) => sumOfSquares([x, y]),
  "dropout": (x) => dropout(x, 0.3, new Random(42)),
  "maxPool3d": (x) => maxPool3d(x, 2),
  "avgPool3d": (x) => avgPool3d(x, [2, 3, 2], [1, 2, 2]),
};

interface Digest {
  readonly shape: Shape;
  readonly values: readonly number[];
  readonly sum: number;
  readonly squares: number;
}

function wave(device: Device, shape: Shape, [phase = 0, a = 0.37, s = 1]: readonly number[]): Tensor {
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => s * Math.sin(a * i + phase));
  return Tensor.from(device, data, shape);
}

async function assertDigest(actual: Tensor, expected: Digest, relative: number, what: string): Promise<void> {
  assert.deepEqual(actual.shape, expected.shape, what);
  const data = Array.from(await actual.data());
  const step = Math.max(1, Math.floor(data.length / 7));
  const picked = data.filter((_, i) => i % step === 0);
  assertClose(picked, expected.values, around(expected.values, relative, relative), what);
  const norm = Math.sqrt(expected.squares * data.length);
  assertClose([data.reduce((s, v) => s + v, 0)], [expected.sum], () => relative * (1 + norm), `${what}, sum`);
  const squares = data.reduce((s, v) => s + v * v, 0);
  assertClose(
    [squares],
    [expected.squares],
    around([expected.squares], 10 * relative, relative),
    `${what}, squares`,
  );
}

async function compare(
  device: Device,
  { name, inputs, output, gradients }: typeof golden.cases[number],
  relative: number,
) {
  const tensors = inputs.map((input) => wave(device, input.shape, input.wave).asParameter());
  const out = scope(() => {
    const out = calls[name]!(...tensors as [Tensor, Tensor, Tensor]);
    out.mul(wave(device, out.shape, [0.3])).sum().backward();
    return out;
  });
  await assertDigest(out, output, relative, `${name}: output`);
  for (const [i, gradient] of gradients.entries()) {
    await assertDigest(tensors[i]!.grad!, gradient, relative, `${name}: gradient ${i}`);
  }
  for (const tensor of [out, ...tensors]) tensor.dispose();
  assert.equal(device.stats().liveBuffers, 0);
}

Deno.test("the oracle gives PyTorch's values and gradients to nine digits", async (t) => {
  using oracle = openOracle();
  assert.deepEqual(golden.cases.map(({ name }) => name).sort(), Object.keys(calls).sort());
  for (const entry of golden.cases) await t.step(entry.name, () => compare(oracle, entry, 1e-8));
});

testOnDevices("ops give PyTorch's values and gradients", async (device, t) => {
  for (const entry of golden.cases) await t.step(entry.name, () => compare(device, entry, 2e-5));
  return golden.cases.flatMap(({ name }) => name.split(" "));
});

class Weights extends Module {
  constructor(readonly weight: Tensor) {
    super();
  }
}

const optimizers: Record<Exclude<keyof typeof golden.updates, "average">, (network: Module) => Optimizer> = {
  "AdamW": (network) => new AdamW(network, { beta2: 0.99, weightDecay: 0.1 }),
  "Adam": (network) => new Adam(network, { beta2: 0.99, weightDecay: 0.1 }),
  "SGD": (network) => new Sgd(network, { weightDecay: 0.1 }),
  "SGD Nesterov": (network) => new Sgd(network, { weightDecay: 0.1, isNesterov: true }),
};

testOnDevices("optimisers take PyTorch's five steps", async (device) => {
  for (const [name, make] of Object.entries(optimizers)) {
    using network = new Weights(wave(device, [3, 5], [0.2]).asParameter());
    using optimizer = make(network);
    for (let step = 0; step < 5; step++) {
      network.weight.grad = wave(device, [3, 5], [0.7 + step, 0.61, 2]);
      optimizer.step(1e-2);
      network.zeroGrad();
    }
    const expected = golden.updates[name as keyof typeof golden.updates];
    await assertDigest(network.weight, expected, 2e-6, name);
  }
  assert.equal(device.stats().liveBuffers, 0);
});

testOnDevices("a moving average follows as PyTorch's does", async (device) => {
  using average = wave(device, [3, 5], [0.2]);
  for (let step = 0; step < 5; step++) {
    using x = wave(device, [3, 5], [0.7 + step]);
    update(averageOp, [x], [average], { decay: 0.9 });
  }
  await assertDigest(average, golden.updates.average, 2e-6, "average");
});

testOnDevices("a convolution of several inputs is the convolution of their concatenation", async (device) => {
  const entry = golden.cases.find(({ name }) => name === "conv3d")!;
  const [x, w, b] = entry.inputs.map((input) => wave(device, input.shape, input.wave).asParameter());
  const out = scope(() => {
    const out = conv3d([x!.narrow(1, 0, 1), x!.narrow(1, 1, 2)], w!, b!, { padding: 1 });
    out.mul(wave(device, out.shape, [0.3])).sum().backward();
    return out;
  });
  await assertDigest(out, entry.output, 2e-5, "output");
  for (const [i, tensor] of [x!, w!, b!].entries()) {
    await assertDigest(tensor.grad!, entry.gradients[i]!, 2e-5, `gradient ${i}`);
    tensor.dispose();
  }
  out.dispose();
});
