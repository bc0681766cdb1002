import assert from "node:assert/strict";
import {
  Cmc,
  dissimilarChannels,
  ModalityIndependentAwareness,
  presets,
  UnetDecoder,
  UnetEncoder,
  universalShape,
} from "../../model/mod.ts";
import { CountingDevice, type Device, openDevice, Random, Tensor } from "../../tensor/mod.ts";

const init = (device: Device) => ({ device, random: new Random(5) });
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-5, `${actual}, ${expected}`);

Deno.test("MIA gives the reference values with plain channel products and γ = 0.5", async () => {
  using device = await openDevice("cpu");
  const x = Tensor.from(device, Float32Array.from({ length: 32 }, (_, i) => Math.sin(0.37 * i)), [
    1,
    4,
    2,
    2,
    2,
  ]);
  using mia = new ModalityIndependentAwareness(init(device), "none");
  mia.gamma.write([0.5]);
  const y = [...await mia.forward(x).data()];
  [0.1506148536, 0.0950427494, -0.1842754734, 0.4108690556].forEach((value, c) => near(y[8 * c]!, value));
  near(y.reduce((sum, v) => sum + v), 1.3762423263);
  near(y.reduce((sum, v) => sum + v * v, 0), 4.6152206591);
  const attention = await dissimilarChannels(x.reshape([1, 4, 8]), "none").data();
  [0.0001544346, 0.641919307, 0.0002129487, 0.3577133098].forEach((value, j) => near(attention[j]!, value));
});

Deno.test("MIA starts as the identity, and γ still receives a gradient", async () => {
  using device = await openDevice("cpu");
  const x = Tensor.normal(device, new Random(1), [1, 4, 2, 2, 2]);
  using mia = new ModalityIndependentAwareness(init(device), "cosine");
  const y = mia.forward(x);
  assert.deepEqual(await y.data(), await x.data());
  y.square().sum().backward();
  assert.notEqual(await mia.gamma.grad!.item(), 0);
});

Deno.test("the paper's size has the parameter counts of the released network", () => {
  using device = new CountingDevice();
  using encoder = new UnetEncoder(init(device), 1, universalShape(32));
  using decoder = new UnetDecoder(init(device), universalShape(32), 14);
  assert.equal(encoder.parameterCount, 7_027_776);
  assert.equal(decoder.parameterCount, 12_046_734);
});

Deno.test("unet-light with two modalities and three classes has the parameters of its layers added up by hand", () => {
  using device = new CountingDevice();
  using network = new Cmc(init(device), {
    modalities: 2,
    classes: 3,
    unet: presets["unet-light"].unet(),
  });
  // Encoder 220,392 and decoder 94,331 a modality, fusion 332,160, γ.
  assert.equal(network.parameterCount, 2 * (220_392 + 94_331) + 332_160 + 1);
});

/** The smallest universal network, for two classes. */
const smallCmc = (device: Device, modalities: number) =>
  new Cmc(init(device), { modalities, classes: 2, unet: universalShape(1) });

Deno.test("a network of three modalities segments any subset of them", async () => {
  using device = await openDevice("cpu");
  using network = smallCmc(device, 3);
  const image = Tensor.normal(device, new Random(2), [1, 1, 16, 16, 16]);
  const { logits, features } = network.forward([image, null, image]);
  assert.deepEqual(logits.map((z) => z?.shape), [[1, 2, 16, 16, 16], undefined, [1, 2, 16, 16, 16]]);
  assert.deepEqual(features.map((f) => f?.shape), [[1, 16, 2, 2, 2], undefined, [1, 16, 2, 2, 2]]);
  assert.throws(() => network.forward([image]), { code: "model.modalities" });
  assert.throws(() => network.forward([null, null, null]), { code: "model.modalities" });
});

Deno.test("each modality's prediction depends on the other's image through the fusion", async () => {
  using device = await openDevice("cpu");
  using network = smallCmc(device, 2);
  const random = new Random(3);
  const [a, b, c] = [0, 1, 2].map(() => Tensor.normal(device, random, [1, 1, 16, 16, 16]));
  const one = await network.forward([a!, b!]).logits[0]!.data();
  const two = await network.forward([a!, c!]).logits[0]!.data();
  assert.notDeepEqual(one, two);
});

Deno.test("batch-mates do not influence each other", async () => {
  using device = await openDevice("cpu");
  using network = smallCmc(device, 2);
  const random = new Random(4);
  const pair = [0, 1].map(() => Tensor.normal(device, random, [2, 1, 16, 16, 16]));
  const both = await network.forward(pair).logits[1]!.data();
  const alone = await network.forward(pair.map((x) => x.narrow(0, 1, 1))).logits[1]!.data();
  alone.forEach((value, i) => assert.ok(Math.abs(value - both[alone.length + i]!) < 1e-5));
});

Deno.test("a patch that does not divide by the stride is refused with the next that does", async () => {
  using device = await openDevice("cpu");
  using encoder = new UnetEncoder(init(device), 1, universalShape(1));
  const image = Tensor.zeros(device, [1, 1, 16, 20, 16]);
  assert.throws(() => encoder.forward(image), { code: "model.patch", fix: "Use [16,24,16]." });
});
