import assert from "node:assert/strict";
import golden from "../golden/model/vit.json" with { type: "json" };
import { samMed3d, Vit, type VitShape } from "../../model/mod.ts";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import { CountingDevice, type Device, openDevice, Random, scope, Tensor } from "../../tensor/mod.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { devices } from "../tensor/devices.ts";
import { assertDigest, type Digest, stream } from "./digest.ts";

const init = (device: Device) => ({ device, random: new Random(5) });

async function compare(device: Device, entry: typeof golden.cases[number], relative: number, floor: number) {
  using vit = new Vit(init(device), entry.shape as unknown as VitShape, entry.tuning);
  const names = [...vit.namedParameters()].map(([name]) => name);
  assert.deepEqual(names, Object.keys(entry.gradients));
  [...vit.namedTensors()].forEach(([, tensor], i) => tensor.write(stream(tensor.shape, i + 1, 0.5)));
  const size = [2, 1, ...entry.size];
  using image = Tensor.from(device, stream(size, 1000), size).asParameter();
  using out = scope(() => {
    const out = vit.forward(image);
    out.mul(Tensor.from(device, stream(out.shape, 2000), out.shape)).sum().backward();
    return out;
  });
  await assertDigest(out, entry.output, relative, "output", floor);
  await assertDigest(image.grad!, entry.input, relative, "gradient of the image", floor);
  const gradients = entry.gradients as Record<string, Digest | undefined>;
  for (const [name, { grad }] of vit.namedParameters()) {
    await assertDigest(grad!, gradients[name]!, relative, `gradient of ${name}`, floor);
  }
  vit.zeroGrad();
  image.grad!.dispose();
}

Deno.test("in float64, a ViT agrees with the formulas of an independent program, and so do all gradients", async (t) => {
  using oracle = openOracle();
  for (const entry of golden.cases) await t.step(entry.name, () => compare(oracle, entry, 1e-7, 1e-3));
});

for (const { name, open } of devices) {
  Deno.test(`a ViT agrees with the formulas of an independent program to 1e-5, and so do all gradients [${name}]`, async (t) => {
    using device = await open();
    for (const entry of golden.cases) await t.step(entry.name, () => compare(device, entry, 1e-5, 1));
  });
}

const plain = { isFrozen: false, adapterRank: 0, loraRank: 0 };

Deno.test("SAM-Med3D's encoder has the published number of parameters, module by module", () => {
  using device = new CountingDevice();
  using vit = new Vit(init(device), samMed3d, plain);
  assert.equal(vit.parameterCount, 92_924_928);
  assert.equal([...vit.namedTensors()].length, 189);
  const count = (prefix: string) =>
    [...vit.namedParameters()].filter(([name]) => name.startsWith(prefix))
      .reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
  assert.equal(count("patch_embed."), 3_146_496);
  assert.equal(count("pos_embed"), 393_216);
  assert.equal(count("blocks."), 85_107_456);
  assert.equal(count("neck."), 4_277_760);
});

Deno.test("a frozen trunk trains the adapters, 3,550,464 parameters at rank 192, and the neck", () => {
  using device = new CountingDevice();
  using vit = new Vit(init(device), samMed3d, { isFrozen: true, adapterRank: 192, loraRank: 0 });
  assert.equal(vit.parameterCount, 3_550_464 + 4_277_760);
});

const tiny: VitShape = {
  patch: 2,
  grid: 3,
  channels: 8,
  depth: 2,
  heads: 2,
  window: 2,
  globalBlocks: [1],
  outputs: 4,
  positions: "axis",
};

for (
  const [what, tuning] of [
    ["adapters", { isFrozen: true, adapterRank: 3, loraRank: 0 }],
    ["corrections of low rank", { isFrozen: true, adapterRank: 0, loraRank: 2 }],
  ] as const
) {
  Deno.test(`${what} start without effect, learn, and leave a frozen trunk as it is`, async () => {
    using device = await openDevice("cpu");
    using vit = new Vit(init(device), tiny, tuning);
    using bare = new Vit(init(device), tiny, plain);
    const state = await vit.stateDict();
    for (const [name, tensor] of bare.namedTensors()) tensor.write(state.get(name)!.data);
    using image = Tensor.normal(device, new Random(1), [1, 1, 6, 6, 6]);
    using out = vit.forward(image);
    using expected = bare.forward(image);
    assert.deepEqual(await out.data(), await expected.data());
    scope(() => vit.forward(image).mul(Tensor.normal(device, new Random(2), out.shape)).sum().backward());
    for (const [name, tensor] of vit.namedTensors()) {
      const isTrained = /^neck|adapter|lora/.test(name);
      assert.equal(tensor.grad !== undefined, isTrained, name);
      // What feeds a map that is 0 gets no gradient before that map has moved.
      const isFed = !/adapter\.down|lora\.a/.test(name);
      if (isTrained && isFed) assert.ok((await tensor.grad!.data()).some((g) => g !== 0), name);
    }
    vit.zeroGrad();
  });
}

Deno.test("a ViT refuses images that do not divide into patches, and says which do", async () => {
  using device = await openDevice("cpu");
  using vit = new Vit(init(device), tiny, plain);
  using image = Tensor.zeros(device, [1, 1, 6, 5, 6]);
  assert.throws(() => vit.forward(image), { code: "model.patch", fix: "Use [N,1,6,6,6]." });
});

Deno.test("positions in the form of SAM-Med3D refuse a grid that is no cube", async () => {
  using device = await openDevice("cpu");
  using vit = new Vit(init(device), { ...tiny, positions: "sam-med3d" }, plain);
  using image = Tensor.zeros(device, [1, 1, 6, 4, 6]);
  assert.throws(() => vit.forward(image), { code: "shape.positions" });
});
