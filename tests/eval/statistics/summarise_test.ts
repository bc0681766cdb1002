import assert from "node:assert/strict";
import { type CaseRecord, summarise } from "../../../eval/mod.ts";
import { makeRecords } from "../make_records.ts";

const base = makeRecords(1)[0]!;
const record = (over: Partial<CaseRecord>): CaseRecord => ({ ...base, ...over });

Deno.test("summarise() gives mean, sd, median and n by group, and the mean of the groups", () => {
  const summary = summarise([
    record({ case: "a", class_name: "x", dice: 0.5 }),
    record({ case: "b", class_name: "x", dice: 0.7 }),
    record({ case: "c", class_name: "x", dice: 0.9 }),
    record({ case: "a", class_name: "y", dice: 0.1 }),
  ]);
  const [x, y] = summary.groups;
  assert.deepEqual(x!.group, { modality: "ct", class: 1, class_name: "x" });
  assert.ok(Math.abs(x!.metrics.dice.mean! - 0.7) < 1e-12);
  assert.ok(Math.abs(x!.metrics.dice.sd! - 0.2) < 1e-12);
  assert.equal(x!.metrics.dice.median, 0.7);
  assert.equal(x!.metrics.dice.n, 3);
  assert.equal(y!.metrics.dice.sd, null);
  assert.ok(Math.abs(summary.mean.dice! - 0.4) < 1e-12);
});

Deno.test("summarise() leaves absent classes out of the mean, counts them, and keeps misses in view", () => {
  const summary = summarise([
    record({ case: "a", dice: 0.8, assd_mm: 1, status: "found" }),
    record({ case: "b", dice: 0, assd_mm: 100, status: "missed" }),
    record({ case: "c", dice: null, assd_mm: null, status: "absent" }),
    record({ case: "a", class_name: "never", dice: null, assd_mm: null, status: "absent" }),
  ]);
  const [seen, never] = summary.groups;
  assert.deepEqual([seen!.cases, seen!.absent, seen!.missed, seen!.metrics.dice.n], [3, 1, 1, 2]);
  assert.equal(seen!.metrics.assd_mm.mean, 50.5);
  assert.deepEqual([seen!.metrics.assd_mm.mean_found, seen!.metrics.assd_mm.n_found], [1, 1]);
  assert.equal(never!.metrics.dice.mean, null);
  assert.deepEqual([summary.mean.dice, summary.groups_in_mean.dice], [0.4, 1]);
});

Deno.test("summarise() refuses to summarise nothing", () => {
  assert.throws(() => summarise([]), { code: "eval.records" });
});
