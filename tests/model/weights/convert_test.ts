import assert from "node:assert/strict";
import golden from "../../golden/model/pytorch.json" with { type: "json" };
import {
  bytesSource,
  convertWeights,
  initialise,
  type Layout,
  layoutNamed,
  layouts,
  ReleasedCmc,
  samMed3d,
  Vit,
  type VitShape,
} from "../../../model/mod.ts";
import {
  CountingDevice,
  decodeSafetensors,
  type Device,
  encodeSafetensors,
  openDevice,
  Random,
  Tensor,
} from "../../../tensor/mod.ts";
import { sizeOf } from "../../../tensor/shape.ts";
import { withCode } from "../../tensor/refusals.ts";
import { stream } from "../digest.ts";
import { checkpointFiles, type Made, zipOf } from "./made_checkpoint.ts";

const init = (device: Device) => ({ device, random: new Random(5) });
const plain = { isFrozen: false, adapterRank: 0, loraRank: 0 };

const namesOf = (network: Vit | ReleasedCmc) =>
  Object.fromEntries([...network.namedTensors()].map(([name, { shape }]) => [name, [...shape]]));
const tableOf = (name: string) => Object.fromEntries(layoutNamed(name).table);

Deno.test("the tables of the layouts are what the networks have", () => {
  using device = new CountingDevice();
  using vit = new Vit(init(device), samMed3d, plain);
  assert.deepEqual(tableOf("sam-med3d"), namesOf(vit));
  using released = new ReleasedCmc(init(device), { modalities: 2, classes: 14, width: 32 });
  assert.deepEqual(tableOf("cmc-released"), namesOf(released));
  for (const [name, shape] of layouts["universal-unet"]!.table) {
    const part = name.startsWith("down") ? "image_encoder" : "decoder";
    assert.deepEqual(shape, namesOf(released)[`${part}.${name}`], name);
  }
});

const shape: VitShape = {
  patch: 2,
  grid: 2,
  channels: 4,
  depth: 2,
  heads: 2,
  window: 3,
  globalBlocks: [1],
  outputs: 3,
  positions: "sam-med3d",
};

/** SAM-Med3D's layout at a small size. */
function smallLayout(): Layout {
  using device = new CountingDevice();
  using vit = new Vit(init(device), shape, plain);
  const table = new Map([...vit.namedTensors()].map(([name, tensor]) => [name, tensor.shape]));
  return { ...layouts["sam-med3d"]!, table };
}

function smallTensors(): Made {
  const rows = [...smallLayout().table].map(([name, shape], i) =>
    [`image_encoder.${name}`, { shape, data: new Float32Array(stream(shape, i + 1, 0.3)) }] as const
  );
  const other = { "mask_decoder.iou_token.weight": { shape: [2], data: Float32Array.of(1, 2) } };
  return { ...Object.fromEntries(rows), ...other };
}

const convertMade = (tensors: Made) =>
  convertWeights(bytesSource("made.pth", zipOf(checkpointFiles(tensors))), smallLayout());

Deno.test("a converted checkpoint fills a network, whose output is that of the numbers in the file", async () => {
  using device = await openDevice("cpu");
  const { bytes, leftOut, tensors, values } = convertMade(smallTensors());
  assert.deepEqual(leftOut, ["mask_decoder.iou_token.weight"]);
  assert.equal(tensors, smallLayout().table.size);
  assert.equal(values, [...smallLayout().table.values()].reduce((sum, shape) => sum + sizeOf(shape), 0));
  using vit = new Vit(init(device), shape, plain);
  const report = initialise(vit, decodeSafetensors(bytes));
  assert.deepEqual(report.notLoaded, []);
  using expected = new Vit(init(device), shape, plain);
  [...expected.namedTensors()].forEach(([, tensor], i) => tensor.write(stream(tensor.shape, i + 1, 0.3)));
  using image = Tensor.normal(device, new Random(1), [1, 1, 4, 4, 4]);
  assert.deepEqual(await vit.forward(image).data(), await expected.forward(image).data());
});

