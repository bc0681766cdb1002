import assert from "node:assert/strict";
import {
  type ChannelScale,
  Cmc,
  type CmcShape,
  dissimilarChannels,
  missingModalities,
  type MissingModality,
  missingStrategies,
  type PresetName,
  presets,
  UnetEncoder,
  useMissingStrategy,
  type VitShape,
  vitUnet,
} from "../../model/mod.ts";
import { universalShape } from "../../model/unet_shape.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import { CountingDevice, type Device, openDevice, Random, scope, Tensor } from "../../tensor/mod.ts";

const vitShape: VitShape = {
  patch: 4,
  grid: 4,
  channels: 6,
  depth: 2,
  heads: 2,
  window: 3,
  globalBlocks: [1],
  outputs: 8,
  positions: "axis",
};
const vit = { unet: vitUnet(vitShape, 2, "below"), tuning: { isFrozen: false, adapterRank: 2, loraRank: 0 } };

const cmcOf = (device: Device, shape: Partial<CmcShape> = {}) =>
  new Cmc({ device, random: new Random(5) }, {
    modalities: 2,
    classes: 2,
    unet: universalShape(1),
    ...shape,
  });

const imagesOf = (device: Device, count: number) => {
  const random = new Random(3);
  return Array.from({ length: count }, () => Tensor.normal(device, random, [1, 1, 16, 16, 16]));
};

/** Values that make every path count: γ away from 0, what starts at 0 too. */
function stir(network: Cmc): void {
  const random = new Random(9);
  for (const [name, tensor] of network.namedParameters()) {
    if (/gamma|\.up\.weight|pos/.test(name)) {
      tensor.write(
        Float64Array.from({ length: sizeOf(tensor.shape) }, () => random.normal(0, 0.5)),
      );
    }
  }
}

/** Names of the parameters that a loss on all logits gives no gradient. */
async function unreached(network: Cmc, images: readonly (Tensor | null)[]): Promise<string[]> {
  scope(() => {
    const { logits } = network.forward(images);
    const random = new Random(7);
    logits.filter((z) => z !== null)
      .map((z) => z.mul(Tensor.normal(z.device, random, z.shape)).sum())
      .reduce((sum, term) => sum.add(term)).backward();
  });
  const names: string[] = [];
  for (const [name, { grad }] of network.namedParameters()) {
    // A shift before an instance normalisation is taken out again: its gradient is 0 but for rounding.
    if (/blocks\.\d\.conv\.bias$/.test(name)) continue;
    if (!grad || (await grad.data()).every((g) => Math.abs(g) < 1e-10)) names.push(name);
  }
  network.zeroGrad();
  return names;
}

const forms: Record<string, Partial<CmcShape>> = {
  "the default": {},
  "one encoder": { encoders: "shared" },
  "one decoder": { decoders: "shared" },
  "one encoder and decoder": { encoders: "shared", decoders: "shared" },
  "channels by their products": { channelScale: "none" },
  "channels by their products over the voxels": { channelScale: "1/V" },
  "concatenation": { combine: "concat" },
  "a Vision Transformer": vit,
  "one Vision Transformer": { ...vit, encoders: "shared" },
};

for (const [name, form] of Object.entries(forms)) {
  Deno.test(`with ${name}, a gradient reaches every parameter`, async () => {
    using device = openOracle();
    using network = cmcOf(device, form);
    stir(network);
    assert.deepEqual(await unreached(network, imagesOf(device, 2)), []);
  });
}

Deno.test("the forms are different networks of the same bottleneck", async () => {
  using device = await openDevice("cpu");
  const images = imagesOf(device, 2);
  const outputs = new Set<string>();
  for (const [name, form] of Object.entries(forms)) {
    using network = cmcOf(device, form);
    stir(network);
    const { logits } = network.forward(images);
    assert.deepEqual(logits[0]!.shape, [1, 2, 16, 16, 16], name);
    outputs.add((await logits[0]!.data()).slice(0, 9).join());
  }
  assert.equal(outputs.size, Object.keys(forms).length);
});

Deno.test("channels are compared by cosine, by products over the voxels, or by products", async () => {
  using device = openOracle();
  const rows = Tensor.normal(device, new Random(1), [1, 3, 5]);
  const x = [...await rows.data()];
  const row = (i: number) => x.slice(5 * i, 5 * i + 5);
  const dot = (a: number[], b: number[]) => a.reduce((sum, v, k) => sum + v * b[k]!, 0);
  const scales: Record<ChannelScale, (i: number, j: number) => number> = {
    cosine: (i, j) => dot(row(i), row(j)) / Math.sqrt(dot(row(i), row(i)) * dot(row(j), row(j))),
    "1/V": (i, j) => dot(row(i), row(j)) / 5,
    none: (i, j) => dot(row(i), row(j)),
  };
  for (const [scale, similarity] of Object.entries(scales)) {
    const actual = await dissimilarChannels(rows, scale as ChannelScale).data();
    for (const i of [0, 1, 2]) {
      const e = [0, 1, 2].map((j) => Math.exp(-similarity(i, j)));
      const sum = e.reduce((a, b) => a + b);
      e.forEach((v, j) => assert.ok(Math.abs(actual[3 * i + j]! - v / sum) < 1e-12, scale));
    }
  }
});

