import assert from "node:assert/strict";
import {
  AdamW,
  clipFactor,
  Conv3d,
  globalGradientNorm,
  Module,
  openDevice,
  Random,
  Tensor,
} from "../../tensor/mod.ts";

class Small extends Module {
  readonly layers: Conv3d[];
  readonly shared: Conv3d;
  constructor(init: ConstructorParameters<typeof Conv3d>[0]) {
    super();
    this.layers = [new Conv3d(init, 1, 2, 1), new Conv3d(init, 2, 1, 3, { padding: 1 })];
    this.shared = this.layers[0]!;
  }
}

async function withSmall(body: (network: Small) => Promise<void>): Promise<void> {
  using device = await openDevice("cpu");
  using network = new Small({ device, random: new Random(1) });
  await body(network);
}

Deno.test("namedParameters() gives each tensor once, with dotted names", () =>
  withSmall((network) => {
    const names = [...network.namedParameters()].map(([name]) => name);
    assert.deepEqual(names, ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]);
    assert.equal(network.parameterCount, 2 + 2 + 54 + 1);
    return Promise.resolve();
  }));

Deno.test("loadStateDict() restores what stateDict() gave, and changes nothing unless all fits", () =>
  withSmall(async (network) => {
    const state = new Map(await network.stateDict());
    network.layers[0]!.weight.write([7, 7]);
    network.loadStateDict(state);
    assert.deepEqual(await network.layers[0]!.weight.data(), state.get("layers.0.weight")!.data);

    const wrong = new Map(state);
    wrong.delete("layers.1.bias");
    wrong.set("extra", { shape: [1], data: Float32Array.of(0) });
    wrong.set("layers.0.bias", { shape: [3], data: new Float32Array(3) });
    wrong.set("layers.0.weight", { shape: [2, 1, 1, 1, 1], data: Float32Array.of(9, 9) });
    assert.throws(() => network.loadStateDict(wrong), {
      code: "parameters.mismatch",
      message: /layers\.0\.bias: got \[3\], expected \[2\]; missing layers\.1\.bias\[1\]; unknown extra$/,
    });
    assert.deepEqual(await network.layers[0]!.weight.data(), state.get("layers.0.weight")!.data);
  }));

Deno.test("clipping by the global norm leaves small gradients alone and shrinks large ones", async () => {
  using device = await openDevice("cpu");
  using p = Tensor.from(device, [0, 0]).asParameter();
  p.mul(Tensor.from(device, [3, 4])).sum().backward();
  const norm = globalGradientNorm([p]);
  assert.equal(await norm.item(), 5);
  assert.equal(await clipFactor(norm, 10).item(), 1);
  assert.ok(Math.abs(await clipFactor(norm, 1).item() - 0.2) < 1e-6);
});

Deno.test("AdamW decays weights but neither norms nor biases, and takes the first step by hand", async () => {
  using device = await openDevice("cpu");
  class Two extends Module {
    readonly weight = Tensor.from(device, [1, 1], [1, 2]).asParameter();
    readonly bias = Tensor.from(device, [1, 1]).asParameter();
  }
  using network = new Two();
  using optimizer = new AdamW(network, { weightDecay: 0.5 });
  network.weight.reshape([2]).mul(Tensor.from(device, [2, -3])).add(network.bias.mul(4)).sum().backward();
  optimizer.step(0.1, Tensor.full(device, [], 1));
  // With bias correction the first step is lr · sign(g); the decay is lr · wd · p.
  const close = (actual: ArrayLike<number>, expected: number[]) =>
    expected.forEach((value, i) => assert.ok(Math.abs(actual[i]! - value) < 1e-6, `${actual[i]} ${value}`));
  close(await network.weight.data(), [1 - 0.05 - 0.1, 1 - 0.05 + 0.1]);
  close(await network.bias.data(), [0.9, 0.9]);
});
