import assert from "node:assert/strict";
import golden from "../golden/model/released.json" with { type: "json" };
import { ReleasedCmc } from "../../model/mod.ts";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import { CountingDevice, type Device, openDevice, Random, scope, Tensor } from "../../tensor/mod.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { devices } from "../tensor/devices.ts";
import { assertDigest, type Digest, stream } from "./digest.ts";

const init = (device: Device) => ({ device, random: new Random(5) });

async function compare(device: Device, relative: number) {
  const { width, classes } = golden;
  using network = new ReleasedCmc(init(device), { modalities: 2, classes, width });
  assert.deepEqual([...network.namedParameters()].map(([name]) => name), Object.keys(golden.gradients));
  [...network.namedTensors()].forEach(([, tensor], i) => tensor.write(stream(tensor.shape, i + 1, 0.4)));
  const size = [2, 1, 16, 16, 16];
  const { features, logits } = scope(() => {
    const images = [0, 1].map((m) => Tensor.from(device, stream(size, 1000 + m), size));
    const out = network.forward(images);
    const terms = out.logits.map((z, m) => z!.mul(Tensor.from(device, stream(z!.shape, 2000 + m), z!.shape)));
    terms[0]!.sum().add(terms[1]!.sum()).backward();
    return out;
  });
  for (const m of [0, 1]) {
    await assertDigest(features[m]!, golden.features[m]!, relative, `features ${m}`);
    await assertDigest(logits[m]!, golden.logits[m]!, relative, `logits ${m}`);
  }
  const gradients = golden.gradients as Record<string, Digest | undefined>;
  for (const [name, { grad }] of network.namedParameters()) {
    await assertDigest(grad!, gradients[name]!, relative, `gradient of ${name}`, 0.1);
  }
}

Deno.test("in float64, the released network gives PyTorch's features, logits and gradients", async () => {
  using oracle = openOracle();
  await compare(oracle, 1e-7);
});

for (const { name, open } of devices.slice(1)) {
  Deno.test(`the released network gives PyTorch's features, logits and gradients [${name}]`, async () => {
    using device = await open();
    await compare(device, 1e-4);
  });
}

Deno.test("the released network has the parameters of the authors', module by module", () => {
  using device = new CountingDevice();
  using network = new ReleasedCmc(init(device), { modalities: 2, classes: 14, width: 32 });
  const counts: Record<string, number> = {};
  for (const [name, { shape }] of network.namedParameters()) {
    const part = name.split(".")[0]!;
    counts[part] = (counts[part] ?? 0) + sizeOf(shape);
  }
  assert.deepEqual(counts, {
    image_encoder: 7_027_776,
    decoder: 12_046_734,
    MIA_module: 1,
    fusion_layer: 21_236_736,
    conv3d_convert: 526_848,
  });
  assert.equal(network.parameterCount, 40_838_095);
});

Deno.test("the released network segments with one image of two by the same image on both sides", async () => {
  using device = await openDevice("cpu");
  using network = new ReleasedCmc(init(device), { modalities: 2, classes: 2, width: 1 });
  const image = Tensor.normal(device, new Random(2), [1, 1, 16, 16, 16]);
  const alone = network.forward([null, image]).logits;
  const twice = network.forward([image, image]).logits;
  assert.equal(alone[0], null);
  assert.deepEqual(await alone[1]!.data(), await twice[1]!.data());
  assert.throws(() => network.forward([image]), { code: "model.modalities" });
  assert.throws(() => network.forward([null, null]), { code: "model.modalities" });
});

Deno.test("the released network refuses a patch that does not divide by 8, with the next that does", async () => {
  using device = await openDevice("cpu");
  using network = new ReleasedCmc(init(device), { modalities: 1, classes: 2, width: 1 });
  const image = Tensor.zeros(device, [1, 1, 16, 20, 16]);
  assert.throws(() => network.forward([image]), { code: "model.patch", fix: "Use [16,24,16]." });
});
