import { escapeHtml } from "../text.ts";

/** A section of a page. */
export interface Section {
  /** Anchor of the section. */
  readonly id: string;
  /** Heading. */
  readonly title: string;
  /** Content, as HTML. */
  readonly html: string;
}

/** Forbids the browser to load anything but what is written in the page itself. */
const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/** A self-contained HTML page: no address in it leads anywhere else. */
export function page(title: string, lead: string, sections: readonly Section[]): string {
  const links = sections.map((s) => `<a href="#${s.id}">${escapeHtml(s.title)}</a>`).join(" ");
  const body = sections.map((s) =>
    `<section id="${s.id}">\n<h2>${escapeHtml(s.title)}</h2>\n${s.html}\n</section>`
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(lead)}</p>
<nav>${links}</nav>
</header>
<main>
${body.join("\n")}
</main>
</body>
</html>
`;
}

/** Something wide that scrolls inside its own box instead of widening the page. */
export function wide(html: string): string {
  return `<div class="wide" tabindex="0">${html}</div>`;
}

/** Drawings side by side; on a phone one below the other, smaller, and what is still too wide scrolls in its own box. */
export function plots(drawings: readonly string[]): string {
  const boxes = drawings.map((html) => {
    const width = /^(?:<figure>)?<svg[^>]* width="(\d+)/.exec(html)?.[1];
    return width === undefined
      ? html
      : `<div class="plot" style="--width:${width}px" tabindex="0">${html}</div>`;
  });
  return `<div class="plots">${boxes.join("\n")}</div>`;
}

/** A text that opens on a click; always open in print. */
export function fold(summary: string, html: string): string {
  return `<details><summary>${escapeHtml(summary)}</summary>${html}</details>`;
}

const style = `
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 0 1rem 3rem; font: 16px/1.5 system-ui, sans-serif; color: #111;
  background: #fff; }
h1 { font-size: 1.6rem; margin: 1.2rem 0 0; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 0.6rem; border-bottom: 2px solid #111; padding-bottom: 0.2rem; }
h3 { font-size: 1.05rem; margin: 1.4rem 0 0.4rem; }
nav { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; }
a { color: #0b57a4; }
.wide, .plot { overflow-x: auto; max-width: 100%; background: linear-gradient(to left, #fff 1rem, #fff0) right / 2rem local no-repeat,
  linear-gradient(to left, #0003, #0000) right / 0.8rem no-repeat; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
.plots > * { flex: 0 1 auto; max-width: 100%; }
svg { max-width: 100%; height: auto; display: block; }
.plots > .narrow { display: none; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; margin: 0.5rem 0; }
caption { caption-side: bottom; text-align: left; font-size: 0.8rem; color: #444; padding-top: 0.4rem; }
th, td { padding: 0.25rem 0.42rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
thead th { border-bottom: 1px solid #111; text-align: center; vertical-align: bottom; white-space: normal; }
tbody th { text-align: left; font-weight: normal; white-space: normal; }
td.text { text-align: left; }
td small { display: block; color: #555; line-height: 1.1; }
.sd { color: #333; }
pre { overflow-x: auto; background: #f4f4f4; padding: 0.6rem; font-size: 0.8rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
details { margin: 0.4rem 0; }
summary { cursor: pointer; }
.controls { display: flex; flex-wrap: wrap; gap: 0.5rem 1.2rem; align-items: center; margin: 0.5rem 0; }
.controls input[type="range"] { width: min(18rem, 60vw); vertical-align: middle; }
select { max-width: 70vw; font: inherit; }
.viewer-body { display: grid; grid-template-columns: 13rem 1fr; gap: 1rem; align-items: start; }
.planes { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 0.8rem; }
#viewer-cases { margin: 0; padding: 0; list-style: none; max-height: 30rem; overflow-y: auto; border: 1px solid #ddd; }
#viewer-cases button { width: 100%; font: inherit; text-align: left; border: 0; border-bottom: 1px solid #eee;
  background: none; padding: 0.3rem 0.6rem; cursor: pointer; overflow-wrap: anywhere; }
#viewer-cases button[aria-current="true"] { background: #dcecf9; }
#viewer-cases small { display: block; color: #555; }
figure { margin: 0; }
canvas { display: block; background: #000; touch-action: pan-y; cursor: crosshair; }
canvas:focus-visible, button:focus-visible { outline: 3px solid #0b57a4; outline-offset: 1px; }
.planes input { width: 9rem; vertical-align: middle; }
figcaption { font-size: 0.85rem; color: #333; }
.key span { margin-right: 1rem; }
.key i { display: inline-block; width: 0.9em; height: 0.9em; margin-right: 0.35em; vertical-align: -0.1em; }
.note { font-size: 0.85rem; color: #444; }
@media (max-width: 40rem) {
  body { font-size: 15px; padding: 0 0.7rem 2rem; }
  thead th[scope="colgroup"] { text-align: left; padding-left: 1.2rem; }
  .plots > .plot { width: 100%; }
  .plot svg { width: 100%; min-width: calc(0.75 * var(--width)); max-width: var(--width); }
  .plot svg > rect:first-of-type { fill: none; }
  .plots > .broad { display: none; }
  .plots > .narrow { display: block; width: 100%; }
  .plots > .narrow svg { max-width: 100%; width: 26rem; margin-bottom: 0.4rem; }
  .viewer-body, .planes { grid-template-columns: 1fr; }
  #viewer-cases { max-height: 9rem; }
}
@media print {
  nav, .controls { display: none; }
  body { max-width: none; font-size: 10pt; }
  section, figure, .plots > * { break-inside: avoid; }
  section { break-inside: auto; }
  .wide, .plot { overflow: visible; background: none; }
  table { font-size: 7.5pt; }
}
`;
