import assert from "node:assert/strict";
import {
  AdamW,
  clipFactor,
  Conv3d,
  type Device,
  Ema,
  globalGradientNorm,
  Module,
  openDevice,
  Random,
  Sgd,
  Tensor,
} from "../../tensor/mod.ts";
import { testOnDevices } from "./devices.ts";

const close = (actual: ArrayLike<number>, expected: readonly number[], what = "") =>
  expected.forEach((value, i) =>
    assert.ok(Math.abs(actual[i]! - value) < 1e-6, `${what} ${actual[i]} ${value}`)
  );

class Two extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  constructor(device: Device) {
    super();
    this.weight = Tensor.from(device, [1, 1], [1, 2]).asParameter();
    this.bias = Tensor.from(device, [1, 1]).asParameter();
  }
  giveGradients(): void {
    this.weight.grad = Tensor.from(this.weight.device, [2, -3], [1, 2]);
    this.bias.grad = Tensor.from(this.bias.device, [4, 4]);
  }
}

testOnDevices(
  "clipping by the global norm leaves small gradients alone and shrinks large ones",
  async (device) => {
    using network = new Two(device);
    network.giveGradients();
    using norm = globalGradientNorm([network.weight, network.bias]);
    close(await norm.data(), [Math.sqrt(4 + 9 + 16 + 16)]);
    using loose = clipFactor(norm, 10);
    using tight = clipFactor(norm, 1);
    assert.equal(await loose.item(), 1);
    close(await tight.data(), [1 / Math.sqrt(45)]);
    network.zeroGrad();
  },
);

testOnDevices(
  "AdamW decays weights but neither norms nor biases, and takes the first step by hand",
  async (device) => {
    using network = new Two(device);
    using optimizer = new AdamW(network, { weightDecay: 0.5 });
    network.giveGradients();
    using half = Tensor.full(device, [], 0.5);
    optimizer.step(0.1, half);
    // With bias correction the first step is lr · sign(g), whatever the factor; the decay is lr · wd · p.
    close(await network.weight.data(), [1 - 0.05 - 0.1, 1 - 0.05 + 0.1]);
    close(await network.bias.data(), [0.9, 0.9]);
    network.zeroGrad();
  },
);

testOnDevices("parameters may have settings of their own; one without a gradient stays", async (device) => {
  using network = new Two(device);
  using optimizer = new Sgd(network, {
    momentum: 0,
    settingsOf: (name) => name === "weight" ? { learningRateScale: 0.1, weightDecay: 1 } : {},
  });
  network.giveGradients();
  network.bias.grad![Symbol.dispose]();
  network.bias.grad = undefined;
  optimizer.step(1);
  close(await network.weight.data(), [1 - 0.1 * (2 + 1), 1 - 0.1 * (-3 + 1)]);
  close(await network.bias.data(), [1, 1]);
  network.zeroGrad();
});

testOnDevices("a frozen parameter keeps its bits", async (device) => {
  using network = new Two(device);
  using optimizer = new AdamW(network, {
    settingsOf: (name) => ({ learningRateScale: name === "bias" ? 1 : 0 }),
  });
  network.giveGradients();
  optimizer.step(0.1);
  assert.deepEqual([...await network.weight.data()], [1, 1]);
  close(await network.bias.data(), [0.9, 0.9]);
  network.zeroGrad();
});

testOnDevices(
  "many parameters step in few dispatches, and the state loads into a second optimiser",
  async (device) => {
    class Many extends Module {
      readonly weights: Tensor[];
      constructor() {
        super();
        this.weights = Array.from(
          { length: 40 },
          (_, i) => Tensor.normal(device, new Random(i), [3, 1 + i], 1).asParameter(),
        );
      }
    }
    const gradients = (network: Many) =>
      network.weights.forEach((weight, i) =>
        weight.grad = Tensor.normal(device, new Random(99 + i), weight.shape, 1)
      );
    using first = new Many();
    using second = new Many();
    using one = new AdamW(first);
    using other = new AdamW(second);
    gradients(first);
    const before = device.stats().dispatches;
    one.step(0.1);
    const dispatches = device.stats().dispatches - before;
    assert.ok(dispatches < 10, `${dispatches} dispatches`);
    second.loadStateDict(await first.stateDict());
    other.loadStateDict(await one.stateDict(), one.steps);
    gradients(second);
    one.step(0.1);
    other.step(0.1);
    for (const [i, weight] of first.weights.entries()) {
      assert.deepEqual(await second.weights[i]!.data(), await weight.data());
    }
    first.zeroGrad();
    second.zeroGrad();
  },
);

Deno.test("an optimiser refuses a state that is not its own and keeps what it has", async () => {
  using device = await openDevice("cpu");
  using network = new Two(device);
  using optimizer = new AdamW(network);
  const state = new Map(await optimizer.stateDict());
  state.delete("bias.second");
  state.set("weight.first", { shape: [2], data: new Float32Array([7, 7]) });
  assert.throws(() => optimizer.loadStateDict(state, 3), {
    name: "ParameterFileError",
    code: "parameters.mismatch",
    message: /weight\.first: got \[2\], expected \[1,2\]; missing bias\.second\[2\]$/,
  });
  assert.equal(optimizer.steps, 0);
});

testOnDevices("a moving average forgets its start first and then follows with the decay", async (device) => {
  const init = (seed: number) => new Conv3d({ device, random: new Random(seed) }, 1, 2, 1);
  using student = init(1);
  using teacher = init(2);
  let expected = [...await teacher.weight.data()];
  const ema = new Ema(teacher, student, 0.6);
  for (const decay of [1 / 2, 0.6, 0.6]) { // min(0.6, 1/2), min(0.6, 2/3), …
    ema.step();
    const own = await student.weight.data();
    expected = expected.map((value, i) => decay * value + (1 - decay) * own[i]!);
    close(await teacher.weight.data(), expected);
  }
  using wider = new Conv3d({ device, random: new Random(3) }, 1, 3, 1);
  assert.throws(() => new Ema(wider, student, 0.9), { code: "parameters.mismatch" });
});
