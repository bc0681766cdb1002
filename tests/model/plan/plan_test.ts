/** Plans: what they decide for known data sets, within which bounds, and what a person may override. */

import assert from "node:assert/strict";
import { makePhantom } from "../../../data/mod.ts";
import { chooseFrom, type SurveyedCase } from "../../../data/prepare/choose.ts";
import type { Grid } from "../../../data/volume.ts";
import {
  type Budget,
  budgets,
  costOf,
  makePlan,
  type PlannedSettings,
  presetNamed,
  resolveConfig,
  strideOf,
  topologyOf,
} from "../../../model/mod.ts";
import type { CodedError } from "../../../tensor/errors.ts";
import { Random } from "../../../tensor/random.ts";

type Three = readonly [number, number, number];

const dataset = makePhantom({
  cases: 1,
  modalities: ["ct", "mr"],
  misalignmentMm: 0,
  seed: 1,
  shape: [16, 16, 16],
});
const cost = (settings: PlannedSettings) => costOf(resolveConfig(settings), { modalities: 2, classes: 4 });

/** A case whose images have this shape and voxel size, axes along S, A, R. */
function surveyed(shape: Three, spacing: Three, id = "a"): SurveyedCase {
  const [d, h, w] = spacing;
  const grid: Grid = { shape, spacing, affine: [0, 0, w, 0, 0, h, 0, 0, d, 0, 0, 0, 0, 0, 0, 1] };
  return { id, images: [grid, grid], labels: [] };
}

const planFor = (cases: SurveyedCase[], budget: Budget = budgets.cpu, given: Partial<PlannedSettings> = {}) =>
  makePlan(chooseFrom(dataset, cases), cases, budget, cost, given);

Deno.test("thick slices: median spacing in the plane, its 10th percentile across, kernels within slices first", async () => {
  const cases = [6, 8, 10, 12, 14].map((mm, at) => surveyed([8, 128, 128], [mm, 1, 1], `${at}`));
  const { preparation, settings, lines } = await planFor(cases);
  assert.deepEqual(preparation.spacing, [6.8, 1, 1]);
  assert.deepEqual(preparation.orientation, { rule: "anatomical", through: "S" });
  assert.deepEqual(settings.levels[0], { kernel: [1, 3, 3], stride: [1, 1, 1] });
  assert.deepEqual(settings.levels[1]!.stride, [1, 2, 2]);
  assert.ok(settings.levels.some(({ kernel }) => kernel[0] === 3), "slices meet once pixels have grown");
  assert.match(
    lines.find(({ name }) => name === "spacing")!.reason,
    /10th percentile: slices are 10\.0 times as thick/,
  );
  assert.ok(lines.every(({ reason }) => reason.length > 0));
});

Deno.test("every plan is one the network takes and the budget pays, on 20 random data sets", async () => {
  const random = new Random(8);
  const budget = budgets.cpu;
  for (let round = 0; round < 20; round++) {
    const shape = [0, 1, 2].map(() => 2 + random.integer(round % 2 === 0 ? 200 : 40)) as unknown as Three;
    const spacing = [0, 1, 2].map(() => Math.exp(random.uniform(-1, 2.5))) as unknown as Three;
    const { settings, preparation } = await planFor([surveyed(shape, spacing)]);
    const { patch, batch, levels } = settings, stride = strideOf({ levels });
    const what = `${shape} of ${spacing.map((mm) => mm.toFixed(2))} mm: ${patch}`;
    resolveConfig(settings); // refuses what a network cannot take
    const { multiplyAdds, peakBytes } = await cost(settings);
    assert.ok(batch * multiplyAdds <= budget.multiplyAdds && peakBytes <= budget.bytes, what);
    patch.forEach((n, axis) => {
      if (stride[axis]! > 1) assert.ok(n / stride[axis]! >= 4, what);
    });
    // No level pools an axis whose voxels are twice as long as the shortest of the axes that have several voxels.
    const voxel = [...preparation.spacing];
    for (const level of levels) {
      const shortest = Math.min(...voxel.filter((_, axis) => patch[axis]! > 1));
      level.stride.forEach((factor, axis) => {
        assert.ok(factor === 1 || voxel[axis]! < 2 * shortest, what);
        voxel[axis]! *= factor;
      });
    }
  }
});

Deno.test("volumes of 2 slices and patches of 1 to 8 slices have levels, and a training step runs its shapes", async () => {
  for (let depth = 1; depth <= 8; depth++) {
    const { levels, patch } = topologyOf([depth, 48, 40], [12, 1, 1]);
    assert.equal(patch[0], depth);
    if (depth === 1) assert.ok(levels.every(({ kernel }) => kernel[0] === 1));
    assert.ok((await cost({ preset: "unet-tiny", patch, levels, batch: 1 })).multiplyAdds > 0);
  }
  const { settings } = await planFor([surveyed([2, 96, 96], [15, 1, 1])]);
  assert.equal(settings.patch[0], 2);
});

