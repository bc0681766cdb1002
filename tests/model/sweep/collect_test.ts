import assert from "node:assert/strict";
import { calibrationCsv, collectionFiles } from "../../../eval/mod.ts";
import {
  type Cell,
  cellsOf,
  collectSweep,
  parseSweep,
  type SweepFolder,
  sweepPaths,
  writeSweepFolder,
} from "../../../model/sweep/mod.ts";
import { makeRunFolders } from "../../eval/make_run_folder.ts";

/** A sweep whose finished cells have the results of made runs; `as` says which of them, if any. */
async function withSweep(
  sweep: object,
  as: (cell: Cell) => string | undefined,
  body: (folder: SweepFolder) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await makeRunFolders(`${root}/made`);
    const parsed = parseSweep(sweep), cells = cellsOf(parsed, root), folder = `${root}/sweep`;
    await writeSweepFolder({ folder, sweep: parsed, cells });
    for (const cell of cells) {
      const made = as(cell);
      if (made !== undefined) await Deno.rename(`${root}/made/${made}`, sweepPaths.run(folder, cell));
    }
    await body({ folder, sweep: parsed, cells });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Keeps the test cases from `from` on, so many. */
async function keepCases(run: string, from: number, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, i) => `case_${from + i}`);
  const [head, ...lines] = (await Deno.readTextFile(`${run}/cases.csv`)).trimEnd().split("\n");
  const kept = lines.filter((line) => ids.some((id) => line.startsWith(`${id},`)));
  await Deno.writeTextFile(`${run}/cases.csv`, `${[head, ...kept].join("\n")}\n`);
  const split = JSON.parse(await Deno.readTextFile(`${run}/split.json`));
  await Deno.writeTextFile(`${run}/split.json`, JSON.stringify({ ...split, test: ids }));
}

const options = { baseline: "base", title: "made" };

Deno.test("collecting names rows after the sweep, takes the ratio asked for, and says what is missing", () =>
  withSweep(
    {
      methods: [{ name: "base", method: "supervised" }, { name: "ours <1>", method: "cmc" }],
      ...{ labelRatios: [0.25], seeds: [0, 1, 2] },
    },
    ({ row, seed }) => seed === 2 ? undefined : `${row === "base" ? "supervised" : "cmc"}-2-s${seed}`,
    async (sweep) => {
      const { runs, missing } = await collectSweep(sweep);
      assert.deepEqual(missing.map(({ name }) => name), ["base-25pct-seed2", "ours-1-25pct-seed2"]);
      assert.deepEqual(runs.map(({ method, label_ratio, seed }) => [method, label_ratio, seed]), [
        ...[["base", 0.25, 0], ["base", 0.25, 1], ["ours <1>", 0.25, 0], ["ours <1>", 0.25, 1]],
      ]);
      const files = collectionFiles(runs, {
        ...options,
        note: "2 of 6 cells are missing.",
        date: "2026-11-28",
      });
      for (const name of ["results", "costs", "tests"]) {
        for (const ending of ["md", "csv", "tex", "html", "json"]) assert.ok(files.has(`${name}.${ending}`));
      }
      assert.match(files.get("results.md")!, /\| 25 % +\| ours \\<1\\> +\| \*\*/);
      assert.doesNotMatch(files.get("results.md")!, /training min/);
      assert.match(files.get("costs.md")!, /parameters M .*training min/);
      assert.match(files.get("tests.tex")!, /\\toprule[^]*p Holm/);
      assert.match(files.get("tests.md")!, /Holm: the Wilcoxon p corrected over the \d+ comparisons/);
      assert.ok(files.has("plots/dice_ranks.svg") && !files.has("plots/dice_by_labels.svg"));
      assert.match(files.get("report.html")!, /Made on 2026-11-28\. 2 of 6 cells are missing\./);
    },
  ));

Deno.test("runs that were judged after the last step too get a table of that", () =>
  withSweep(
    { methods: [{ name: "base", method: "supervised" }], labelRatios: [0.25], seeds: [0, 1] },
    ({ seed }) => `supervised-2-s${seed}`,
    async (sweep) => {
      const paths = sweep.cells.map((cell) => sweepPaths.run(sweep.folder, cell));
      const made = async () => collectionFiles((await collectSweep(sweep)).runs, options);
      await Deno.copyFile(`${paths[1]}/cases.csv`, `${paths[0]}/cases_last.csv`);
      assert.ok(!(await made()).has("last.md"), "one of two has none");
      await Deno.copyFile(`${paths[1]}/cases.csv`, `${paths[1]}/cases_last.csv`);
      const files = await made(), row = (name: string) => /^.*base.*$/m.exec(files.get(name)!)![0];
      assert.notEqual(row("last.md"), row("results.md"));
      assert.match(row("last.md"), /± 0\.000/, "both seeds are those of one run");
      assert.match(files.get("last.md")!, /Parameters after the last step, not those that validated best/);
    },
  ));

