/** The preparation is one value: through a checkpoint and back, it gives the network the same bits everywhere. */

import assert from "node:assert/strict";
import { noAugmentation } from "../../../data/augmentation.ts";
import {
  BatchLoader,
  choosePreparation,
  type DataError,
  hashPreparation,
  type LabelledCase,
  makePhantom,
  modalitiesOf,
  parsePreparation,
  type Preparation,
  type Split,
} from "../../../data/mod.ts";
import {
  decodeCheckpoint,
  encodeCheckpoint,
  evaluateCases,
  methods,
  openPredictor,
  predict,
  resolveConfig,
  type Segmenter,
} from "../../../model/mod.ts";
import { Module, openDevice, Random, Tensor } from "../../../tensor/mod.ts";
import { sameBits } from "../../data/same_bits.ts";

const dataset = makePhantom({
  cases: 3,
  modalities: ["ct", "mr"],
  misalignmentMm: 1,
  seed: 4,
  shape: [16, 20, 18],
});
const [id, ...others] = dataset.cases.map((of) => of.id) as [string, string, string];
const split: Split = { labelled: [id], unlabelled: [], validation: [others[0]!], test: [others[1]!] };
/** Larger than the volumes along every axis. */
const patch = [24, 32, 24] as [number, number, number];

/** Everything that can be chosen is chosen otherwise than by default. */
async function custom(): Promise<Preparation> {
  const { preparation } = await choosePreparation(dataset, {
    spacing: [2.5, 2.1, 2.3],
    normalise: {
      ct: { kind: "window", low: -500, high: 700 },
      mr: { kind: "zscore", clipPercentiles: [2, 98] },
    },
    labels: "nearest",
  });
  const [ct, mr] = preparation.modalities;
  return { ...preparation, modalities: [ct!, { ...mr!, padding: -7 }] };
}

/** A network that keeps what it is shown and says nothing. */
class Witness extends Module implements Pick<Segmenter, "segment"> {
  readonly seen: Promise<ArrayLike<number>>[] = [];
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    this.seen.push(...images.map((image) => image!.data()));
    const { device } = images[0]!;
    return images.map(() => Tensor.zeros(device, [1, dataset.classes.length + 1, ...patch]));
  }
}

Deno.test("training, validation and predict show the network the same bits, also of volumes smaller than the patch", async () => {
  using device = await openDevice("cpu");
  const preparation = await custom();
  const config = resolveConfig({ patch });
  const task = { modalities: 2, classes: dataset.classes.length + 1 };
  using network = methods.get("cmc")!.build({ device, random: new Random(0) }, task, config, config.settings);
  const info = { config, preparation, step: 0, best: null, split: "", data: "" };
  const bytes = encodeCheckpoint(info, await network.stateDict());
  const restored = decodeCheckpoint(bytes).info.preparation;
  assert.deepEqual(restored, preparation);
  assert.equal(hashPreparation(restored), hashPreparation(preparation));

  const options = {
    preparation: restored,
    patch,
    labelled: 1,
    unlabelled: 1,
    seed: 0,
    augmentation: noAugmentation,
  };
  const { images: training } = await new BatchLoader(dataset, split, options).labelledBatch(0);

  const validation = new Witness(), prediction = new Witness();
  const setting = { device, patch, classes: task.classes, aligned: restored.aligned };
  await evaluateCases(dataset, [id], { ...setting, network: validation }, restored);

  using predictor = openPredictor(bytes, device);
  const of = dataset.cases[0] as LabelledCase, volumes = await dataset.loadImages(of);
  const images = new Map(modalitiesOf(dataset, of).map((modality, at) => [modality.id, volumes[at]!]));
  await predict({ ...predictor, segment: { ...predictor.segment, network: prediction } }, images);

  for (const [name, { seen }] of Object.entries({ validation, prediction })) {
    assert.equal(seen.length, 2, "one window holds the whole volume");
    for (const [m, shown] of (await Promise.all(seen)).entries()) {
      assert.ok(sameBits(shown as Float32Array, training[m]!), `${name}, modality ${m}`);
    }
  }
  assert.ok(training[1]!.includes(-7), "the patch is padded with the chosen value");
});

Deno.test("a preparation has one hash, which no order of keys and every value decides", async () => {
  const preparation = await custom();
  const { version, ...rest } = preparation;
  assert.equal(hashPreparation({ ...rest, version }), hashPreparation(preparation));
  const changes: Partial<Preparation>[] = [
    { spacing: [2.5, 2.1, 2.31] },
    { crop: "none" },
    { labels: "linear" },
    { aligned: false },
    { oneGrid: !preparation.oneGrid },
    { orientation: { rule: "slices" } },
    { modalities: preparation.modalities.toReversed() },
    { classes: preparation.classes.map((of) => ({ ...of, name: `${of.name}!` })) },
  ];
  const hashes = changes.map((change) => hashPreparation({ ...preparation, ...change }));
  assert.equal(new Set([...hashes, hashPreparation(preparation)]).size, changes.length + 1);
});

Deno.test("a preparation that was edited to nonsense is refused, naming the field", async () => {
  const preparation = await custom();
  const wrong: [object, RegExp][] = [
    [{ spacing: [1, 0, 1] }, /preparation\.spacing\.1/],
    [{ orientation: { rule: "sideways" } }, /preparation\.orientation/],
    [{ version: 2 }, /preparation\.version/],
    [{ modalities: [] }, /preparation\.modalities/],
    [{ extra: 1 }, /extra/],
    [
      { modalities: [{ ...preparation.modalities[0], normalisation: { kind: "window", low: 5, high: 5 } }] },
      /low must/,
    ],
  ];
  for (const [change, message] of wrong) {
    assert.throws(
      () => parsePreparation({ ...preparation, ...change }),
      (error: DataError) => error.code === "preparation.value" && message.test(error.message),
    );
  }
});
