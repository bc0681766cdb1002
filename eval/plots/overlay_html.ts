import type { LabelClass } from "../metrics/label_grid.ts";
import { escapeHtml } from "../text.ts";
import { color } from "./figure.ts";
import { overlayArea, overlayPlanes } from "./overlay.ts";

/** The colours of classes as HTML. */
export function colorKey(classes: readonly LabelClass[]): string {
  return `<p class="key">${
    classes.map((c, i) => `<span><i style="background:${color(i)}"></i>${escapeHtml(c.name)}</span>`).join(
      " ",
    )
  }</p>`;
}

/**
 * A drawing of {@link overlayPlot} for a page: as it is where there is room, its planes one below the other where there
 * is not. The style sheet shows one of the two, `.broad` or `.narrow`.
 *
 * @param id of the drawing in the page
 */
export function overlayHtml(svg: string, id: string, classes: readonly LabelClass[]): string {
  // Planes one below the other are views of the same drawing, so that its pictures are in the page once.
  const named = svg.replace(/^<svg[^>]*>/, (tag) => `${tag}<g id="${id}">`).replace(
    /<\/svg>\s*$/,
    "</g></svg>",
  );
  const title = /<title>([^]*?)<\/title>/.exec(svg)?.[1] ?? "";
  const planes = overlayPlanes.map((plane, i) => {
    const { x, y, width, height } = overlayArea(i);
    return `<svg viewBox="${x} ${y} ${width} ${height}" role="img" font-family="sans-serif" font-size="11">` +
      `<title>${title}, ${plane}</title><use href="#${id}"/></svg>`;
  });
  return `<div class="drawn broad">${named}</div><div class="drawn narrow"><b>${title}</b>${
    planes.join("")
  }` +
    `<p class="note">solid: reference, dashed: prediction</p>${colorKey(classes)}</div>`;
}
