/**
 * The HTML around an exported page's program and networks.
 *
 * @module
 */

import { escapeHtml } from "../../../eval/text.ts";

/** What a page is made of. */
export interface PageParts {
  /** What it is called. */
  readonly title: string;
  /** What the networks are, in a line. */
  readonly lead: string;
  /** The bundled program. */
  readonly program: string;
  /** Modalities and classes: a `Description`. */
  readonly description: unknown;
  /** Checkpoints by name, in base64. */
  readonly checkpoints: ReadonlyMap<string, string>;
  /** Whether the networks were trained on mirrored images, so that mirrored views may be averaged. */
  readonly mirrored: boolean;
}

/**
 * Nothing may be loaded and nobody may be called. `ndarray` makes its accessors from text and kernels are compiled
 * while the page runs, hence `unsafe-eval`.
 */
const policy = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; worker-src blob:; " +
  "style-src 'unsafe-inline'; img-src data: blob:; connect-src 'none'; form-action 'none'; base-uri 'none'";

/** A program inside of a script element: what would end the element is written otherwise. */
const inScript = (text: string) => text.replaceAll(/<\/(script)/gi, "<\\/$1").replaceAll("<!--", "<\\!--");

/** The page. */
export function frame({ title, lead, program, description, checkpoints, mirrored }: PageParts): string {
  const stored = [...checkpoints].map(([name, base64]) =>
    `<script class="checkpoint" type="application/octet-stream" data-name="${
      escapeHtml(name)
    }">${base64}</script>`
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
<p>${escapeHtml(lead)} Not a medical device; for research only.</p>
<p>Scans stay on this computer: this page loads nothing and sends nothing, and works without a network.</p>
</header>
<main>
<section id="files" aria-label="scans"><p>Drop NIfTI files (.nii, .nii.gz) anywhere, or choose one for each scan that
there is. One is enough.</p></section>
<p class="controls">
<button id="run" disabled>Segment</button> <button id="stop" disabled>Stop</button>
<label>compute on <select id="device"><option value="auto">the best device</option><option value="cpu">the
processor</option><option value="webgpu">WebGPU</option></select></label>
<label${mirrored ? "" : " hidden"}><input id="mirror" type="checkbox"${
    mirrored ? " checked" : ""
  }> average mirrored views, as predict does (8 times the work)</label>
</p>
<p id="status" role="status"></p>
<p id="where"></p>
<section id="viewer" hidden>
<p class="controls">
<label>scan <select id="scan"></select></label>
<label>labels of <select id="shown"></select></label>
<label>cover <input id="opacity" type="range" min="0" max="1" step="0.05" value="0.5"></label>
<label>black <input id="low" type="number" step="any"></label>
<label>white <input id="high" type="number" step="any"></label>
<button id="save">Save .nii.gz</button>
</p>
<div id="planes"></div>
<p id="key"></p>
<p>Click or drag to move the crosshair; scroll, or arrow keys on a plane, to change the slice. The patient's right is
on the left.</p>
</section>
</main>
<script id="description" type="application/json">${
    JSON.stringify(description).replaceAll("<", "\\u003c")
  }</script>
${stored.join("\n")}
<script id="program">${inScript(program)}</script>
</body>
</html>
`;
}

const style = `
:root { color-scheme: light dark; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 0 1rem 2rem; font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 1rem 0 0; }
#files { border: 2px dashed GrayText; border-radius: 0.5rem; padding: 0.5rem 1rem; }
#files label { display: flex; flex-wrap: wrap; gap: 0.3rem 1rem; align-items: center; margin: 0.4rem 0; }
#files input[type="number"] { width: 6rem; }
.controls { display: flex; flex-wrap: wrap; gap: 0.5rem 1.2rem; align-items: center; }
.controls input[type="number"] { width: 7rem; }
button, select, input { font: inherit; }
#status { min-height: 1.5em; font-weight: bold; overflow-wrap: anywhere; }
#status[data-state="failed"] { color: light-dark(#a00, #f99); }
#where { font-size: 0.85rem; }
#planes { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: flex-end; }
canvas { background: #000; cursor: crosshair; touch-action: none; max-width: 100%; }
#key span { margin-right: 1.2rem; }
#key i { display: inline-block; width: 1em; height: 1em; margin-right: 0.4em; vertical-align: -0.1em;
  border: 1px solid; }
`;
