import assert from "node:assert/strict";
import { comparisonTable, comparisonTableModel } from "../../../eval/tables/comparison_table.ts";
import { robustnessPoints, robustnessTable, slopePerLevel } from "../../../eval/tables/robustness.ts";
import { comparisonList } from "../../../eval/tables/comparison_list.ts";
import { compareMethods } from "../../../eval/statistics/compare.ts";
import type { TableFormat } from "../../../eval/tables/table_model.ts";
import { makeRobustnessRecords, makeRunRecords } from "../make_runs.ts";
import { assertSnapshot } from "../snapshot.ts";

const costs = new Map(Object.entries({
  cmc: { parameters: 1.03e6, multiply_adds: 2.5e9, peak_bytes: 3e8, train_seconds: 378, inference_ms: 96.4 },
  supervised: {
    parameters: 1.03e6,
    multiply_adds: 2.5e9,
    peak_bytes: 2e8,
    train_seconds: 172,
    inference_ms: null,
  },
}));
const endings: Record<TableFormat, string> = {
  markdown: "md",
  csv: "csv",
  json: "json",
  latex: "tex",
  html: "html",
};
const formats = Object.entries(endings) as [TableFormat, string][];

Deno.test("comparisonTable() keeps its text in every format, with marks, best and costs", () => {
  const records = makeRunRecords();
  for (const [format, ending] of formats) {
    assertSnapshot(
      `comparison.${ending}`,
      comparisonTable(records, { baseline: "supervised", costs, format }),
    );
  }
});

Deno.test("comparisonTableModel() averages seeds within a case first and puts the seeds in the last column", () => {
  const records = makeRunRecords().filter((r) => r.label_ratio === 0.1 && r.method === "cmc");
  const model = comparisonTableModel(records, { metrics: ["dice"] });
  const [row] = model.rows, last = row!.cells.at(-1)!;
  assert.equal(last.n, 3);
  const liver = records.filter((r) => r.modality === "ct" && r.class_name === "liver");
  assert.equal(row!.cells[0]!.n, 8);
  assert.ok(Math.abs(row!.cells[0]!.mean! - liver.reduce((s, r) => s + r.dice!, 0) / liver.length) < 1e-12);
  assert.ok(row!.cells.every((cell) => !cell.best && cell.mark === ""), "one row has neither best nor marks");
});

Deno.test("a row without one of the modalities has an average, but no rank and no mark in it", () => {
  const records = makeRunRecords(14).filter((r) => r.label_ratio === 0.1);
  // Worse wherever it can be compared, yet its average is that of the easier modality alone.
  const alone = records.filter((r) => r.method === "cmc" && r.modality === "mr")
    .map((r) => ({ ...r, method: "mr alone", dice: r.dice === null ? null : r.dice - 0.001 }));
  const model = comparisonTableModel([...records, ...alone], { metrics: ["dice"], baseline: "supervised" });
  const last = new Map(model.rows.map(({ heads, cells }) => [heads[1], cells.at(-1)!]));
  assert.ok(last.get("mr alone")!.mean! > last.get("cmc")!.mean!);
  assert.deepEqual(["supervised", "cmc", "mr alone"].map((name) => last.get(name)!.best), [
    false,
    true,
    false,
  ]);
  assert.deepEqual([last.get("mr alone")!.mark, last.get("cmc")!.mark === ""], ["", false]);
  assert.match(model.caption, /over the classes that the row has/);
  assert.ok(model.rows[2]!.cells[2]!.second, "the columns that it has are ranked");
});

Deno.test("comparisonTableModel() marks nothing below six cases", () => {
  const model = comparisonTableModel(makeRunRecords(4), { baseline: "supervised" });
  assert.ok(model.rows.every((row) => row.cells.every((cell) => cell.mark === "")));
});

Deno.test("comparisonList() shows what was not significant, and a dash where no test was possible", () => {
  const few = comparisonList(compareMethods(makeRunRecords(4), { baseline: "supervised" }));
  assert.match(few, /\| cmc − supervised \| 10 % +\| all .*\| – +\| – +\| – +\|/);
  assertSnapshot(
    "comparisons.md",
    comparisonList(compareMethods(makeRunRecords(), { baseline: "supervised" })),
  );
});

Deno.test("robustnessTable() keeps its text; slopes are least squares", () => {
  const records = makeRobustnessRecords();
  assertSnapshot("robustness.md", robustnessTable(records));
  const mr = robustnessPoints(records, "dice")
    .filter((p) => p.method === "cmc" && p.perturbation === "translation" && p.modality === "mr");
  assert.deepEqual(mr.map((p) => p.level), [0, 2, 4, 8]);
  assert.ok(Math.abs(slopePerLevel(mr) + 0.02) < 1e-9);
  assert.throws(() => slopePerLevel(mr.slice(0, 1)), { code: "eval.robustness" });
});
