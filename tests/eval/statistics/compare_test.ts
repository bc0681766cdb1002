import assert from "node:assert/strict";
import { compareMethods, pairByCase } from "../../../eval/statistics/compare.ts";
import type { RunRecord } from "../../../eval/statistics/run_record.ts";
import { makeRunRecords } from "../make_runs.ts";

const base = makeRunRecords(1)[0]!;
const record = (over: Partial<RunRecord>): RunRecord => ({ ...base, ...over });

Deno.test("compareMethods() pairs by case, averages over seeds first and gives each seed's difference", () => {
  const records = [0, 1, 2, 3, 4, 5].flatMap((c) =>
    [0, 1].flatMap((seed) => [
      record({ method: "cmc", case: `c${c}`, seed, dice: 0.8 + 0.01 * c + 0.02 * seed }),
      record({ method: "supervised", case: `c${c}`, seed, dice: 0.7 }),
    ])
  );
  const [all] = compareMethods(records, { baseline: "supervised" });
  assert.equal(all!.n, 6);
  assert.equal(all!.better, 6);
  assert.ok(Math.abs(all!.mean_difference! - (0.1 + 0.025 + 0.01)) < 1e-12);
  assert.equal(all!.p_wilcoxon, 2 / 2 ** 6);
  assert.equal(all!.p_permutation, 2 / 2 ** 6);
  assert.equal(all!.effect, 1);
  assert.deepEqual(all!.seeds.map((s) => [s.seed, Math.round(s.difference * 1000)]), [[0, 125], [1, 145]]);
});

Deno.test("compareMethods() corrects over everything it returns and counts unpaired cases", () => {
  const results = compareMethods(makeRunRecords(), { baseline: "supervised" });
  assert.equal(results.length, 2 * (1 + 2 * 2)); // ratios × (all + modality × class)
  const tested = results.filter((r) => r.p_wilcoxon !== null);
  const smallest = Math.min(...tested.map((r) => r.p_wilcoxon!));
  const first = tested.find((r) => r.p_wilcoxon === smallest)!;
  assert.ok(Math.abs(first.p_holm! - Math.min(1, smallest * tested.length)) < 1e-12);
  const lacking = compareMethods([
    record({ method: "cmc" }),
    record({ method: "cmc", case: "b" }),
    record({}),
  ], {
    baseline: "supervised",
  })[0]!;
  assert.deepEqual([lacking.n, lacking.unpaired, lacking.p_wilcoxon], [1, 1, null]);
});

Deno.test("compareMethods() knows that a smaller distance is better", () => {
  const [all] = compareMethods(makeRunRecords(), { baseline: "supervised", metric: "assd_mm" });
  assert.ok(all!.mean_difference! < 0);
  assert.ok(all!.better > all!.n / 2);
});

Deno.test("pairByCase() compares only the structures both sides define", () => {
  const a = [record({ class_name: "x", dice: 0.5 }), record({ class_name: "y", dice: 0.9 })];
  const b = [record({ class_name: "x", dice: 0.4 }), record({ class_name: "y", dice: null })];
  assert.deepEqual(pairByCase(a, b, "dice"), [{ case: base.case, a: 0.5, b: 0.4 }]);
});
