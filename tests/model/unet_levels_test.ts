import assert from "node:assert/strict";
import {
  checkLevels,
  Cmc,
  costOf,
  presetNamed,
  resolveConfig,
  strideOf,
  UnetDecoder,
  UnetEncoder,
  type UnetLevel,
  universalShape,
} from "../../model/mod.ts";
import { openReferenceCpu } from "../../tensor/cpu/open.ts";
import { CountingDevice, type Device, expand, openDevice, Random, scope, Tensor } from "../../tensor/mod.ts";
import { testOnDevices } from "../tensor/devices.ts";

/** Thick slices: two levels look within them and pool within them, the last looks across. */
const thick: readonly UnetLevel[] = [
  { kernel: [1, 3, 3], stride: [1, 1, 1] },
  { kernel: [1, 3, 3], stride: [1, 2, 2] },
  { kernel: [3, 3, 3], stride: [1, 2, 2] },
];

/** Within slices first, then across them too. */
const mixed: readonly UnetLevel[] = [thick[0]!, thick[1]!, { kernel: [3, 3, 3], stride: [2, 2, 2] }];

const cmcOf = (device: Device, levels: readonly UnetLevel[]) =>
  new Cmc({ device, random: new Random(5) }, {
    modalities: 2,
    classes: 3,
    unet: universalShape(2, levels),
  });

/** Logits of both modalities, then the gradients of all parameters of their sum of squares. */
async function run(device: Device, levels: readonly UnetLevel[], patch: readonly number[]) {
  using network = cmcOf(device, levels);
  const logits = scope(() => {
    const random = new Random(2);
    const images = [0, 1].map(() => Tensor.normal(device, random, [1, 1, ...patch]));
    const [a, b] = network.forward(images).logits as [Tensor, Tensor];
    a.square().mean().add(b.square().mean()).backward();
    return [a, b];
  });
  const shapes = logits.map(({ shape }) => shape);
  const parameters = [...network.namedParameters()];
  const tensors = [...logits, ...parameters.map(([, { grad }]) => grad!)];
  const values = await Promise.all(tensors.map((tensor) => tensor.data()));
  for (const tensor of logits) tensor.dispose();
  return { shapes, values, names: ["a", "b", ...parameters.map(([name]) => name)] };
}

testOnDevices("networks with a kernel and a stride a level agree with the reference", async (device) => {
  using reference = openReferenceCpu();
  const patch = [4, 12, 8];
  const [actual, expected] = [await run(device, mixed, patch), await run(reference, mixed, patch)];
  assert.deepEqual(actual.shapes, [[1, 3, ...patch], [1, 3, ...patch]]);
  expected.values.forEach((values, i) => {
    const scale = Math.max(1e-3, ...values.map(Math.abs));
    values.forEach((value, j) => {
      const error = Math.abs(actual.values[i]![j]! - value) / scale;
      assert.ok(error < 2e-3, `${actual.names[i]} at ${j}: ${actual.values[i]![j]}, expected ${value}`);
    });
  });
});

Deno.test("patches of 1 to 8 slices go through a network that never pools across them", async () => {
  using device = await openDevice("cpu");
  for (let depth = 1; depth <= 8; depth++) {
    const { shapes, values } = await run(device, thick, [depth, 8, 12]);
    assert.deepEqual(shapes[0], [1, 3, depth, 8, 12]);
    assert.ok(values.every((tensor) => tensor.every(Number.isFinite)));
  }
});

Deno.test("kernels and strides give the parameters of the layers added up by hand", () => {
  using device = new CountingDevice();
  using encoder = new UnetEncoder({ device, random: new Random(1) }, 1, universalShape(2, thick));
  using decoder = new UnetDecoder({ device, random: new Random(1) }, universalShape(2, thick), 3);
  // Channels 1-2-4, 4-4-8, 8-8-16; a convolution has a bias, a norm scale and shift: 3 more an output.
  const inPlane = (i: number, o: number) => 9 * i * o + 3 * o;
  const inSpace = (i: number, o: number) => 27 * i * o + 3 * o;
  assert.equal(
    encoder.parameterCount,
    inPlane(1, 2) + inPlane(2, 4) + inPlane(4, 4) + inPlane(4, 8) + inSpace(8, 8) + inSpace(8, 16),
  );
  const ups = (16 * 16 + 8 * 8) * 4 + 16 + 8;
  const blocks = inPlane(16 + 8, 8) + inPlane(8, 8) + inPlane(8 + 4, 4) + inPlane(4, 4);
  assert.equal(decoder.parameterCount, ups + blocks + 4 * 3 + 3);
});

Deno.test("a network within slices never mixes them: a slice alone gives the same features", async () => {
  const levels: readonly UnetLevel[] = thick.map(({ stride }) => ({ kernel: [1, 3, 3], stride }));
  using device = await openDevice("cpu");
  using encoder = new UnetEncoder({ device, random: new Random(3) }, 1, universalShape(1, levels));
  const image = Tensor.normal(device, new Random(4), [1, 1, 1, 8, 8]);
  // Equal slices have the statistics of one, so the norms are the same.
  const repeated = expand(image, [1, 1, 3, 8, 8]);
  const alone = await encoder.forward(image).features.data();
  const together = await encoder.forward(repeated).features.data();
  const channels = 8, voxels = 4;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < 3 * voxels; i++) {
      const [a, b] = [alone[c * voxels + i % voxels]!, together[3 * c * voxels + i]!];
      assert.ok(Math.abs(a - b) < 1e-4, `channel ${c}, voxel ${i}: ${a}, ${b}`);
    }
  }
});

Deno.test("a configuration keeps its levels through JSON, and costs follow them", async () => {
  const config = resolveConfig({ preset: "unet-light", levels: thick, patch: [2, 32, 32] });
  assert.deepEqual(resolveConfig(JSON.parse(JSON.stringify(config))), config);
  const task = { modalities: 2, classes: 3 };
  const { parameters } = await costOf(config, task);
  using device = new CountingDevice();
  using network = new Cmc({ device, random: new Random(1) }, {
    ...task,
    unet: presetNamed("unet-light").unet(thick),
  });
  assert.equal(parameters, network.parameterCount);
  assert.deepEqual(resolveConfig({}).levels.map(({ stride }) => stride[0]), [1, 2, 2, 2]);
});

Deno.test("an axis that is never pooled may have any size, a pooled one keeps two voxels", () => {
  assert.deepEqual(strideOf({ levels: mixed }), [2, 4, 4]);
  assert.deepEqual(resolveConfig({ levels: thick, patch: [1, 8, 8] }).patch, [1, 8, 8]);
  assert.throws(() => resolveConfig({ levels: mixed, patch: [2, 20, 18] }), {
    code: "config.patch",
    fix: "The next valid patch is 4,20,20.",
  });
});

Deno.test("levels that no U-Net can have are refused", () => {
  const first = thick[0]!;
  const bad: UnetLevel[][] = [
    [],
    [{ kernel: [1, 2, 3], stride: [1, 1, 1] }],
    [{ kernel: [1, 3, 3], stride: [1, 2, 2] }],
    [first, { kernel: [3, 3, 3], stride: [1, 1, 1] }],
    [first, { kernel: [3, 3, 3], stride: [1, 1.5, 2] }],
  ];
  for (const levels of bad) assert.throws(() => checkLevels(levels), { code: "model.levels" });
  checkLevels(mixed);
});
