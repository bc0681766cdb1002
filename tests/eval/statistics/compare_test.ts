import assert from "node:assert/strict";
import { compareMethods, pairByCase } from "../../../eval/statistics/compare.ts";
import type { RunRecord } from "../../../eval/statistics/run_record.ts";
import {
  bootstrapInterval,
  classBoxPlot,
  comparisonList,
  comparisonTable,
  comparisonTableModel,
  labelRatioPlot,
  pairedDifference,
  pairedPermutation,
} from "../../../eval/mod.ts";
import { Random } from "../../../tensor/random.ts";
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
  const [all] = compareMethods(makeRunRecords(), { baseline: "supervised", metrics: ["assd_mm"] });
  assert.ok(all!.mean_difference! < 0);
  assert.ok(all!.better > all!.n / 2);
});

Deno.test("a method that ran with several settings is the baseline of each row with the same settings", () => {
  const rows: [string, number][] = [
    ["cmc, mm 0", 0.8],
    ["cmc, mm 4", 0.6],
    ["cps, mm 0", 0.7],
    ["cps, with more, mm 4", 0.9],
    ["cps, mm 8", 0.5],
  ];
  const records = rows.flatMap(([method, dice]) =>
    [..."abcdef"].map((id) => record({ method, dice, case: id, class_name: "x" }))
  );
  const differences = (baseline: string) =>
    compareMethods(records, { baseline }).filter((c) => c.structure === null)
      .map((c) => [c.method, c.baseline, Number(c.mean_difference!.toFixed(6))]);
  assert.deepEqual(differences("cmc"), [
    ["cps, mm 0", "cmc, mm 0", -0.1],
    ["cps, with more, mm 4", "cmc, mm 4", 0.3], // nothing has 8 mm to compare cps with
  ]);
  assert.deepEqual(
    differences("cmc, mm 4").map(([method]) => method),
    rows.map(([method]) => method).filter((method) => method !== "cmc, mm 4"),
  );
  const caption = (baseline: string) => comparisonTableModel(records, { baseline }).caption;
  assert.match(caption("cmc"), /against cmc at the same settings on/);
  assert.match(caption("cmc, mm 4"), /against cmc, mm 4 on/);
});

Deno.test("pairByCase() compares only the structures both sides define", () => {
  const a = [record({ class_name: "x", dice: 0.5 }), record({ class_name: "y", dice: 0.9 })];
  const b = [record({ class_name: "x", dice: 0.4 }), record({ class_name: "y", dice: null })];
  assert.deepEqual(pairByCase(a, b, "dice"), [{ case: base.case, a: 0.5, b: 0.4 }]);
});

Deno.test("no number depends on the order of records", () => {
  const random = new Random(3);
  const shuffle = <T>(list: readonly T[]): T[] =>
    list.map((value) => ({ value, place: random.uniform() })).sort((a, b) => a.place - b.place).map((x) =>
      x.value
    );
  const records = makeRunRecords(24).filter((r) => r.label_ratio === 0.1 && r.seed === 0);
  const options = { baseline: "supervised", metrics: ["dice", "assd_mm"] } as const;
  const sorted = (list: readonly RunRecord[]) =>
    compareMethods(list, options).map((c) => JSON.stringify({ ...c, seeds: [] })).sort();
  const want = sorted(records);
  for (let trial = 0; trial < 3; trial++) assert.deepEqual(sorted(shuffle(records)), want);
  const values = Array.from({ length: 40 }, () => random.normal());
  const shuffled = shuffle(values);
  assert.notDeepEqual(shuffled, values);
  assert.deepEqual(bootstrapInterval(shuffled), bootstrapInterval(values));
  assert.equal(pairedPermutation(shuffled).p, pairedPermutation(values).p);
});

Deno.test("Holm's correction is over all comparisons of a table, and its captions say over how many", () => {
  const records = makeRunRecords(), metrics = ["dice", "assd_mm"] as const;
  const comparisons = compareMethods(records, { baseline: "supervised", metrics });
  const tested = comparisons.filter((c) => c.p_wilcoxon !== null);
  assert.ok(comparisons.every((c) => c.tests === tested.length));
  assert.equal(tested.length, 2 * 2 * (1 + 2 * 2)); // metrics × ratios × (all + modality × class)
  const smallest = tested.toSorted((a, b) => a.p_wilcoxon! - b.p_wilcoxon!)[0]!;
  assert.ok(Math.abs(smallest.p_holm! - Math.min(1, tested.length * smallest.p_wilcoxon!)) < 1e-15);
  const said = new RegExp(`over (all|the) ${tested.length} comparisons`);
  assert.match(comparisonTable(records, { baseline: "supervised", metrics }), said);
  assert.match(comparisonList(comparisons), said);
});

Deno.test("a modality or class named all is one of them, and names of object fields are names", () => {
  const rename = (r: RunRecord): RunRecord => ({
    ...r,
    modality: r.modality === "ct" ? "all" : "__proto__",
    class_name: r.class_name === "liver" ? "all" : "constructor",
    method: r.method === "cmc" ? "toString" : "hasOwnProperty",
  });
  const records = makeRunRecords(), renamed = records.map(rename);
  const numbers = (list: readonly RunRecord[], baseline: string) =>
    compareMethods(list, { baseline }).map(({ n, mean_difference, p_holm }) => [n, mean_difference, p_holm]);
  assert.deepEqual(numbers(renamed, "hasOwnProperty"), numbers(records, "supervised"));
  const costs = new Map([["supervised", {
    parameters: 1,
    multiply_adds: 1,
    peak_bytes: 1,
    train_seconds: 1,
    inference_ms: 1,
  }]]);
  const model = comparisonTableModel(renamed, { baseline: "hasOwnProperty", costs });
  const plain = comparisonTableModel(records, { baseline: "supervised", costs: new Map() });
  assert.deepEqual(model.rows.map((row) => row.cells), plain.rows.map((row) => row.cells));
  for (
    const svg of [
      classBoxPlot(renamed),
      labelRatioPlot(renamed),
      pairedDifference(renamed, { method: "toString", baseline: "hasOwnProperty" }),
    ]
  ) {
    assert.doesNotMatch(svg, /NaN|undefined|native code/);
  }
});
