import { EvalError } from "../errors.ts";
import { fontCharacters } from "./font_characters.ts";
import { fonts, initWasm, Resvg, resvgWasm } from "./deps.ts";

let ready: Promise<Uint8Array[]> | undefined;

async function bytesOf(address: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(address)).arrayBuffer());
}

/** Starts the renderer once and loads the fonts. */
async function start(): Promise<Uint8Array[]> {
  await initWasm(await bytesOf(resvgWasm));
  return await Promise.all(fonts.map(bytesOf));
}

/**
 * Draws an SVG as PNG, the same pixels on every machine: the fonts are ours, not the system's.
 *
 * @param svg text of the drawing
 * @param scale pixels for each unit of the drawing
 * @returns the file's content
 * @throws {EvalError} `eval.png` when the text is no SVG
 *
 * @example
 * ```ts
 * import { svgToPng } from "./svg_to_png.ts";
 * import assert from "node:assert/strict";
 *
 * const png = await svgToPng('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="3"/>');
 * assert.deepEqual([...png.subarray(1, 4)], [..."PNG"].map((c) => c.charCodeAt(0)));
 * ```
 */
export async function svgToPng(svg: string, { scale = 2 }: { scale?: number } = {}): Promise<Uint8Array> {
  const fontBuffers = await (ready ??= start());
  try {
    return draw(svg, scale, fontBuffers);
  } catch (cause) {
    throw new EvalError("eval.png", `the drawing cannot be rendered: ${cause}`, {
      cause,
      fix: "Give the whole text of an SVG file.",
    });
  }
}

/**
 * The characters of a drawing's text that the bundled font has no glyph for: a PNG shows them as boxes.
 *
 * @param svg text of the drawing
 * @returns each character once, in the order they first appear
 */
export async function missingGlyphs(svg: string): Promise<string[]> {
  const [regular] = await (ready ??= start());
  const has = characters ??= fontCharacters(regular!);
  const shown = [...svg.matchAll(/<text\b[^>]*>([^<]*)/g)].map((match) => match[1]!).join("");
  return [...new Set(shown)].filter((char) =>
    !/[\s\u200b-\u200f]/u.test(char) && !has.has(char.codePointAt(0)!)
  );
}

let characters: Set<number> | undefined;

/** Drawing and pixels lie in the memory of WebAssembly and are given back. */
function draw(svg: string, scale: number, fontBuffers: Uint8Array[]): Uint8Array {
  const drawing = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    font: { fontBuffers, defaultFontFamily: "DejaVu Sans", sansSerifFamily: "DejaVu Sans" },
  });
  const image = drawing.render();
  const png = image.asPng();
  image.free();
  drawing.free();
  return png;
}
