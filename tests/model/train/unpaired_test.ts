import assert from "node:assert/strict";
import { methodNamed, resolveConfig, train } from "../../../model/mod.ts";
import { makePhantom, type Split } from "../../../data/mod.ts";
import { type CodedError, openDevice, Random, scope, Tensor } from "../../../tensor/mod.ts";

/** CT of some people, MR of others. */
const dataset = makePhantom({
  cases: 10,
  modalities: ["ct", "mr"],
  misalignmentMm: 0,
  seed: 1,
  shape: [16, 16, 16],
  paired: false,
});
const ids = dataset.cases.map(({ id }) => id);
const split: Split = {
  labelled: ids.slice(0, 2),
  unlabelled: ids.slice(2, 6),
  validation: ids.slice(6, 8),
  test: ids.slice(8, 10),
};
const options = {
  patch: [16, 16, 16] as [number, number, number],
  batch: 1,
  validations: 1,
  semiSupervisedFrom: 0,
};

Deno.test("an unpaired phantom has one modality a case, in turn", async () => {
  assert.deepEqual(dataset.cases.slice(0, 3).map(({ images }) => Object.keys(images)), [["ct"], ["mr"], [
    "ct",
  ]]);
  assert.deepEqual([dataset.paired, dataset.aligned], [false, false]);
  assert.equal((await dataset.loadImages(dataset.cases[1]!)).length, 1);
});

Deno.test("CMC trains on CT and MR of different people by pooled features and shares of classes, and is judged by modality", async () => {
  using device = await openDevice("cpu");
  const settings = { cscForm: "pooled", cacForm: "proportion" };
  using run = await train({ ...options, settings, steps: 12 }, { device, dataset, split });
  const { log, test } = run!;
  assert.ok(log.every((row) => row.csc! > 0 && row.cac! > 0));
  const mean = (from: number) => log.slice(from, from + 4).reduce((sum, row) => sum + row.supervised!, 0) / 4;
  assert.ok(mean(8) < mean(0), `${mean(0)} to ${mean(8)}`);
  assert.deepEqual([...new Set(test.map((record) => `${record.case} ${record.modality}`))], [
    `${ids[8]} ct`,
    `${ids[9]} mr`,
  ]);
});

Deno.test("where one case lacks an image, nothing is fused: a step joins images of different people", async () => {
  using device = await openDevice("cpu");
  const whole = makePhantom({
    ...{ cases: 5, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 1, shape: [16, 16, 16] },
  });
  const [first, ...others] = whole.cases as [typeof whole.cases[number], ...typeof whole.cases];
  const cases = [{ ...first, images: { ct: first.images.ct! } }, ...others];
  const lacking = { ...whole, paired: false, cases };
  const [a, b, c, d, e] = cases.map(({ id }) => id) as [string, string, string, string, string];
  const parts = { labelled: [b, c], unlabelled: [a], validation: [d], test: [e] };
  using run = await train({ ...options, method: "supervised", steps: 1 }, {
    ...{ device, dataset: lacking, split: parts },
  });
  assert.deepEqual([run!.preparation.aligned, run!.segment.aligned], [false, false]);
  const image = (seed: number) => {
    const random = new Random(seed);
    return Tensor.from(device, Array.from({ length: 16 ** 3 }, () => random.normal()), [1, 1, 16, 16, 16]);
  };
  const ofCt = async (
    mr: number,
  ) => [...await run!.segment.network.segment([image(1), image(mr)])[0]!.data()];
  assert.deepEqual(await ofCt(2), await ofCt(3));
});

Deno.test("CMC refuses to compare voxels of different people, unless it is forced to", async () => {
  using device = await openDevice("cpu");
  await assert.rejects(train({ ...options, steps: 1 }, { device, dataset, split }), (error: CodedError) => {
    assert.equal(error.code, "method.unpaired");
    assert.match(error.fix!, /--unpaired force/);
    return true;
  });
  using run = await train({ ...options, unpaired: "force", steps: 1 }, { device, dataset, split });
  assert.ok(run!.log[0]!.cac! > 0);
});

for (const method of ["cmc", "supervised"]) {
  Deno.test(`in ${method}, what one person's image shows does not move the segmentation of another's`, async () => {
    using device = await openDevice("cpu");
    const config = resolveConfig({ method, patch: [16, 16, 16] });
    const { build } = methodNamed(method);
    const segment = async (aligned: boolean, seed: number) => {
      using network = build(
        { device, random: new Random(0) },
        { modalities: 2, classes: 3, aligned },
        config,
        config.settings,
      );
      const logits = scope(() =>
        network.segment([1, seed].map((of) => Tensor.normal(device, new Random(of), [1, 1, 16, 16, 16])))[0]!
      );
      const values = await logits.data();
      logits.dispose();
      return values;
    };
    assert.deepEqual(await segment(false, 2), await segment(false, 3));
    assert.notDeepEqual(await segment(true, 2), await segment(true, 3));
  });
}
