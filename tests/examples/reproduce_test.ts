import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openSweep } from "../../examples/sweep_cells.ts";
import { openCases } from "../../examples/train_data.ts";
import { checkSettings, methodIn, sortSettings } from "../../examples/train_settings.ts";
import { checkTraining, resolveConfig } from "../../model/mod.ts";
import { withDataset } from "../data/make_dataset.ts";

const folder = new URL("../../examples/reproduce/", import.meta.url);
const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".json"))
  .sort();

/** No case is in two parts of a split. */
async function checkSplit(file: string): Promise<void> {
  const parts = Object.values(JSON.parse(await Deno.readTextFile(file))) as string[][];
  assert.equal(new Set(parts.flat()).size, parts.flat().length);
  assert.ok(parts.length === 4 && parts.every(({ length }) => length > 0));
}

Deno.test("every sweep of examples/reproduce is one that train takes, cell by cell", async (t) => {
  assert.ok(files.length > 0);
  await withDataset(24, async (data) => {
    for (const file of files) {
      await t.step(file, async () => {
        const text = await Deno.readTextFile(new URL(file, folder));
        const set = JSON.parse(text).settings.data === undefined ? [] : [`data=${data}`];
        const { cells } = await openSweep(fileURLToPath(new URL(file, folder)), { set });
        const shown = cells.filter(({ seed }) => seed === 0);
        assert.ok(shown.length > 0);
        for (const { settings: { split: given, ...settings } } of shown) {
          if (given !== undefined) await checkSplit(given as string); // of other data than the test's
          const known = checkSettings(settings, file), method = await methodIn(known);
          const sorted = { ...sortSettings(known, method), method, aboutSplit: [] };
          const { dataset, split } = await openCases(sorted, undefined, () => {});
          // A patch fits levels that the plan chooses for it.
          const { patch: _patch, levels: _levels, ...training } = sorted.training;
          checkTraining(method, resolveConfig(training, method), dataset, split);
        }
      });
    }
  });
});

Deno.test("--set goes over what the methods of a file say, and refuses what its grid says", async () => {
  const open = (file: string, ...set: string[]) => openSweep(fileURLToPath(new URL(file, folder)), { set });
  const { cells } = await open("vit_and_unet.json", "steps=20");
  assert.deepEqual(new Set(cells.map(({ settings }) => settings.steps)), new Set([20]));
  await assert.rejects(open("heart_misalignment_shift.json", "misalignMm=3"), {
    name: "UsageError",
    message: /--set misalignMm=3: the grid of the file gives misalignMm values of its own/,
  });
});

Deno.test("the page of examples/reproduce names every sweep and its number of trainings", async () => {
  const page = await Deno.readTextFile(new URL("README.md", folder));
  for (const file of files) {
    const { cells } = await openSweep(fileURLToPath(new URL(file, folder)), { set: [] });
    const line = page.split("\n").find((text) => text.includes(`(${file})`));
    const steps = cells[0]!.settings.steps;
    assert.match(
      line ?? "",
      new RegExp(`\\b${cells.length} × (\\d+ / )?${steps}\\b|\\b${cells.length} × ${steps} /`),
      file,
    );
  }
});
