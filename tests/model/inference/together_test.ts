/** Which images inform each other, and which must not be taken together at all. */

import assert from "node:assert/strict";
import { scalingAffine } from "../../../data/affine.ts";
import {
  choosePreparation,
  makePhantom,
  modalitiesOf,
  type Volume,
  volumeFrom,
  withholdModalities,
} from "../../../data/mod.ts";
import { prepareImages } from "../../../data/prepare/prepare.ts";
import {
  encodeCheckpoint,
  evaluateCases,
  methods,
  openPredictor,
  predict,
  resolveConfig,
  segmentCase,
} from "../../../model/mod.ts";
import { type CodedError, Module, openDevice, Random, Tensor } from "../../../tensor/mod.ts";

const dataset = makePhantom({
  cases: 2,
  modalities: ["ct", "mr"],
  misalignmentMm: 0,
  seed: 4,
  shape: [16, 16, 16],
});
const { preparation } = await choosePreparation(dataset);
const patch = [16, 16, 16] as [number, number, number];

/** Notes which modalities it is given at a time. */
class Witness extends Module {
  readonly given: boolean[][] = [];
  constructor(readonly classes = 2) {
    super();
  }
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    this.given.push(images.map((image) => image !== null));
    return images.map((image) => image && Tensor.zeros(image.device, [1, this.classes, ...patch]));
  }
}

async function imagesOf(): Promise<Map<string, Volume<Float32Array>>> {
  const volumes = await dataset.loadImages(dataset.cases[0]!);
  return new Map(modalitiesOf(dataset, dataset.cases[0]!).map(({ id }, at) => [id, volumes[at]!]));
}

Deno.test("images are segmented together when the data set is aligned, not when their shapes happen to be equal", async () => {
  using device = await openDevice("cpu");
  for (const aligned of [true, false]) {
    const images = prepareImages(await imagesOf(), { ...preparation, aligned, crop: "none" });
    assert.deepEqual(images[0]!.shape, images[1]!.shape);
    const network = new Witness();
    await segmentCase({ device, network, patch, classes: 2, aligned }, images);
    assert.deepEqual(network.given, aligned ? [[true, true]] : [[true, false], [false, true]]);
  }
});

Deno.test("evaluateCases() gives a network its modalities in its own order, not in that of the data set", async () => {
  using device = await openDevice("cpu");
  const network = new Witness(4), ids = [dataset.cases[0]!.id];
  const turned = { ...preparation, modalities: preparation.modalities.toReversed() };
  const onlyMr = withholdModalities(dataset, ["mr"]);
  const setting = { device, network, patch, classes: 4, aligned: true };
  await evaluateCases(onlyMr, ids, setting, preparation);
  await evaluateCases(onlyMr, ids, setting, turned);
  assert.deepEqual([...new Set(network.given.map(String))], ["false,true", "true,false"]);
});

Deno.test("predict refuses images on different grids when every training case had one", async () => {
  using device = await openDevice("cpu");
  const config = resolveConfig({ patch });
  const task = { modalities: 2, classes: 4 };
  using network = methods.get("cmc")!.build({ device, random: new Random(0) }, task, config, config.settings);
  const state = await network.stateDict();
  const open = (oneGrid: boolean) =>
    openPredictor(
      encodeCheckpoint(
        { config, preparation: { ...preparation, oneGrid }, step: 0, best: null, split: "", data: "" },
        state,
      ),
      device,
    );
  const ct = (await imagesOf()).get("ct")!;
  // Another person's scan: one voxel more along one axis, at nearly the same place.
  const other = volumeFrom(
    Float32Array.from({ length: 17 * 256 }, (_, at) => 1 + at % 13),
    [16, 16, 17],
    scalingAffine([1.8, 1.8, 2], [-13.5, -13.5, -15]),
  );
  const pair = new Map([["ct", ct], ["mr", other]]);
  {
    using predictor = open(true);
    await assert.rejects(async () => await predict(predictor, pair), (error: CodedError) => {
      assert.equal(error.code, "predict.grids");
      assert.match(error.message, /16×16×16 voxels.*16×16×17 voxels/);
      return error.fix !== undefined;
    });
    assert.equal((await predict(predictor, new Map([["mr", other]]))).length, 1); // alone it is welcome
  }
  using tolerant = open(false);
  assert.equal((await predict(tolerant, pair)).length, 2);
});
