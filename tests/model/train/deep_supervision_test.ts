/** Deep supervision: heads at the coarser levels of the decoders, taught by the labels alone. */

import assert from "node:assert/strict";
import { diceCrossEntropy } from "../../../losses/mod.ts";
import { costOf, type Method, methodNamed, methods, resolveConfig, train } from "../../../model/mod.ts";
import { buildCmc } from "../../../model/train/methods/cmc_segmenter.ts";
import { atLevel, deeplySupervisedLoss, overLevels } from "../../../model/train/methods/terms.ts";
import { openDevice, Random, scope, Tensor } from "../../../tensor/mod.ts";
import { smallData, smallOptions, smallPreparation } from "./setting.ts";

const deep = { ...smallOptions, deepSupervision: "on" } as const;
const task = { modalities: 2, classes: 3 };

Deno.test("labels of a coarser level are those of the nearest voxel, and weights are 4, 2 and 1 sevenths", async () => {
  using device = await openDevice("cpu");
  const [labels, weights] = scope(() => {
    const map = Tensor.from(device, Uint8Array.from({ length: 4 * 4 * 2 }, (_, i) => i), [1, 4, 4, 2], "i32");
    const coarse = atLevel(map, Tensor.zeros(device, [1, 3, 2, 2, 1]));
    const levels = [1, 10, 100].map((value) => Tensor.full(device, [1], value));
    return [coarse, overLevels(levels, (z) => z.sum())];
  }) as [Tensor, Tensor];
  assert.deepEqual([labels.shape, [...await labels.data()]], [[1, 2, 2, 1], [0, 4, 16, 20]]);
  assert.ok(Math.abs(await weights.item() - (4 + 20 + 100) / 7) < 1e-5);
  for (const tensor of [labels, weights]) tensor.dispose();
});

Deno.test("the supervised loss is the weighted mean of the levels' losses, and its first level the plain network", async () => {
  using device = await openDevice("cpu");
  const build = (options: typeof deep | typeof smallOptions) =>
    buildCmc({ device, random: new Random(4) }, task, resolveConfig(options));
  using network = build(deep);
  using plain = build(smallOptions);
  assert.equal(network.decoders[0]!.auxiliary.length, 2);
  assert.equal(plain.decoders[0]!.auxiliary.length, 0);
  const [found, expected, shapes] = scope(() => {
    const random = new Random(1);
    const images = [0, 1].map(() => Tensor.normal(device, random, [1, 1, 16, 16, 16]));
    const drawn = Uint8Array.from({ length: 16 ** 3 }, () => random.integer(3));
    const labels = [0, 1].map(() => Tensor.from(device, drawn, [1, 16, 16, 16], "i32"));
    const levels = network.segmentDeep(images) as Tensor[][];
    const loss = (m: number, level: number) =>
      diceCrossEntropy(levels[m]![level]!, atLevel(labels[m]!, levels[m]![level]!)).mul(4 / 7 / 2 ** level);
    const sums = [0, 1].map((m) => loss(m, 0).add(loss(m, 1)).add(loss(m, 2)));
    return [
      deeplySupervisedLoss(levels, labels),
      sums[0]!.add(sums[1]!).mul(0.5),
      levels.map((of) => of.map(({ shape }) => shape[2])),
    ];
  }) as [Tensor, Tensor, number[][]];
  assert.deepEqual(shapes, [[16, 8, 4], [16, 8, 4]]);
  assert.ok(Math.abs(await found.item() - await expected.item()) < 1e-5);
  for (const tensor of [found, expected]) tensor.dispose();
});

for (const name of ["supervised", "cmc", "cps", "mean-teacher"]) {
  Deno.test(`${name} with deep supervision trains every head, and goes on with the same bits`, async () => {
    using device = await openDevice("cpu");
    const run = async (resume?: Parameters<typeof train>[1]["resume"]) => {
      const states: NonNullable<typeof resume>[] = [];
      using _ = await train({ ...deep, method: name }, {
        device,
        ...smallData(),
        preparation: smallPreparation,
        save: (state) => Promise.resolve(void states.push(state)),
        ...(resume && { resume }),
      });
      return states;
    };
    const states = await run(), [first, half] = states, last = states.at(-1)!;
    const heads = [...last.network.keys()].filter((key) =>
      key.includes("auxiliary") && !key.startsWith("teacher")
    );
    assert.equal(heads.length, 8 * (name === "cps" ? 2 : 1));
    for (const key of heads) {
      assert.notDeepEqual(last.network.get(key)!.data, first!.network.get(key)!.data, key);
    }
    const resumed = (await run(half)).at(-1)!;
    assert.deepEqual(resumed.network, last.network);
    assert.deepEqual(resumed.log, last.log);
  });
}

Deno.test("deep supervision costs memory, and is refused where it would do nothing", async () => {
  const cost = async (options: typeof deep | typeof smallOptions) =>
    await costOf(resolveConfig(options), task, methodNamed("cmc"));
  const [with_, without] = [await cost(deep), await cost(smallOptions)];
  assert.ok(with_.peakBytes > without.peakBytes && with_.parameters > without.parameters);
  using device = await openDevice("cpu");
  const setting = { device, ...smallData(), preparation: smallPreparation };
  const refused = async (method: Method, options: object) =>
    await assert.rejects(train({ ...deep, ...options, method }, setting), {
      code: "method.deep_supervision",
    });
  const without_ = [...methods.values()].filter((method) => method.supervisesDeeply === undefined);
  assert.ok(without_.some(({ name }) => name === "cross-modal-cps"));
  await refused(methodNamed("cross-modal-cps"), {});
  await refused(methodNamed("cmc-plus"), { settings: { mixing: "copy-paste" } });
  const level = { kernel: [3, 3, 3], stride: [1, 1, 1] } as const;
  await refused(methodNamed("cmc"), { levels: [level, { ...level, stride: [2, 2, 2] }] });
});