Deno.test("what a person states stays, the rest is planned around it", async () => {
  const cases = [surveyed([60, 120, 120], [2, 1, 1])];
  const planned = await planFor(cases, budgets.cpu, { patch: [16, 32, 48], batch: 3 });
  assert.deepEqual([planned.settings.patch, planned.settings.batch], [[16, 32, 48], 3]);
  const reasons = Object.fromEntries(planned.lines.map(({ name, reason }) => [name, reason]));
  assert.deepEqual([reasons.patch, reasons.batch], ["given", "given"]);
  assert.match(reasons["level 1"]!, /voxels of 2 × 1 × 1 mm/);
  const wide = await planFor(cases, budgets.cpu, { preset: "unet-small" });
  const narrow = await planFor(cases);
  const voxels = ({ patch }: PlannedSettings) => patch.reduce((product, n) => product * n, 1);
  assert.ok(voxels(wide.settings) < voxels(narrow.settings), "a wider network gets a smaller patch");
});

Deno.test("a patch that was edited to one the levels cannot take is refused with the next valid one", async () => {
  const { settings } = await planFor([surveyed([8, 128, 128], [10, 1, 1])]);
  assert.throws(
    () => resolveConfig({ ...settings, patch: [3, 90, 96] }),
    { code: "config.patch", fix: /The next valid patch is 3,96,96/ },
  );
  await assert.rejects(planFor([surveyed([40, 40, 40], [1, 1, 1])], { ...budgets.cpu, multiplyAdds: 1e3 }), {
    code: "plan.budget",
  });
});

Deno.test("what was asked for and cannot be trained is refused before the first step", async (t) => {
  const volumes = surveyed([40, 40, 40], [1, 1, 1]), slice = surveyed([1, 48, 48], [8, 1, 1]);
  const vit = { preset: "vit-tiny", levels: presetNamed("vit-tiny").unet().levels } as const;
  const refusals: [string, SurveyedCase, Partial<PlannedSettings>, string, RegExp][] = [
    [
      "a patch of several slices for single ones",
      slice,
      { patch: [16, 16, 16] },
      "plan.flat",
      /over 16 along D/,
    ],
    ["a network of cubes for single slices", slice, vit, "plan.flat", /single slice there \(1×48×48/],
    ["a patch no memory holds", volumes, { patch: [256, 512, 512] }, "plan.memory", /holds 4\.00/],
    ["a batch no memory holds", volumes, { patch: [32, 32, 32], batch: 2000 }, "plan.memory", /2000 patches/],
  ];
  for (const [name, of, given, code, message] of refusals) {
    await t.step(name, () => assert.rejects(planFor([of], budgets.cpu, given), { code, message }));
  }
  await t.step("and the largest patch that fits is named", async () => {
    const preset = presetNamed("unet-base"), levels = preset.unet().levels, batch = 1;
    const tooLarge = { preset: "unet-base", levels, batch, patch: [96, 96, 48] } as const;
    const given: PlannedSettings = { ...tooLarge, patch: [96, 96, 48] };
    const limit = 2 ** 31,
      peakOf = async (patch: [number, number, number]) => (await cost({ ...given, patch })).peakBytes;
    await assert.rejects(planFor([volumes], { ...budgets.cpu, limit }, given), ({ fix }: CodedError) => {
      assert.equal(fix, "The largest patch that fits is 80,80,40; or choose a smaller preset.");
      return true;
    });
    assert.ok(await peakOf([80, 80, 40]) <= limit && await peakOf([88, 88, 48]) > limit);
    const none = planFor([volumes], { ...budgets.cpu, limit: 2 ** 20 }, given);
    await assert.rejects(none, ({ fix }: CodedError) => /^No patch fits/.test(fix!));
  });
  await t.step("while single slices plan their own patch", async () => {
    assert.equal((await planFor([slice])).settings.patch[0], 1);
  });
});

Deno.test("a plan for given levels ends, within the budget, whatever the shape of the scans", async () => {
  const pooled = (stride: Three) => ({ kernel: [3, 3, 3] as const, stride });
  const networks = {
    "four levels of 2": [pooled([1, 1, 1]), pooled([2, 2, 2]), pooled([2, 2, 2]), pooled([2, 2, 2])],
    "flat levels": [pooled([1, 1, 1]), pooled([1, 2, 2]), pooled([1, 2, 2]), pooled([2, 2, 2])],
    "tokens of 16": [pooled([1, 1, 1]), pooled([16, 16, 16])],
  };
  const scans = [[[110, 120, 100], [1, 1, 1]], [[10, 216, 256], [8, 1.4, 1.4]]] as const;
  for (const [name, levels] of Object.entries(networks)) {
    for (const [shape, spacing] of scans) {
      let calls = 0;
      const counted = (settings: PlannedSettings) => {
        assert.ok(++calls < 200, `${name}: stuck at ${settings.patch}`);
        return cost(settings);
      };
      const cases = [surveyed(shape, spacing)];
      const { settings } = await makePlan(chooseFrom(dataset, cases), cases, budgets.cpu, counted, {
        levels,
      });
      const { multiplyAdds } = await cost(settings), stride = strideOf({ levels });
      assert.ok(settings.batch * multiplyAdds <= budgets.cpu.multiplyAdds, name);
      settings.patch.forEach((n, axis) => assert.equal(n % stride[axis]!, 0, name));
    }
  }
});
