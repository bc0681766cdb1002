import type { LabelClass } from "../metrics/label_grid.ts";
import { color } from "../plots/figure.ts";
import { busiestSlice, type ImageGrid } from "../plots/slice.ts";
import { escapeHtml } from "../text.ts";
import { imageSprite, labelSprite, type SpriteLayout, spriteLayout } from "./sprite.ts";

/** A test case with its volumes, axes to the Right, Anterior and Superior. */
export interface ReportCase {
  /** Case id. */
  readonly case: string;
  /** Modality. */
  readonly modality: string;
  /** Intensities. */
  readonly image: ImageGrid;
  /** Reference labels on the same grid. */
  readonly reference: ImageGrid;
  /** Predicted labels on the same grid, by name of the run. */
  readonly predictions: ReadonlyMap<string, ImageGrid>;
}

interface ViewerCase extends SpriteLayout {
  name: string;
  image: string;
  reference: string;
  /** By place of the run; null where it has none. */
  predictions: (string | null)[];
  /** The slice it opens with: that with most of the reference. */
  start: number;
}

/** A slice viewer over test cases as HTML: image, reference and prediction side by side, one slider. */
export function viewerHtml(cases: readonly ReportCase[], classes: readonly LabelClass[]): string {
  const runs = [...new Set(cases.flatMap((c) => [...c.predictions.keys()]))];
  const data = cases.map((c): ViewerCase => {
    const layout = spriteLayout(c.image);
    return {
      ...layout,
      start: Math.floor(busiestSlice(c.reference, "axial") / layout.through),
      name: `${c.case} (${c.modality})`,
      image: imageSprite(c.image, layout),
      reference: labelSprite(c.reference, classes, layout),
      predictions: runs.map((run) => {
        const labels = c.predictions.get(run);
        return labels === undefined ? null : labelSprite(labels, classes, layout);
      }),
    };
  });
  const option = (name: string, i: number): string => `<option value="${i}">${escapeHtml(name)}</option>`;
  const reduced = data.find((c) => c.step > 1 || c.through > 1);
  const panel = (name: string, text: string): string =>
    `<figure><canvas data-layer="${name}"></canvas><figcaption>${text}</figcaption></figure>`;
  return `<div id="viewer">
<div class="controls">
<label>Case <select id="viewer-case">${data.map((c, i) => option(c.name, i)).join("")}</select></label>
<label>Run <select id="viewer-run">${runs.map(option).join("")}</select></label>
<label>Labels <input id="viewer-opacity" type="range" min="0" max="1" step="0.05" value="0.6"></label>
<label>Slice <input id="viewer-slice" type="range" min="0" value="0"> <output id="viewer-place"></output></label>
</div>
<div class="panels">${panel("none", "image")}${panel("reference", "reference")}${
    panel("prediction", "prediction")
  }</div>
<p class="key">${
    classes.map((c, i) => `<span><i style="background:${color(i)}"></i>${escapeHtml(c.name)}</span>`).join(
      " ",
    )
  }</p>
<p class="note">Axial slices from inferior to superior, right of the patient on the left. Scroll over a picture or use
the arrow keys on the slider.${
    reduced === undefined
      ? ""
      : ` Shown are every ${reduced.step}th pixel and every ${reduced.through}th slice at most.`
  }</p>
</div>
<script id="viewer-data" type="application/json">${JSON.stringify(data).replaceAll("<", "\\u003c")}</script>
<script>${script}</script>`;
}

/** What runs in the browser. */
const script = `
(() => {
  const cases = JSON.parse(document.getElementById("viewer-data").textContent);
  const pick = (id) => document.getElementById("viewer-" + id);
  const [caseBox, runBox, opacity, slider, place] = ["case", "run", "opacity", "slice", "place"].map(pick);
  const pictures = new Map();
  const load = (url) => {
    if (!pictures.has(url)) {
      const image = new Image();
      pictures.set(url, new Promise((done) => { image.onload = () => done(image); image.src = url; }));
    }
    return pictures.get(url);
  };
  async function draw() {
    const shown = cases[caseBox.value], slice = Number(slider.value);
    place.textContent = (slice + 1) + " of " + shown.slices;
    for (const canvas of document.querySelectorAll("#viewer canvas")) {
      const layer = canvas.dataset.layer;
      const over = layer === "reference" ? shown.reference
        : layer === "prediction" ? shown.predictions[runBox.value] : undefined;
      const layers = await Promise.all([shown.image, over].filter(Boolean).map(load));
      if (shown !== cases[caseBox.value] || slice !== Number(slider.value)) return;
      const { width, height, columns } = shown;
      canvas.width = width;
      canvas.height = height;
      canvas.style.aspectRatio = shown.aspect;
      const context = canvas.getContext("2d");
      for (const [layer, picture] of layers.entries()) {
        context.globalAlpha = layer === 0 ? 1 : Number(opacity.value);
        context.drawImage(picture, (slice % columns) * width, Math.floor(slice / columns) * height, width, height,
          0, 0, width, height);
      }
      canvas.title = layer === "prediction" && !over ? "this run has no prediction of the case" : "";
    }
  }
  function open() {
    slider.max = cases[caseBox.value].slices - 1;
    slider.value = cases[caseBox.value].start;
    draw();
  }
  caseBox.addEventListener("change", open);
  runBox.addEventListener("change", draw);
  for (const range of [slider, opacity]) range.addEventListener("input", draw);
  document.querySelector("#viewer .panels").addEventListener("wheel", (event) => {
    event.preventDefault();
    slider.value = Number(slider.value) - Math.sign(event.deltaY);
    draw();
  }, { passive: false });
  open();
})();
`;
