/** What decides a training that is started from the command line. */

import assert from "node:assert/strict";
import { labelledCase, makePhantom, rowMajor } from "../../data/mod.ts";
import { planTraining } from "../../examples/plan_training.ts";
import { openCases } from "../../examples/train_data.ts";
import { readSettings } from "../../examples/train_settings.ts";
import { methodNamed } from "../../model/mod.ts";
import { inFreshFolder } from "./run_example.ts";
import { manifestOf, withDataset } from "../data/make_dataset.ts";

const quiet = () => {};
const lists = { labelled: ["case_0"], unlabelled: ["case_1"], validation: ["case_2"], test: ["case_3"] };

/** Writes files into a fresh folder, then reads settings with `FOLDER` in the options standing for it. */
async function attempt(files: Readonly<Record<string, string>>, options: Readonly<Record<string, string>>) {
  let outcome: unknown;
  await withDataset(4, async (folder) => {
    await Deno.mkdir(`${folder}/run`);
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    const values = Object.fromEntries(
      Object.entries(options).map(([name, value]) => [name, value.replace("FOLDER", folder)]),
    );
    try {
      const settings = await readSettings(values);
      const { split, settings: origin } = await openCases(settings, values.resume, quiet);
      outcome = { split, origin, training: settings.training };
    } catch (error) {
      outcome = error;
    }
  });
  return outcome as { split: typeof lists; origin: Record<string, unknown>; training: object };
}

const withSplit = JSON.stringify({ ...manifestOf(4), splits: lists });
const run = { "run/config.json": '{"seed":3,"labelRatio":0.5}', "run/split.json": JSON.stringify(lists) };

const refused: {
  name: string;
  files?: Record<string, string>;
  options: Record<string, string>;
  message: RegExp;
}[] = [
  ...["label-ratio", "labelled", "validation", "test", "split-seed"].map((name) => ({
    name: `--${name} beside a split in the manifest`,
    files: { "dataset.json": withSplit },
    options: { data: "FOLDER", [name]: "1" },
    message: new RegExp(`^--${name}: the split is already decided by the manifest of small`),
  })),
  {
    name: "labelRatio in a settings file beside a split in the manifest",
    files: { "dataset.json": withSplit, "settings.json": '{"labelRatio":0.1}' },
    options: { data: "FOLDER", config: "FOLDER/settings.json" },
    message: /^--label-ratio: the split is already decided/,
  },
  {
    name: "--test beside --split",
    files: { "split.json": JSON.stringify(lists) },
    options: { data: "FOLDER", split: "FOLDER/split.json", test: "1" },
    message: /^--test: the split is already decided by --split/,
  },
  {
    name: "--split beside --resume",
    files: { ...run, "split.json": JSON.stringify(lists) },
    options: { data: "FOLDER", split: "FOLDER/split.json", resume: "FOLDER/run" },
    message: /^--split: the split is already decided by the run to resume/,
  },
  {
    name: "--label-ratio beside --labelled",
    options: { "label-ratio": "0.2", labelled: "1" },
    message: /^--label-ratio and --labelled contradict each other/,
  },
  {
    name: "--fold beside --test",
    options: { fold: "1/2", test: "1" },
    message: /^--test and --fold contradict each other/,
  },
  ...["0/2", "3/2", "1", "a/b"].map((fold) => ({
    name: `--fold ${fold}`,
    options: { fold },
    message: /^--fold .*: expected K\/N with K from 1 to N/,
  })),
  {
    name: "--fold beside a split in the manifest",
    files: { "dataset.json": withSplit },
    options: { data: "FOLDER", fold: "1/2" },
    message: /^--fold: the split is already decided by the manifest of small/,
  },
  {
    name: "a spacing of 0",
    options: { spacing: "1,0,1" },
    message: /^--spacing 1,0,1: a voxel has a size above 0/,
  },
  {
    name: "a split that is null",
    files: { "split.json": "null" },
    options: { data: "FOLDER", split: "FOLDER/split.json" },
    message: /split\.json is no split/,
  },
  {
    name: "a split with numbers for ids",
    files: { "split.json": JSON.stringify({ ...lists, test: [3] }) },
    options: { data: "FOLDER", split: "FOLDER/split.json" },
    message: /is no split: .*test\.0/,
  },
  {
    name: "a settings file that does not exist",
    options: { config: "FOLDER/none.json" },
    message: /none\.json does not exist/,
  },
  {
    name: "a run that does not exist",
    options: { resume: "FOLDER/none" },
    message: /none\/config\.json does not exist/,
  },
  {
    name: "a run whose data have moved",
    files: { ...run, "run/config.json": '{"data":"/nowhere/scans"}' },
    options: { resume: "FOLDER/run" },
    message: /nowhere\/scans does not exist/,
  },
  ...[
    ["data", "3", /data is 3; expected text/],
    ["modalities", '["a"]', /modalities is \["a"\]; expected text/],
    ["splitSeed", '"a"', /splitSeed is "a"; expected a whole number from 0/],
    ["splitSeed", "0.5", /splitSeed is 0\.5; expected a whole number/],
    ["validation", '"3"', /validation is "3"; expected a number/],
    ["labelRatio", "null", /labelRatio is null; expected a number or a percentage/],
    ["spacing", "[1,0,1]", /spacing is \[1,0,1\]; expected three sizes above 0/],
    ["misalignMm", "-1", /misalignMm is -1; expected a number from 0/],
    ["fold", "1", /fold is 1; expected text such as 2\/5/],
    ["orientation", '"RAS"', /orientation is "RAS"; expected anatomical or slices/],
    ["settings", "3", /settings is 3; expected an object/],
    ["method", "[]", /method is \[\]; expected text/],
  ].map(([name, value, message]) => ({
    name: `${name} ${value} in a file`,
    files: { "settings.json": `{"${name}":${value}}` },
    options: { config: "FOLDER/settings.json" },
    message: message as RegExp,
  })),
  {
    name: "an unknown setting in a file",
    files: { "settings.json": '{"labelRato":0.1}' },
    options: { config: "FOLDER/settings.json" },
    message: /has the setting "labelRato", which does not exist/,
  },
];