Deno.test("rows that have no class in common are tabulated all the same", () =>
  withSweep(
    {
      methods: [{ name: "a alone", method: "cmc" }, { name: "b alone", method: "cmc" }, "supervised"],
      ...{ labelRatios: [0.25], seeds: [0] },
    },
    ({ row }) => row === "supervised" ? "supervised-2-s0" : row === "a alone" ? "cmc-2-s0" : "cmc-2-s1",
    async (sweep) => {
      for (const [i, modality] of ["a", "b"].entries()) {
        const path = `${sweepPaths.run(sweep.folder, sweep.cells[i]!)}/cases.csv`;
        const [head, ...lines] = (await Deno.readTextFile(path)).trimEnd().split("\n");
        const kept = lines.filter((line) => line.split(",")[1] === modality);
        await Deno.writeTextFile(path, `${[head, ...kept].join("\n")}\n`);
      }
      const { runs } = await collectSweep(sweep);
      const files = collectionFiles(runs, { baseline: "a alone", title: "made" });
      assert.match(files.get("results.md")!, /a alone[^]*b alone[^]*supervised/);
      assert.match(files.get("report.html")!, /Dice of supervised minus a alone/);
      assert.doesNotMatch(files.get("report.html")!, /Dice of b alone minus a alone/);
    },
  ));

Deno.test("records of worse input go by their row's name and ratio too", () =>
  withSweep(
    {
      methods: [{ name: "a", method: "cmc" }, { name: "b", method: "cmc" }],
      labelRatios: [0.25],
      seeds: [0],
    },
    ({ row }) => row === "a" ? "cmc-2-s0" : "cmc-2-s1",
    async (sweep) => {
      for (const cell of sweep.cells) {
        const run = sweepPaths.run(sweep.folder, cell);
        const [head, ...lines] = (await Deno.readTextFile(`${run}/cases.csv`)).trimEnd().split("\n");
        const moved = [`${head},perturbation,level`, ...lines.map((line) => `${line},translation,4`)];
        await Deno.writeTextFile(`${run}/robustness.csv`, `${moved.join("\n")}\n`);
      }
      const { runs } = await collectSweep(sweep);
      for (const run of runs) {
        const names = new Set(run.robustness.map((r) => `${r.method} ${r.label_ratio}`));
        assert.deepEqual([...names], [`${run.method} 0.25`]);
      }
    },
  ));

Deno.test("the folds of one row and seed are joined: every case counts once", () =>
  withSweep(
    { methods: [{ name: "base", method: "supervised" }], labelled: [2], folds: 2, seeds: [0] },
    ({ fold }) => `supervised-2-s${fold === "1/2" ? 0 : 1}`,
    async (sweep) => {
      await keepCases(sweepPaths.run(sweep.folder, sweep.cells[0]!), 3, 4);
      await keepCases(sweepPaths.run(sweep.folder, sweep.cells[1]!), 0, 3);
      for (const [i, cell] of sweep.cells.entries()) {
        const counts = new Map([["a", { n: [10 * (i + 1)], right: [5], sure: [6] }]]);
        await Deno.writeTextFile(
          `${sweepPaths.run(sweep.folder, cell)}/calibration.csv`,
          calibrationCsv(counts),
        );
      }
      const { runs, missing } = await collectSweep(sweep);
      assert.deepEqual([runs.length, missing.length], [1, 0]);
      assert.deepEqual(runs[0]!.calibration.get("a"), { n: [30], right: [10], sure: [12] });
      const [run] = runs, cases = [...new Set(run!.records.map((r) => r.case))];
      assert.deepEqual(cases, Array.from({ length: 7 }, (_, i) => `case_${i}`));
      assert.deepEqual([run!.name, run!.label_ratio], ["base-labelled2-seed0", 0.2]);
      assert.equal(run!.costs.train_seconds, 120.5);
      assert.equal(
        [...collectionFiles(runs, options).keys()].filter((name) => name.endsWith(".tex")).length,
        2,
      );
    },
  ));

Deno.test("numbers that a sweep varies are drawn: a line a method, the other numbers in its name", () =>
  withSweep(
    {
      methods: ["supervised", "cmc"],
      labelled: [1, 2],
      seeds: [0],
      grid: { misalignMm: [0, 4], batch: [2] },
    },
    ({ row, labels, seed }) => {
      const method = row.startsWith("cmc") ? "cmc" : "supervised";
      // Made runs are few: those with one label and 4 mm stay missing.
      if (labels === "1 labelled" && row.includes("misalignMm 4")) return undefined;
      return `${method}-2-s${(labels === "1 labelled" ? 0 : row.includes("misalignMm 0") ? 1 : 2) + seed}`;
    },
    async (sweep) => {
      const { runs } = await collectSweep(sweep);
      assert.equal(runs.length, 6);
      const files = collectionFiles(runs, { baseline: runs[0]!.method, title: "made" });
      const plots = [...files.keys()].filter((name) => name.startsWith("plots/dice_by_"));
      assert.deepEqual(plots, ["plots/dice_by_misalignMm.svg", "plots/dice_by_labelled.svg"]);
      const lines = (name: string) =>
        [...files.get(name)!.matchAll(/<title>([^<:]*): 0\.\d+ \(seeds/g)].map(([, line]) => line!);
      const moved = lines(plots[0]!), labelled = lines(plots[1]!);
      assert.deepEqual([...new Set(moved)].sort(), [
        ...["cmc, batch 2, 1 labelled, 0", "cmc, batch 2, 2 labelled, 0", "cmc, batch 2, 2 labelled, 4"],
        ...["supervised, batch 2, 1 labelled, 0", "supervised, batch 2, 2 labelled, 0"],
        "supervised, batch 2, 2 labelled, 4",
      ]);
      assert.ok(labelled.includes("cmc, misalignMm 0, batch 2, 1"), labelled.join("; "));
      assert.match(files.get("report.html")!, />Dice by misalignMm</);
      assert.match(files.get("report.html")!, />labelled subjects</);
      assert.match(files.get("results.tex")!, /Labels: 20 \\%: 2 cases\. Class columns/);
    },
  ));
