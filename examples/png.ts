/**
 * Draws the plots of runs as PNG, beside the SVG files.
 *
 * ```sh
 * deno run --allow-read --allow-write examples/png.ts runs/cmc-seed0
 * ```
 *
 * @module
 */

import { diskFiles, readBytes } from "../data/files.ts";
import { missingGlyphs, svgToPng } from "../eval/png/svg_to_png.ts";
import { type Command, main, number, type Result, UsageError } from "./command.ts";
import { prepareOutputs } from "./outputs.ts";

/** The drawings that are named, those of a folder or of its `plots/` in the order of their names. */
async function drawingsOf(path: string): Promise<string[]> {
  if (path.endsWith(".svg")) return [path];
  for (const folder of [`${path}/plots`, path]) {
    const entries = await Array.fromAsync(Deno.readDir(folder)).catch((error) => {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
      throw error;
    });
    const names = entries.map(({ name }) => name).filter((name) => name.endsWith(".svg")).toSorted();
    if (names.length > 0) return names.map((name) => `${folder}/${name}`);
  }
  throw new UsageError(`${path}: expected a name in .svg, or a folder that has such files`);
}

/** What `deno task png` does. */
export const command: Command = {
  name: "png",
  summary: "Draws SVG plots as PNG, beside the SVG files: those that are named, or all of a run's.",
  positional: "RUN|FILE.svg…",
  options: { scale: { value: "N", help: "pixels for each unit of the drawing (2)" } },
  examples: [
    "runs/cmc-seed0",
    "runs/cmc-seed0/plots/dice.svg --scale 4",
  ],
  async run(values, named): Promise<Result> {
    if (named.length === 0) throw new UsageError("no run or file is named");
    const files = (await Promise.all(named.map(drawingsOf))).flat();
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
