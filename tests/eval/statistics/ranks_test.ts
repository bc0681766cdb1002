import assert from "node:assert/strict";
import { type Metric, rankMethods, rankWithinRatios, type RunRecord } from "../../../eval/mod.ts";

const record = (
  method: string,
  id: string,
  value: number | null,
  more: Partial<RunRecord> = {},
): RunRecord => ({
  ...{
    run: method,
    method,
    label_ratio: 0.1,
    seed: 0,
    case: id,
    modality: "ct",
    class: 1,
    class_name: "liver",
  },
  ...{ status: "found", dice: value, assd_mm: value },
  ...more,
} as RunRecord);

const ranks = (records: readonly RunRecord[], metric: Metric = "dice") =>
  Object.fromEntries(rankMethods(records, metric).map((of) => [of.method, of.ranks]));

Deno.test("methods are ranked in each case, the best first; equal ones share their places", () => {
  const records = [
    ...[record("a", "x", 0.9), record("b", "x", 0.8), record("c", "x", 0.8)],
    ...[record("c", "y", 0.3), record("b", "y", 0.2), record("a", "y", 0.1)],
  ];
  assert.deepEqual(ranks(records), { a: [1, 3], b: [2.5, 2], c: [2.5, 1] });
  assert.deepEqual(ranks(records, "assd_mm"), { a: [3, 1], b: [1.5, 2], c: [1.5, 3] });
});

Deno.test("a case is averaged over seeds and over the structures that all methods have there", () => {
  const mr = { modality: "mr" };
  const records = [
    ...[record("a", "x", 0.2), record("a", "x", 0.8, { seed: 1 }), record("b", "x", 0.6)],
    ...[record("a", "y", 0.5), record("b", "y", 0.4), record("b", "y", 0.9, mr)], // a has no mr
    ...[record("a", "z", null), record("b", "z", 0.4)],
  ];
  assert.deepEqual(ranks(records), { a: [2, 1], b: [1, 2] });
});

Deno.test("only label ratios with two methods that share a case are ranked", () => {
  const records = [
    ...[record("a", "x", 0.5), record("b", "x", 0.4)],
    ...[record("a", "x", 0.5, { label_ratio: 0.05 }), record("b", "y", 0.4, { label_ratio: 0.05 })],
    record("a", "x", 0.5, { label_ratio: 0.2 }),
  ];
  assert.deepEqual(rankWithinRatios(records, "dice").map((of) => of.label_ratio), [0.1]);
});
