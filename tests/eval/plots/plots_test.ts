import assert from "node:assert/strict";
import {
  blandAltman,
  channelMap,
  classBoxPlot,
  confusionPlot,
  labelRatioPlot,
  learningCurves,
  type LogRow,
  modalityBars,
  pairedDifference,
  rankPlot,
  robustnessCurves,
} from "../../../eval/mod.ts";
import { makeRobustnessRecords, makeRunRecords } from "../make_runs.ts";
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

Deno.test("rankPlot() keeps its drawing, and refuses records in which nothing can be ranked", () => {
  assertSnapshot("ranks.svg", withoutWarnings(() => rankPlot(makeRunRecords())));
  const alone = makeRunRecords().filter((r) => r.method === "cmc");
  assert.throws(() => rankPlot(alone), { code: "eval.plot" });
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
  assert.throws(() => labelRatioPlot([]), { code: "eval.plot" });
  assert.throws(() => robustnessCurves([]), { code: "eval.plot" });
  assert.throws(() => modalityBars([]), { code: "eval.plot" });
  assert.throws(() => blandAltman([]), { code: "eval.plot" });
  assert.throws(() => pairedDifference([], { method: "a", baseline: "b" }), { code: "eval.plot" });
  assert.throws(() => channelMap([[1, 2]]), { code: "eval.plot" });
});

Deno.test("plots over runs keep their drawings", () => {
  const runs = makeRunRecords();
  assertSnapshot("label_ratio.svg", withoutWarnings(() => labelRatioPlot(runs)));
  assertSnapshot("robustness.svg", withoutWarnings(() => robustnessCurves(makeRobustnessRecords())));
  assertSnapshot(
    "paired_difference.svg",
    withoutWarnings(() =>
      pairedDifference(runs.filter((r) => r.label_ratio === 0.1), { method: "cmc", baseline: "supervised" })
    ),
  );
});

Deno.test("plots over cases keep their drawings", () => {
  const records = makeRecords();
  assertSnapshot("bland_altman.svg", withoutWarnings(() => blandAltman(records)));
  const inputs = ["ct+mr", "ct only", "mr only"].flatMap((inputs, i) =>
    records.map((r) => ({
      ...r,
      inputs,
      strategy: i === 0 ? "" : "mean",
      dice: r.dice === null ? null : r.dice * (1 - 0.1 * i),
    }))
  );
  assertSnapshot("modality_bars.svg", withoutWarnings(() => modalityBars(inputs)));
  const names = ["background", "liver", "spleen"];
  const counts = [[9000, 40, 60], [100, 800, 20], [0, 0, 0]];
  assertSnapshot("confusion.svg", withoutWarnings(() => confusionPlot({ names, counts })));
  const map = Array.from(
    { length: 8 },
    (_, r) => Array.from({ length: 8 }, (_, c) => 1 / (1 + Math.abs(r - c))),
  );
  assertSnapshot("channel_map.svg", withoutWarnings(() => channelMap(map)));
});

Deno.test("every stored drawing has a title, a background and no long numbers", () => {
  const folder = new URL("../../snapshots/eval/", import.meta.url);
  const drawings = [...Deno.readDirSync(folder)].filter((entry) => entry.name.endsWith(".svg"));
  assert.ok(drawings.length >= 11);
  for (const { name } of drawings) {
    const svg = Deno.readTextFileSync(new URL(name, folder));
    assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"[^>]*><title>[^<]+<\/title>/, name);
    assert.match(svg, /<rect [^>]*fill="#fff"/, name);
    assert.doesNotMatch(svg, /="[^"]*\d\.\d{4}[^"]*"|NaN|undefined|Infinity/, name);
  }
});
