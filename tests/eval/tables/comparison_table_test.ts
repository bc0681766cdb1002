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
