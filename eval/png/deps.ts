/**
 * What turns drawings into pixels. Kept apart from `eval/mod.ts`: 5 MB that only those pay who ask for PNG.
 *
 * @module
 */

import "npm:dejavu-fonts-ttf@2.37.3/package.json" with { type: "json" };
export { initWasm, Resvg } from "npm:@resvg/resvg-wasm@2.6.2";

/** Address of the renderer's WebAssembly. */
export const resvgWasm: string = import.meta.resolve("npm:@resvg/resvg-wasm@2.6.2/index_bg.wasm");

/** Address of DejaVu Sans, regular and bold, the fonts the drawings name. */
export const fonts: readonly string[] = ["DejaVuSans", "DejaVuSans-Bold"].map((name) =>
  import.meta.resolve(`npm:dejavu-fonts-ttf@2.37.3/ttf/${name}.ttf`)
);
