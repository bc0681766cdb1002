/**
 * Draws the plots of a run as PNG, beside the SVG files.
 *
 * ```sh
 * deno run --allow-read --allow-write examples/png.ts runs/cmc-seed0/plots/dice.svg
 * ```
 *
 * @module
 */

import { svgToPng } from "../eval/png/svg_to_png.ts";
import { type Command, main, number, type Result, UsageError } from "./command.ts";

const command: Command = {
  name: "png",
  summary: "Draws SVG plots as PNG, beside the SVG files.",
  positional: "FILE.svg…",
  options: { scale: { value: "N", help: "pixels for each unit of the drawing (2)" } },
  async run(values, files): Promise<Result> {
    const odd = files.find((file) => !file.endsWith(".svg"));
    if (files.length === 0 || odd !== undefined) {
      throw new UsageError(odd === undefined ? "no file is named" : `${odd}: expected a name in .svg`);
    }
    const written: string[] = [], scale = number(values, "scale") ?? 2;
    for (const file of files) {
      const path = file.replace(/svg$/, "png");
      await Deno.writeFile(path, await svgToPng(await Deno.readTextFile(file), { scale }));
      written.push(path);
    }
    return { text: written.join("\n"), json: { written } };
  },
};

if (import.meta.main) await main(command);
