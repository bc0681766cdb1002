import { d3 } from "../deps.ts";
import type { LabelClass } from "../metrics/label_grid.ts";
import { color } from "../plots/figure.ts";
import { colorKey } from "../plots/overlay_html.ts";
import type { ImageGrid } from "../plots/slice.ts";
import { average } from "../statistics/summarise.ts";
import { escapeHtml } from "../text.ts";
import type { RunResults } from "./run_results.ts";
import { viewerScript } from "./viewer_script.ts";
import {
  chooseSide,
  packedImage,
  packedLabels,
  type PackedVolume,
  packing,
  startVoxel,
  type Voxel,
} from "./viewer_volumes.ts";

/** A test case with its volumes, axes to the Superior, Anterior and Right. */
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

/** An image of a case as the page holds it. */
interface ViewerImage extends PackedVolume {
  modality: string;
  /** Intensities, and the values that the bytes 0 and 255 stand for. */
  image: ReturnType<typeof packedImage>;
  reference: string;
  /** By place of the run; null where it has none. */
  predictions: (string | null)[];
  /** Mean Dice over the classes of this image, by place of the run. */
  dice: (number | null)[];
  /** Where it opens: where most of the reference is. */
  start: Voxel;
}

/** A case of the list: its images, and its mean Dice by place of the run. */
interface ViewerCase {
  name: string;
  dice: (number | null)[];
  images: ViewerImage[];
}

/** Mean Dice of a run on the images of a case, or on one of them. */
export function diceOf({ records }: RunResults, id: string, modality?: string): number | null {
  const own = records.filter((r) => r.case === id && (modality === undefined || r.modality === modality));
  return average(own.flatMap((r) => r.dice ?? []));
}

function viewerCases(
  cases: readonly ReportCase[],
  classes: readonly LabelClass[],
  runs: readonly RunResults[],
): ViewerCase[] {
  const side = chooseSide(cases.map(({ image }) => image));
  return [...Map.groupBy(cases, (c) => c.case)].map(([name, images]) => ({
    name,
    dice: runs.map((run) => diceOf(run, name)),
    images: images.map(({ modality, image, reference, predictions }) => {
      const volume = packing(image, side), start = startVoxel(reference, volume);
      return {
        ...volume,
        modality,
        image: packedImage(image, volume, start),
        reference: packedLabels(reference, volume, classes),
        predictions: runs.map((run) => {
          const labels = predictions.get(run.name);
          return labels === undefined ? null : packedLabels(labels, volume, classes);
        }),
        dice: runs.map((run) => diceOf(run, name, modality)),
        start,
      };
    }),
  }));
}

/** What the label layers may show, and how it is called. */
const modes = {
  both: "prediction filled, reference outlined",
  prediction: "prediction",
  reference: "reference",
  errors: "errors",
  none: "image alone",
} as const;

/** Colours of what is wrong. */
const wrong = [["missed", "#E69F00"], ["invented", "#56B4E9"], ["another class", "#CC79A7"]] as const;

/**
 * A viewer over test cases as HTML: three planes through one point, the labels of a run against the reference, the
 * cases in order of their Dice.
 *
 * @param runs whose predictions are shown
 */
export function viewerHtml(
  cases: readonly ReportCase[],
  classes: readonly LabelClass[],
  runs: readonly RunResults[],
): string {
  const shown = runs.filter((run) => cases.some((c) => c.predictions.has(run.name)));
  const data = {
    cases: viewerCases(cases, classes, shown),
    classes: classes.map((c, i) => ({ name: c.name, color: rgb(color(i)) })),
    wrong: wrong.map(([, name]) => rgb(name)),
  };
  const option = ([value, name]: readonly [string, string]): string =>
    `<option value="${value}">${escapeHtml(name)}</option>`;
  const range = (id: string, text: string, attributes = ""): string =>
    `<label>${text} <input id="viewer-${id}" type="range" ${attributes}></label>`;
  const planes = ["axial", "coronal", "sagittal"].map((plane) =>
    `<figure><canvas data-plane="${plane}" tabindex="0" role="img" aria-label="${plane} plane"></canvas>` +
    `<figcaption><label>${plane} <input type="range" min="0" data-slice="${plane}"></label> ` +
    `<output data-place="${plane}"></output></figcaption></figure>`
  );
  const thinned = data.cases.some((c) => c.images.some(({ step }) => step.some((n) => n > 1)));
  const swatch = ([name, fill]: readonly [string, string]): string =>
    `<span><i style="background:${fill}"></i>${name}</span>`;
  return `<div id="viewer">
<div class="controls">
<label>Run <select id="viewer-run">${
    shown.map((run, i) => option([String(i), run.name])).join("")
  }</select></label>
<label>Image <select id="viewer-modality"></select></label>
<label>Labels <select id="viewer-mode">${Object.entries(modes).map(option).join("")}</select></label>
${range("opacity", "Opacity", 'min="0" max="1" step="0.05" value="0.4"')}
${range("level", "Level", 'step="any"')}
${range("width", "Window", 'step="any"')}
</div>
<div class="viewer-body">
<ol id="viewer-cases" aria-label="cases, the lowest Dice first"></ol>
<div class="planes">${planes.join("")}</div>
</div>
<p id="viewer-info" class="note" role="status"></p>
<div id="viewer-classes">${colorKey(classes)}</div>
<p class="key" id="viewer-wrong" hidden>${wrong.map(swatch).join(" ")}</p>
<p class="note">Cases in order of the run's mean Dice, the lowest first. Click or drag to move the three planes to a point;
with Shift, drag to change window and level. On a picture, arrow keys move the point and Page Up and Page Down the slice.
Right of the patient on the left.${
    thinned ? " Large volumes are thinned here: not every voxel is shown." : ""
  }</p>
</div>
<script id="viewer-data" type="application/json">${JSON.stringify(data).replaceAll("<", "\\u003c")}</script>
<script>${viewerScript}</script>`;
}

function rgb(name: string): [number, number, number] {
  const { r, g, b } = d3.rgb(name);
  return [r, g, b];
}
