import assert from "node:assert/strict";
import { decode } from "npm:fast-png@8.0.0";
import { svgToPng } from "../../../eval/png/svg_to_png.ts";

const drawing = Deno.readTextFileSync(new URL("../../snapshots/eval/class_box_plot.svg", import.meta.url));

Deno.test("svgToPng() draws a plot with its text, twice the size, and the same bytes again", async () => {
  const png = await svgToPng(drawing), { width, height, data, channels } = decode(png);
  const [, w, h] = /viewBox="0 0 (\d+) (\d+)"/.exec(drawing)!;
  assert.deepEqual([width, height], [2 * Number(w), 2 * Number(h)]);
  let dark = 0; // the title is bold black text in the upper 50 rows
  for (let i = 0; i < 50 * width; i++) if (data[i * channels]! < 80) dark++;
  assert.ok(dark > 300, `${dark} dark pixels in the title`);
  assert.deepEqual(await svgToPng(drawing), png);
});

Deno.test("svgToPng() refuses what is no drawing", async () => {
  await assert.rejects(svgToPng("no svg"), { code: "eval.png" });
});