for (const modalities of [1, 2, 3, 4]) {
  Deno.test(`with ${modalities} modalities, every subset is segmented by every strategy for the missing`, async () => {
    using device = await openDevice("cpu");
    using network = cmcOf(device, { modalities, missing: "token" });
    const images = imagesOf(device, modalities);
    for (let subset = 1; subset < 2 ** modalities; subset++) {
      const given = images.map((image, m) => subset & 2 ** m ? image : null);
      for (const strategy of missingModalities) {
        network.missing = strategy;
        const logits = scope(() => network.forward(given).logits);
        logits.forEach((z, m) => assert.equal(z === null, given[m] === null));
        for (const z of logits) if (z) assert.ok((await z.data()).every(Number.isFinite));
        logits.forEach((z) => z?.dispose());
      }
    }
  });
}

Deno.test("with all images there, the strategy does not matter; with one missing, each differs", async () => {
  using device = await openDevice("cpu");
  using network = cmcOf(device, { modalities: 3, missing: "token" });
  const images = imagesOf(device, 3);
  const outputs = async (given: readonly (Tensor | null)[]) => {
    const found = new Set<string>();
    for (const strategy of missingModalities) {
      network.missing = strategy;
      found.add((await network.forward(given).logits[0]!.data()).slice(0, 50).join());
    }
    return found.size;
  };
  assert.equal(await outputs(images), 1);
  assert.equal(await outputs([images[0]!, null, images[2]!]), missingModalities.length);
});

Deno.test("with one image of two, the mean is the image on both sides", async () => {
  using device = await openDevice("cpu");
  using network = cmcOf(device, { encoders: "shared" });
  const [image] = imagesOf(device, 1);
  const twice = await network.forward([image!, image!]).logits[0]!.data();
  for (const strategy of ["mean", "duplicate"] as MissingModality[]) {
    network.missing = strategy;
    assert.deepEqual(await network.forward([image!, null]).logits[0]!.data(), twice);
  }
});

Deno.test("a learned token gets a gradient where its modality is missing, and nowhere else", async () => {
  using device = openOracle();
  using network = cmcOf(device, { modalities: 2, missing: "token" });
  const [image] = imagesOf(device, 1);
  scope(() => network.forward([image!, null]).logits[0]!.square().sum().backward());
  const gradient = [...await network.tokens!.grad!.data()];
  const half = gradient.length / 2;
  assert.ok(gradient.slice(0, half).every((g) => g === 0));
  assert.ok(gradient.slice(half).some((g) => g !== 0));
});

Deno.test("a network without tokens refuses to use them", async () => {
  using device = await openDevice("cpu");
  using network = cmcOf(device);
  network.missing = "token";
  assert.throws(() => network.forward(imagesOf(device, 2)), { code: "model.token" });
});

Deno.test("presets with a Vision Transformer have the sizes they are documented with, two modalities and 14 classes", () => {
  const sizes = (name: PresetName, adapterRank: number) => {
    using device = new CountingDevice();
    using network = cmcOf(device, {
      classes: 14,
      unet: presets[name].unet(),
      tuning: { isFrozen: true, adapterRank, loraRank: 0 },
    });
    const all = [...network.namedTensors()].reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
    return [all, network.parameterCount];
  };
  assert.deepEqual(sizes("vit-tiny", 12), [419_741, 250_301]);
  assert.deepEqual(sizes("vit-small", 48), [6_958_397, 1_215_293]);
  assert.deepEqual(sizes("vit-base", 192), [209_967_357, 32_673_021]);
});

Deno.test("a preset with a Vision Transformer takes its own levels and refuses others", () => {
  const { unet } = presets["vit-tiny"];
  assert.deepEqual(unet(unet().levels), unet());
  assert.throws(() => unet(unet().levels.slice(1)), { code: "model.levels" });
});

Deno.test("what has no form with a Vision Transformer refuses its shape", async () => {
  using device = await openDevice("cpu");
  const make = () => new UnetEncoder({ device, random: new Random(1) }, 1, presets["vit-tiny"].unet());
  assert.throws(make, { code: "model.encoder" });
});

Deno.test("a network lists the strategies it has, its own first, and takes them; another network has none", async () => {
  using device = await openDevice("cpu");
  using two = cmcOf(device, { missing: "zero" });
  assert.deepEqual(missingStrategies(two, 2), ["zero", "mean", "bypass"]);
  using three = cmcOf(device, { modalities: 3, missing: "token" });
  assert.deepEqual(missingStrategies(three, 3), ["token", "mean", "duplicate", "zero", "bypass"]);
  useMissingStrategy(three, "bypass");
  assert.equal(three.missing, "bypass");
  assert.throws(() => useMissingStrategy(two, "token"), { code: "model.missing" });
  using encoder = new UnetEncoder({ device, random: new Random(1) }, 1, universalShape(1));
  assert.deepEqual(missingStrategies(encoder, 2), []);
  assert.throws(() => useMissingStrategy(encoder, "mean"), { code: "model.missing" });
});
