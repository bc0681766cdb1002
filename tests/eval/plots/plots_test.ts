import assert from "node:assert/strict";
import { classBoxPlot, learningCurves, type LogRow } from "../../../eval/mod.ts";
import { makeRecords } from "../make_records.ts";
import { assertSnapshot, withoutWarnings } from "../snapshot.ts";

const log = (seed: number): LogRow[] =>
  Array.from({ length: 40 }, (_, i) => ({
    step: i + 1,
    lr: 1e-3,
    supervised: Math.exp(-i / 15) + 0.05 * Math.sin(i + seed),
    ...(i >= 15 ? { cac: 0.5 * Math.exp(-i / 30) } : {}),
    ...(i % 10 === 9 ? { val_dice: 1 - Math.exp(-(i + seed) / 20) } : {}),
  }));

Deno.test("learningCurves() keeps its drawing, for one run and as bands over seeds", () => {
  assertSnapshot("learning_curves.svg", withoutWarnings(() => learningCurves(log(0))));
  assertSnapshot(
    "learning_curves_seeds.svg",
    withoutWarnings(() => learningCurves([log(0), log(1), log(2)])),
  );
});

Deno.test("classBoxPlot() keeps its drawing", () => {
  assertSnapshot("class_box_plot.svg", withoutWarnings(() => classBoxPlot(makeRecords())));
  assertSnapshot(
    "class_box_plot_assd.svg",
    withoutWarnings(() => classBoxPlot(makeRecords(), { metric: "assd_mm" })),
  );
});

Deno.test("plots refuse to draw nothing", () => {
  assert.throws(() => learningCurves([]), { code: "eval.plot" });
  assert.throws(() => learningCurves([{ step: 1 }]), { code: "eval.plot" });
  assert.throws(() => classBoxPlot([]), { code: "eval.plot" });
});
