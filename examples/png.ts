/**
 * Draws the plots of a run as PNG, beside the SVG files.
 *
 * ```sh
 * deno run --allow-read --allow-write examples/png.ts runs/cmc-seed0/plots/dice.svg
 * ```
 *
 * @module
 */

import { diskFiles, readBytes } from "../data/files.ts";
import { missingGlyphs, svgToPng } from "../eval/png/svg_to_png.ts";
import { type Command, main, number, type Result, UsageError } from "./command.ts";
import { prepareOutputs } from "./outputs.ts";

/** What `deno task png` does. */
export const command: Command = {
  name: "png",
  summary: "Draws SVG plots as PNG, beside the SVG files.",
  positional: "FILE.svg…",
  options: { scale: { value: "N", help: "pixels for each unit of the drawing (2)" } },
  examples: [
    "runs/cmc-seed0/plots/dice.svg",
    "runs/cmc-seed0/plots/dice.svg --scale 4",
  ],
  async run(values, files): Promise<Result> {
    const odd = files.find((file) => !file.endsWith(".svg"));
    if (files.length === 0 || odd !== undefined) {
      throw new UsageError(odd === undefined ? "no file is named" : `${odd}: expected a name in .svg`);
    }
    const scale = number(values, "scale") ?? 2;
    if (!(scale > 0)) throw new UsageError(`--scale ${scale}: expected a number above 0`);
    const written = files.map((file) => file.replace(/svg$/, "png"));
    await prepareOutputs(written, files);
    for (const [i, file] of files.entries()) {
      const svg = new TextDecoder().decode(await readBytes(diskFiles, file));
      const missing = await missingGlyphs(svg);
      if (missing.length > 0) {
        console.error(
          `warning[png.font]: ${file}: the font of pictures lacks ${
            missing.join(" ")
          }; they are drawn as boxes. ` +
            "The SVG shows them where the viewer has a font.",
        );
      }
      await Deno.writeFile(written[i]!, await svgToPng(svg, { scale }));
    }
    return { text: written.join("\n"), json: { written } };
  },
};

if (import.meta.main) await main(command);