Deno.test("a safetensors file converts like a PyTorch checkpoint, and names with module. in front like those without", () => {
  const tensors = smallTensors();
  const expected = convertMade(tensors).bytes;
  const file = encodeSafetensors(new Map(Object.entries(tensors)));
  assert.deepEqual(convertWeights(bytesSource("made", file), smallLayout()).bytes, expected);
  const renamed = Object.entries(tensors).map(([name, tensor]) => [`module.${name}`, tensor]);
  assert.deepEqual(convertMade(Object.fromEntries(renamed)).bytes, expected);
});

const first = "image_encoder.pos_embed";
const without = (name: string): Made =>
  Object.fromEntries(Object.entries(smallTensors()).filter(([key]) => key !== name));
const withTensor = (name: string, shape: number[], value = 0): Made => ({
  ...smallTensors(),
  [name]: { shape, data: new Float32Array(sizeOf(shape)).fill(value) },
});

for (
  const [what, tensors, code, message] of [
    ["without a tensor", without(first), "weights.mismatch", /missing pos_embed \[1,2,2,2,4\]/],
    [
      "with a tensor of another shape",
      withTensor(first, [1, 2, 2, 2, 5]),
      "weights.mismatch",
      /got \[1,2,2,2,5\]/,
    ],
    [
      "with an unknown tensor",
      withTensor("image_encoder.extra", [2]),
      "weights.mismatch",
      /unknown image_encoder.extra/,
    ],
    ["with NaN", withTensor(first, [1, 2, 2, 2, 4], NaN), "weights.values", /pos_embed has NaN at 0/],
    ["of another network", withTensor("x", [1]), "weights.mismatch", /missing/],
  ] as const
) {
  Deno.test(`a checkpoint ${what} is refused`, () => {
    const given = what === "of another network" ? { x: withTensor("x", [1])["x"]! } : tensors;
    assert.throws(() => convertMade(given), withCode(code, message));
  });
}

Deno.test("the format of PyTorch before 1.6 is refused by its name, and other files by what they are not", () => {
  const legacy = bytesSource("old.pth", Uint8Array.fromBase64(golden.legacy));
  assert.throws(() => convertWeights(legacy, smallLayout()), withCode("weights.legacy", /1\.6/));
  for (
    const bytes of [new Uint8Array(), new Uint8Array(100), new TextEncoder().encode("<html>not found</html>")]
  ) {
    assert.throws(() => convertWeights(bytesSource("x", bytes), smallLayout()), withCode("weights.format"));
  }
});

Deno.test("an unknown layout is refused with the known ones", () => {
  assert.throws(() => layoutNamed("sam"), withCode("weights.layout"));
});

const python = Deno.env.get("CMC_PYTORCH");

Deno.test({
  name:
    "a checkpoint that PyTorch makes with SAM-Med3D's names and shapes converts, loads, and gives PyTorch's output",
  ignore: python === undefined, // the path of a Python with PyTorch; takes two minutes and 2 GB
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const script = new URL("../../golden/model/sam_med3d_checkpoint.py", import.meta.url).pathname;
      const { code, stderr } = await new Deno.Command(python!, { args: [script, folder] }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      const args = [
        "--in",
        `${folder}/made.pth`,
        "--out",
        `${folder}/made.safetensors`,
        "--layout",
        "sam-med3d",
      ];
      const command = new URL("../../../examples/convert.ts", import.meta.url).pathname;
      const convert = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", command, ...args] })
        .output();
      assert.equal(convert.code, 0, new TextDecoder().decode(convert.stderr));
      using device = await openDevice("cpu");
      using vit = new Vit(init(device), samMed3d, plain);
      initialise(vit, decodeSafetensors(await Deno.readFile(`${folder}/made.safetensors`)));
      const read = async (name: string) =>
        new Float32Array((await Deno.readFile(`${folder}/${name}`)).buffer);
      using image = Tensor.from(device, await read("image.bin"), [1, 1, 128, 128, 128]);
      const features = await vit.forward(image).data();
      const expected = await read("features.bin");
      assert.equal(features.length, expected.length);
      const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - features[i]!)), 0);
      assert.ok(worst < 1e-3, `${worst}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
