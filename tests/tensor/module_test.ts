import assert from "node:assert/strict";
import { Conv3d, Module, openDevice, Random } from "../../tensor/mod.ts";

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
