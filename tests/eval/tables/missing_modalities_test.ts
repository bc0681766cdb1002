import assert from "node:assert/strict";
import { asTrained, type InputRecord } from "../../../eval/plots/modality_bars.ts";
import { missingModalitiesTableModel, type MissingRecord } from "../../../eval/tables/missing_modalities.ts";
import { makeRecords } from "../make_records.ts";

/** A record for each set of modalities and strategy, with its Dice. */
const records = (rows: readonly (readonly [inputs: string, strategy: string, dice: number])[]) =>
  rows.map(([inputs, strategy, dice]): MissingRecord & InputRecord => ({
    ...makeRecords()[0]!,
    ...{
      run: "r",
      method: "cmc",
      label_ratio: 0.2,
      seed: 0,
      modality: "ct",
      status: "found",
      inputs,
      strategy,
    },
    ...{ dice, assd_mm: 1 - dice },
  }));

const made = records([
  ["ct+mr", "", 0.9],
  ["ct only", "mean", 0.5],
  ["ct only", "zero", 0.7],
]);

Deno.test("the table of missing modalities has a row a subset and a column a strategy, and marks the best", () => {
  for (const metric of ["dice", "assd_mm"] as const) {
    const { rows, columns } = missingModalitiesTableModel(made, { metric });
    assert.deepEqual(rows.map(({ heads }) => heads.slice(2)), [["ct+mr", "ct"], ["ct only", "ct"]]);
    assert.equal(columns.length, 3);
    assert.deepEqual(rows.map(({ cells }) => cells.map(({ best }) => best)), [
      [false, false, false], // no choice
      [false, false, true],
    ]);
    assert.deepEqual(rows[0]!.cells.map(({ mean, n }) => [mean === null, n]), [[false, 1], [true, null], [
      true,
      null,
    ]]);
  }
});

Deno.test("bars show the strategy that each run was trained with, which comes first", () => {
  assert.deepEqual(asTrained(made), made.slice(0, 2));
});
