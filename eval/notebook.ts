/**
 * What notebooks show of tables and plots, which are texts.
 *
 * @module
 */

import { escapeHtml } from "./text.ts";

/** What is shown, by kind (MIME type); a front end takes the richest that it knows. */
export type MimeBundle = Readonly<Record<string, string>>;

/** The same object, which a notebook shows in a way of its own. */
export function withDisplay<T extends object>(value: T, show: () => MimeBundle): T {
  return Object.defineProperty(value, Symbol.for("Jupyter.display"), { value: show, enumerable: false });
}

/**
 * A plot (SVG), a table (HTML or Markdown) or any other such text as a notebook draws it: the last value of a cell.
 *
 * @example
 * ```ts
 * import { show } from "./notebook.ts";
 * import assert from "node:assert/strict";
 *
 * const shown = show("<svg><title>Dice</title></svg>") as Record<symbol, () => Record<string, string>>;
 * assert.equal(shown[Symbol.for("Jupyter.display")]!()["text/plain"], "Dice");
 * ```
 */
export function show(text: string): object {
  const title = /<(title|caption)>([^<]*)</.exec(text)?.[2] ?? "";
  const bundle: MimeBundle = text.startsWith("<svg")
    ? { "image/svg+xml": text, "text/html": text, "text/plain": title } // converters strip the first of all drawing
    : text.startsWith("<")
    ? { "text/html": text, "text/plain": title }
    : { "text/markdown": text, "text/plain": text };
  return withDisplay({}, () => bundle);
}

/** Rows of texts as an HTML table. */
export function plainTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${
      cells.map((cell) => `<${tag} style="text-align:left">${escapeHtml(cell)}</${tag}>`).join("")
    }</tr>`;
  return `<table>${line(heads, "th")}${rows.map((row) => line(row, "td")).join("")}</table>`;
}