Deno.test("settings that contradict each other or cannot be read are refused by name", async (t) => {
  for (const { name, files = {}, options, message } of refused) {
    await t.step(name, async () => {
      const outcome = await attempt(files, options) as unknown as Error & { code: string; fix: string };
      assert.ok(outcome instanceof Error, JSON.stringify(outcome));
      assert.match(outcome.message, message);
      assert.match(outcome.code, /^(usage|io\..*|split\.file|data\.path)$/);
    });
  }
});

Deno.test("a method's settings in a file stay where the file names no method or the same, and go where it names another", async () => {
  const settings = { cscWeight: 0.01 };
  const kept = async (file: object, values: Readonly<Record<string, string>>) => {
    let found: unknown;
    await inFreshFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/c.json`, JSON.stringify(file));
      found = (await readSettings({ config: `${folder}/c.json`, ...values })).training.settings;
    });
    return found;
  };
  assert.deepEqual(await kept({ settings }, {}), settings);
  assert.deepEqual(await kept({ settings }, { method: "cmc" }), settings);
  assert.deepEqual(await kept({ method: "cmc", settings }, { method: "cmc" }), settings);
  assert.notDeepEqual(await kept({ method: "cmc", settings }, { method: "cmc-plus" }), settings);
});

Deno.test("a byte order mark at the start of settings and split is skipped", async () => {
  const files = { "s.json": '\uFEFF{"steps":7}', "split.json": `\uFEFF${JSON.stringify(lists)}` };
  const outcome = await attempt(files, {
    data: "FOLDER",
    config: "FOLDER/s.json",
    split: "FOLDER/split.json",
  });
  assert.deepEqual(outcome.split, lists);
  assert.equal((outcome.training as { steps: number }).steps, 7);
});

Deno.test("a run's own config.json is a settings file; what an option says wins, and takes its alternative back", async () => {
  const config = JSON.stringify({ steps: 9, labelRatio: 0.5, splitSeed: 4, dataset: { name: "small" } });
  const options = { data: "FOLDER", config: "FOLDER/config.json", validation: "1", test: "1" };
  const same = await attempt({ "config.json": config }, options);
  assert.deepEqual([same.origin.labelRatio, same.origin.splitSeed], [0.5, 4]);
  const other = await attempt({ "config.json": config }, { ...options, labelled: "2" });
  assert.deepEqual([other.origin.labelRatio, other.origin.labelled], [undefined, 2]);
  assert.equal(other.split.labelled.length, 2);
});

Deno.test("the folds of a data set test every case once, and --fold takes the test part of a file back", async () => {
  const folds = [];
  for (const fold of ["1/4", "2/4", "3/4", "4/4"]) {
    const { split, origin } = await attempt({ "s.json": '{"test":2}' }, {
      ...{ data: "FOLDER", config: "FOLDER/s.json", fold, validation: "1", labelled: "1" },
    });
    assert.deepEqual([origin.fold, origin.test], [fold, undefined]);
    folds.push(split);
  }
  assert.deepEqual(folds.flatMap(({ test }) => test).toSorted(), ["case_0", "case_1", "case_2", "case_3"]);
  for (const { labelled, validation, test } of folds) {
    assert.equal(new Set([...labelled, ...validation, ...test]).size, 3);
  }
});

Deno.test("--misalign-mm moves every modality but the first in training and validation cases, and no test case", async () => {
  const open = async (values: Record<string, string>) =>
    await openCases(await readSettings({ phantom: "heart", ...values }), undefined, quiet);
  const [plain, moved] = [await open({}), await open({ "misalign-mm": "8" })];
  assert.deepEqual([moved.split, moved.settings.misalignMm], [plain.split, 8]);
  assert.equal(moved.dataset.name, plain.dataset.name);
  const volumes = async ({ dataset }: typeof plain, id: string) => {
    const of = labelledCase(dataset, id);
    const images = await dataset.loadImages(of), labels = await dataset.loadLabels(of);
    return [...images, ...labels].map((volume) => Array.from(rowMajor<Float32Array | Uint8Array>(volume)));
  };
  const same = async (id: string) => {
    const [before, after] = [await volumes(plain, id), await volumes(moved, id)];
    return before.map((values, i) => values.every((value, at) => value === after[i]![at]));
  };
  const { labelled, unlabelled, validation, test } = plain.split;
  for (const id of [labelled[0]!, unlabelled[0]!, validation[0]!]) {
    assert.deepEqual(await same(id), [true, false, false, true, false, false], id);
  }
  assert.deepEqual(await same(test[0]!), new Array(6).fill(true));
  const [, , , , second, third] = await volumes(moved, labelled[0]!);
  assert.notDeepEqual(second, third, "each its own way");
  await assert.rejects(open({ "misalign-mm": "-1" }), { code: "usage" });
});

Deno.test("the seed of a training decides neither its phantom nor its split", async () => {
  const [one, two, drawn] = [
    await attempt({}, { seed: "0" }),
    await attempt({}, { seed: "5" }),
    await attempt({}, { seed: "0", "split-seed": "5" }),
  ];
  assert.deepEqual(one.split, two.split);
  assert.notDeepEqual(one.split, drawn.split);
  assert.match(one.split.test[0]!, /^phantom_s0_/); // ids carry the seed of the anatomy
});

Deno.test("--phantom-cases makes more of the same anatomies, and is refused beside data", async () => {
  const open = async (values: Record<string, string>) =>
    await openCases(await readSettings(values), undefined, quiet);
  const [few, many] = [await open({}), await open({ "phantom-cases": "30" })];
  const ids = many.dataset.cases.map(({ id }) => id);
  assert.deepEqual([ids.length, many.settings.phantomCases], [30, 30]);
  assert.deepEqual(few.dataset.cases.map(({ id }) => id), ids.slice(0, 24));
  await assert.rejects(open({ "phantom-cases": "0" }), { code: "config.phantom" });
  await withDataset(4, async (data) => {
    for (const more of [{ "phantom-cases": "30" }, { phantom: "heart" }]) {
      await assert.rejects(open({ data, labelled: "1", ...more }), {
        message: /^--phantom(-cases 30| heart): there is no phantom beside --data/,
      });
    }
  });
});

Deno.test("--modalities chooses sequences of the heart phantom, and needs data beside the other", async () => {
  const open = async (values: Record<string, string>) =>
    await openCases(await readSettings({ modalities: "t2, lge", ...values }), undefined, quiet);
  const { dataset, settings } = await open({ phantom: "heart" });
  assert.deepEqual([dataset.modalities.map(({ id }) => id), settings.modalities], [["t2", "lge"], "t2, lge"]);
  await assert.rejects(open({ phantom: "heart", modalities: "flair" }), { code: "config.phantom" });
  await assert.rejects(open({}), { message: /^--modalities needs a data set/ });
});

Deno.test("resuming without --data opens the data of the run", async () => {
  await inFreshFolder(async (runs) => {
    await withDataset(4, async (data) => {
      const config = { data, labelled: 1, seed: 2 };
      await Deno.writeTextFile(`${runs}/config.json`, JSON.stringify(config));
      await Deno.writeTextFile(`${runs}/split.json`, JSON.stringify({ ...lists, sha256: "" }));
      const settings = await readSettings({ resume: runs });
      const { dataset, split } = await openCases(settings, runs, quiet);
      assert.deepEqual([dataset.name, split], ["small", lists]);
    });
  });
});

Deno.test("a plan refuses a patch and levels that are none, before it reads a scan", async () => {
  const dataset = makePhantom({ cases: 2, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 0 });
  const unread = { ...dataset, loadGeometry: () => Promise.reject(new Error("a scan was read")) };
  const cases = {
    dataset: unread,
    split: { ...lists, labelled: [dataset.cases[0]!.id], unlabelled: [] },
    settings: {},
  };
  const level = { kernel: [3, 3, 3], stride: [1, 1, 1] };
  const rows: [Record<string, unknown>, string, RegExp][] = [
    [{ patch: "16" }, "config.value", /^patch:/],
    [{ patch: [16, 16] }, "config.value", /^patch:/],
    [{ patch: [0, 16, 16] }, "config.value", /^patch\.0:/],
    [{ levels: 3 }, "config.value", /^levels:/],
    [{ levels: [{ kernel: [3, 3, 3] }] }, "config.value", /^levels\.0\.stride:/],
    [{ levels: [level, level] }, "model.levels", /must shrink an axis/],
  ];
  for (const [training, code, message] of rows) {
    const settings = { training, method: methodNamed("cmc"), data: {}, aboutSplit: [] };
    const plan = planTraining(cases, settings, { kind: "cpu", description: "" });
    await assert.rejects(plan, { code, message }, JSON.stringify(training));
  }
});
