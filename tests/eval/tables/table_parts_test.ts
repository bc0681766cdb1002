import assert from "node:assert/strict";
import { tableCell, type TableModel } from "../../../eval/tables/table_model.ts";
import { tableParts } from "../../../eval/tables/table_parts.ts";

/** A table with a column for each heading `group/name`. */
function tableOf(names: readonly string[]): TableModel {
  const columns = names.map((key) => ({ key, labels: key.split("/"), digits: 0 }));
  const rows = ["a", "b"].map((head, r) => ({
    heads: [head],
    cells: names.map((_, c) => tableCell({ mean: 100 * r + c })),
  }));
  return { title: "t", label: "t", caption: "c", heads: ["row"], columns, rows };
}

const shown = (parts: readonly TableModel[]) =>
  parts.map(({ columns }) => columns.map(({ key }) => key).join(" "));

Deno.test("tableParts() keeps the columns of a heading together, and loses and repeats none", () => {
  const model = tableOf(["ct/1", "ct/2", "ct/3", "mr/1", "mr/2", "mean/1", "cost/1"]);
  const parts = tableParts(model, 4);
  assert.deepEqual(shown(parts), ["ct/1 ct/2 ct/3", "mr/1 mr/2 mean/1 cost/1"]);
  for (const [r, { heads, cells }] of model.rows.entries()) {
    assert.ok(parts.every(({ rows }) => rows[r]!.heads === heads));
    assert.deepEqual(parts.flatMap(({ rows }) => rows[r]!.cells), cells);
  }
  assert.deepEqual(shown(tableParts(model, 7)), shown([model]), "a table that fits is one part");
});

Deno.test("tableParts() divides what is wider than a part below the headings of the next level", () => {
  const names = [
    "ct/liver/x",
    "ct/liver/y",
    "ct/kidney/x",
    "ct/kidney/y",
    "ct/node/x",
    "ct/node/y",
    "mr/liver/x",
  ];
  assert.deepEqual(shown(tableParts(tableOf(names), 5)), [
    "ct/liver/x ct/liver/y ct/kidney/x ct/kidney/y",
    "ct/node/x ct/node/y mr/liver/x",
  ]);
  assert.deepEqual(shown(tableParts(tableOf(names), 1)), names, "at last every column alone");
});
