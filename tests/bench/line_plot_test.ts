import assert from "node:assert/strict";
import { linePlot, roundTicks } from "./line_plot.ts";
import { memoryFit, scalingPlots } from "./scaling_plots.ts";

Deno.test("roundTicks() gives 1, 2 and 5 times powers of ten inside the range", () => {
  assert.deepEqual(roundTicks([0.9, 60]), [1, 2, 5, 10, 20, 50]);
});

Deno.test("linePlot() names measured places that do not print on top of each other", () => {
  const svg = linePlot({
    title: "t",
    x: { label: "x", isLogarithmic: false },
    y: { label: "y", isLogarithmic: true },
    series: [{ label: "s", points: [[1, 10], [2, 20], [100, 1000]] }],
  });
  assert.match(svg, /<title>t<\/title>/);
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]);
  assert.ok(texts.includes("100") && texts.includes("2") && !texts.includes("1"), texts.join());
  assert.doesNotMatch(svg, /NaN/);
});

Deno.test("scaling plots fit memory against voxels and show threads only where several were measured", () => {
  const patch = [16, 32].map((x) => ({ x, ms: x ** 3, peakBytes: 2 ** 20 * (1 + 2 * x ** 3 / 1000) }));
  const scaling = { patch, channels: patch, threads: { step: [{ x: 1, ms: 2, peakBytes: 1 }] } };
  const { slope, intercept } = memoryFit(scaling);
  assert.ok(Math.abs(slope - 1e-3) < 1e-9 && Math.abs(intercept - 1) < 1e-9);
  assert.deepEqual(Object.keys(scalingPlots(scaling, "cpu")), ["patch", "channels", "memory"]);
});
