import assert from "node:assert/strict";
import { Cmc, initialise, methodNamed, ReleasedCmc, resolveConfig } from "../../../model/mod.ts";
import { universalShape } from "../../../model/unet_shape.ts";
import {
  decodeSafetensors,
  type Device,
  encodeSafetensors,
  openDevice,
  Random,
  type SafeTensor,
} from "../../../tensor/mod.ts";
import { withCode } from "../../tensor/refusals.ts";

const cmcOf = (device: Device, seed: number, classes = 2) =>
  new Cmc({ device, random: new Random(seed) }, {
    modalities: 2,
    classes,
    unet: universalShape(1),
  });

/** The tensors of a network as a file, under other names. */
async function fileOf(
  network: Cmc | ReleasedCmc,
  layout: string,
  rename: (name: string) => string | undefined,
) {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, { shape, data }] of await network.stateDict()) {
    const other = rename(name);
    if (other !== undefined) tensors.set(other, { shape, data });
  }
  const metadata = new Map(layout === "" ? [] : [["cmc-layout", layout]]);
  return decodeSafetensors(encodeSafetensors(tensors, metadata));
}

Deno.test("a network starts from the checkpoint of a run; the optimiser's moments are not looked at", async () => {
  using device = await openDevice("cpu");
  using from = cmcOf(device, 1);
  using to = cmcOf(device, 2);
  const file = await fileOf(from, "", (name) => `network.${name}`);
  const { notLoaded, unused } = initialise(to, file);
  assert.deepEqual([notLoaded, unused], [[], []]);
  assert.deepEqual(await to.stateDict(), await from.stateDict());
});

Deno.test("a file that does not fill the network is refused and changes nothing, or fills it in part when told", async () => {
  using device = await openDevice("cpu");
  using from = cmcOf(device, 1);
  using to = cmcOf(device, 2, 3);
  const before = await to.stateDict();
  const file = await fileOf(
    from,
    "",
    (name) => name.startsWith("encoders.0.") || name.includes("head") ? name : undefined,
  );
  assert.throws(() => initialise(to, file), withCode("weights.incomplete", /encoders\.1\..*not in the file/));
  assert.deepEqual(await to.stateDict(), before);
  const { loaded, notLoaded } = initialise(to, file, { partial: true });
  assert.ok(loaded.every((name) => name.startsWith("encoders.0.")));
  assert.ok(
    notLoaded.some((line) =>
      /^decoders\.0\.head\.weight: the file has \[2,2,1,1,1\], the network \[3,2,1,1,1\]$/.test(line)
    ),
  );
  const [own, other] = [await to.stateDict(), await from.stateDict()];
  for (const name of loaded) assert.deepEqual(own.get(name), other.get(name));
  for (const line of notLoaded) {
    assert.deepEqual(own.get(line.split(":")[0]!), before.get(line.split(":")[0]!));
  }
});

Deno.test("a file that has nothing of the network is refused even in part", async () => {
  using device = await openDevice("cpu");
  using network = cmcOf(device, 1);
  const file = await fileOf(network, "", (name) => `other.${name}`);
  assert.throws(() => initialise(network, file, { partial: true }), withCode("weights.unrelated"));
});

Deno.test("the Universal Model's U-Net fills the U-Nets of every modality, and the released network's", async () => {
  using device = await openDevice("cpu");
  using source = new ReleasedCmc({ device, random: new Random(1) }, { modalities: 2, classes: 2, width: 1 });
  const file = await fileOf(
    source,
    "universal-unet",
    (name) => name.includes("out_tr") ? undefined : /^(?:image_encoder|decoder)\.(.+)$/.exec(name)?.[1],
  );
  const state = await source.stateDict();
  using cmc = cmcOf(device, 2);
  const { notLoaded, unused } = initialise(cmc, file, { partial: true });
  assert.deepEqual(unused, []);
  assert.deepEqual([...new Set(notLoaded.map((line) => line.split(".")[0]!.split(":")[0]!))], [
    "decoders",
    "mia",
    "fusion",
  ]);
  assert.ok(notLoaded.filter((line) => line.startsWith("decoders")).every((line) => line.includes(".head.")));
  const own = await cmc.stateDict();
  for (const m of [0, 1]) {
    for (
      const [ours, theirs] of [
        [`encoders.${m}.levels.2.blocks.1.conv.weight`, "image_encoder.down_tr256.ops.1.conv1.weight"],
        [`encoders.${m}.levels.0.blocks.0.norm.bias`, "image_encoder.down_tr64.ops.0.bn1.bias"],
        [`decoders.${m}.levels.0.blocks.0.conv.weight`, "decoder.up_tr256.ops.0.conv1.weight"],
        [`decoders.${m}.ups.2.weight`, "decoder.up_tr64.up_conv.weight"],
      ] as const
    ) {
      assert.deepEqual(own.get(ours)!.data, state.get(theirs)!.data, ours);
    }
  }
  using released = new ReleasedCmc({ device, random: new Random(3) }, {
    modalities: 2,
    classes: 2,
    width: 1,
  });
  assert.ok(initialise(released, file, { partial: true }).loaded.includes("decoder.up_tr64.up_conv.weight"));
});

Deno.test("methods with several networks start from a file of one, and one network from a file of theirs", async () => {
  using device = await openDevice("cpu");
  const task = { modalities: 2, classes: 3 };
  const networkOf = (name: string, seed: number) => {
    const method = methodNamed(name), config = resolveConfig({ method: name, patch: [16, 16, 16] });
    return method.build({ device, random: new Random(seed) }, task, config, config.settings);
  };
  using one = networkOf("supervised", 1);
  const file = (state: ReadonlyMap<string, SafeTensor>) =>
    decodeSafetensors(encodeSafetensors(state, new Map()));
  const single = await one.stateDict() as ReadonlyMap<string, SafeTensor>,
    name = "encoders.1.levels.2.blocks.0.conv.weight";
  for (const method of ["mean-teacher", "cmc-plus", "cps"]) {
    using several = networkOf(method, 2);
    initialise(several, file(single), { partial: true });
    const state = await several.stateDict();
    const roles = method === "cps" ? ["first"] : ["student", "teacher"];
    for (const role of roles) {
      assert.deepEqual(state.get(`${role}.${name}`)!.data, single.get(name)!.data, method);
    }
    if (method === "cps") assert.notDeepEqual(state.get(`second.${name}`)!.data, single.get(name)!.data);
  }
  using teacher = networkOf("mean-teacher", 3);
  using back = networkOf("supervised", 4);
  const state = await teacher.stateDict() as ReadonlyMap<string, SafeTensor>;
  assert.deepEqual(initialise(back, file(state)).notLoaded, []);
  assert.deepEqual((await back.stateDict()).get(name)!.data, state.get(`teacher.${name}`)!.data);
});
