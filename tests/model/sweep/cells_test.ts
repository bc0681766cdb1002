import assert from "node:assert/strict";
import { variedIn } from "../../../model/sweep/cells.ts";
import { cellsOf, parseSweep } from "../../../model/sweep/mod.ts";

const of = (value: unknown) => cellsOf(parseSweep(value), "/sweeps");

Deno.test("a sweep has a cell for every combination, with names that last and all of its settings", () => {
  const cells = of({
    settings: { data: "scans", steps: 5, settings: { rampUp: 1 } },
    methods: ["supervised", { name: "cmc without CSC", method: "cmc", settings: { cscWeight: 0 } }],
    labelRatios: [0.1, "5%"],
    seeds: [0, 1],
    folds: 2,
    grid: { batch: [1, 2] },
  });
  assert.equal(cells.length, 2 * 2 * 2 * 2 * 2);
  assert.deepEqual(cells.slice(0, 3).map(({ name }) => name), [
    "supervised-batch-1-10pct-fold1-seed0",
    "supervised-batch-1-10pct-fold1-seed1",
    "supervised-batch-1-10pct-fold2-seed0",
  ]);
  assert.deepEqual(cells.at(-1), {
    name: "cmc-without-CSC-batch-2-5pct-fold2-seed1",
    row: "cmc without CSC, batch 2",
    labels: "5 %",
    fold: "2/2",
    seed: 1,
    settings: {
      ...{ data: "/sweeps/scans", steps: 5, settings: { rampUp: 1, cscWeight: 0 }, method: "cmc", batch: 2 },
      ...{ labelRatio: "5%", fold: "2/2", seed: 1 },
    },
  });
});

Deno.test("a grid reaches the settings of a method; counts of labels and modules are named", () => {
  const sweep = { methods: ["./mine.ts"], labelled: [4], grid: { "settings.weight": [0.5] } };
  const [cell] = of(sweep);
  assert.deepEqual(variedIn(parseSweep(sweep), cell!), { weight: 0.5, labelled: 4 });
  assert.deepEqual([cell!.name, cell!.row], [
    "mine.ts-weight-0.5-labelled4-seed0",
    "./mine.ts, weight 0.5",
  ]);
  assert.deepEqual(cell!.settings, {
    ...{ methodModule: "/sweeps/mine.ts", settings: { weight: 0.5 }, labelled: 4, seed: 0 },
  });
});

Deno.test("what describes no sweep is refused with its place", () => {
  const rows: [unknown, string, RegExp][] = [
    [{}, "sweep.file", /methods/],
    [{ methods: [] }, "sweep.file", /methods/],
    [{ methods: ["cmc"], sedes: [1] }, "sweep.file", /sedes/],
    [{ methods: ["cmc"], seeds: [-1] }, "sweep.file", /seeds\.0/],
    [{ methods: ["cmc"], folds: 1 }, "sweep.file", /folds/],
    [{ methods: [{ name: "x" }] }, "sweep.file", /methods\.0/],
    [{ methods: ["cmc"], labelled: [1], labelRatios: [0.1] }, "sweep.file", /alternatives/],
    [{ methods: ["cmc"], settings: { split: "s.json" }, folds: 2 }, "sweep.file", /split/],
    [{ methods: ["cmc"], slurm: { time: "an hour" } }, "sweep.file", /slurm\.time/],
    [{ methods: ["cmc", "cmc"] }, "sweep.cells", /two cells would be named cmc-seed0/],
    [{ methods: ["cmc"], seeds: [1, 1] }, "sweep.cells", /two cells/],
    [{ methods: ["cmc"], labelRatios: [0.1, "10%"] }, "sweep.cells", /two cells/],
    [{ methods: ["cmc"], grid: { seed: [1, 2] } }, "sweep.cells", /seed is set beside "seeds"/],
    [{ methods: ["cmc"], settings: { seed: 5 } }, "sweep.cells", /beside "seeds"/],
    [
      { methods: [{ method: "cmc", labelRatio: 0.5 }], labelRatios: [0.1] },
      "sweep.cells",
      /beside "labelRatios"/,
    ],
    [
      { methods: ["cmc"], grid: { labelled: [1] }, labelRatios: [0.1] },
      "sweep.cells",
      /beside "labelRatios"/,
    ],
    [{ methods: ["cmc"], settings: { method: "supervised" } }, "sweep.cells", /beside "methods"/],
    [{ methods: ["cmc"], baseline: "supervised" }, "sweep.cells", /is no row/],
    [{ methods: ["cmc"], labelRatios: [2] }, "split.ratio", /label ratio is 2/],
  ];
  for (const [value, code, message] of rows) {
    assert.throws(() => of(value), { code, message }, JSON.stringify(value));
  }
});

Deno.test("the sweep in the README is one", async () => {
  const text = await Deno.readTextFile(new URL("../../../README.md", import.meta.url));
  const [, file] = /## Many trainings\s+```json\n([^`]+)```/.exec(text)!;
  assert.equal(of(JSON.parse(file!)).length, 3 * 2 * 3 * 5 * 2);
});
