import type { CaseRecord } from "../metrics/case_record.ts";
import { d3 } from "../deps.ts";
import type { LabelClass } from "../metrics/label_grid.ts";
import { average } from "../statistics/summarise.ts";
import { pngUrl } from "./data_url.ts";
import { color, figure, flow, type SvgSelection } from "./figure.ts";
import {
  busiestSlice,
  cutSlice,
  greyScale,
  type ImageGrid,
  type Plane,
  requireAnatomical,
  type Slice,
} from "./slice.ts";

/** A case to show. */
export interface OverlayCase {
  /** Title, such as the case id with its Dice. */
  readonly title: string;
  /** Intensities, axes to the Superior, Anterior and Right. */
  readonly image: ImageGrid;
  /** Reference labels on the grid of the image. */
  readonly reference: ImageGrid;
  /** Predicted labels on the grid of the image. */
  readonly prediction: ImageGrid;
  /** The classes to outline. */
  readonly classes: readonly LabelClass[];
}

/** Where a column and row of a slice lie on the page. */
type OnPage = (column: number, row: number) => [number, number];

const predictionDashes = "3 2";

/** The planes of a drawing, from left to right. */
export const overlayPlanes: readonly Plane[] = ["axial", "coronal", "sagittal"];

/** Largest side of a plane, in px, and the room between two. */
const side = 230, gap = 10;

/** The part of a drawing that the i-th plane takes, its heading included. */
export function overlayArea(i: number): { x: number; y: number; width: number; height: number } {
  return { x: gap / 2 + i * (side + gap), y: 24, width: side + gap, height: side + 31 };
}

/** What lies left, right, above and below in each plane. */
const ends: Readonly<Record<Plane, readonly [string, string, string, string]>> = {
  axial: ["R", "L", "A", "P"],
  coronal: ["R", "L", "S", "I"],
  sagittal: ["A", "P", "S", "I"],
};

/**
 * Image with outlines in three planes as SVG, each through the slice that shows most of the reference.
 *
 * The reference is a solid line, the prediction a dashed one; a colour a class. Radiological view: the right
 * of the patient is on the left.
 *
 * @throws {EvalError} `eval.orientation` for a volume with an affine whose axes run otherwise
 */
export function overlayPlot({ title, image, reference, prediction, classes }: OverlayCase): string {
  for (
    const [grid, name] of [[image, "image"], [reference, "reference"], [prediction, "prediction"]] as const
  ) {
    requireAnatomical(grid, `${title}, ${name}`);
  }
  const width = overlayPlanes.length * (side + gap) + gap;
  const keys = [
    { text: "reference", stroke: "#111", dashes: "" },
    { text: "prediction", stroke: "#111", dashes: predictionDashes },
    ...classes.map((c, i) => ({ text: c.name, stroke: color(i), dashes: "" })),
  ];
  const rows = flow(keys.map(({ text }) => text), width - 28);
  const { svg, finish } = figure(
    title,
    width,
    side + 61 + rows.height,
    "solid: reference, dashed: prediction",
  );
  const slices = overlayPlanes.map((plane) => busiestSlice(reference, plane));
  const grey = greyScale(image, slices); // axial, coronal and sagittal slices follow one another on D, H and W
  overlayPlanes.forEach((plane, i) => {
    const index = slices[i]!;
    const picture = cutSlice(image, plane, index);
    const mm = [picture.width * picture.pixel[0], picture.height * picture.pixel[1]] as const;
    const scale = side / Math.max(...mm);
    const x = gap + i * (side + gap) + (side - mm[0] * scale) / 2, y = 44 + (side - mm[1] * scale) / 2;
    svg.append("image").attr("x", x).attr("y", y).attr("width", mm[0] * scale).attr("height", mm[1] * scale)
      .attr("preserveAspectRatio", "none").attr("style", "image-rendering:pixelated")
      .attr("href", pngUrl(Uint8Array.from(picture.values, grey), picture.width, picture.height, 1));
    svg.append("text").attr("x", gap + i * (side + gap) + side / 2).attr("y", 36).attr(
      "text-anchor",
      "middle",
    )
      .text(`${plane}, slice ${index + 1}`);
    const onPage: OnPage = (column, row) => [
      x + column * picture.pixel[0] * scale,
      y + row * picture.pixel[1] * scale,
    ];
    drawOutlines(svg, cutSlice(reference, plane, index), classes, onPage, "");
    drawOutlines(svg, cutSlice(prediction, plane, index), classes, onPage, predictionDashes);
    const [start, end, up, down] = ends[plane], [w, h] = [mm[0] * scale, mm[1] * scale];
    label(svg, x + 8, y + h / 2 + 4, start);
    label(svg, x + w - 8, y + h / 2 + 4, end);
    label(svg, x + w / 2, h < 50 ? y - 3 : y + 13, up); // beside a plane too thin to hold them
    label(svg, x + w / 2, h < 50 ? y + h + 12 : y + h - 5, down);
  });
  keys.forEach(({ text, stroke, dashes }, i) => {
    const [right, down] = rows.places[i]!;
    const g = svg.append("g").attr("transform", `translate(${14 + right},${side + 62 + down})`);
    g.append("line").attr("x2", 20).attr("stroke", stroke).attr("stroke-width", 2.5)
      .attr("stroke-dasharray", dashes || null);
    g.append("text").attr("x", 26).attr("dy", "0.32em").text(text);
  });
  return finish();
}

function label(svg: SvgSelection, x: number, y: number, text: string): void {
  svg.append("text").attr("x", x).attr("y", y).attr("fill", "#fff").attr("stroke", "#000").attr(
    "stroke-width",
    2.5,
  )
    .attr("paint-order", "stroke").attr("font-weight", "bold").attr("text-anchor", "middle").text(text);
}

function drawOutlines(
  svg: SvgSelection,
  { width, height, values }: Slice,
  classes: readonly LabelClass[],
  onPage: OnPage,
  dashes: string,
): void {
  classes.forEach((c, i) => {
    const mask = Array.from(values, (v) => v === c.id ? 1 : 0);
    if (!mask.includes(1)) return;
    const [outline] = d3.contours().size([width, height]).thresholds([0.5])(mask);
    const path = d3.geoPath(d3.geoTransform({
      point(column, row) {
        this.stream.point(...onPage(column, row));
      },
    })).digits(2)(outline!);
    for (const [stroke, width] of [["#fff", 3.2], [color(i), 1.8]] as const) { // on white, to be seen in grey
      svg.append("path").attr("d", path).attr("fill", "none").attr("stroke", stroke).attr(
        "stroke-width",
        width,
      )
        .attr("stroke-dasharray", dashes || null).append("title").text(c.name);
    }
  });
}

/** A case picked for display, with its mean Dice. */
export interface ChosenCase {
  /** Why: the best, the median or the worst mean Dice. */
  readonly rank: "best" | "median" | "worst";
  /** Case id. */
  readonly case: string;
  /** Mean Dice over the case's classes and modalities. */
  readonly dice: number;
}

/** The best, the median and the worst case by mean Dice; fewer when there are fewer cases, none without Dice. */
export function chooseCases(records: readonly CaseRecord[]): ChosenCase[] {
  const ids = [...new Set(records.map((r) => r.case))];
  const scored = ids.flatMap((id) => {
    const dice = average(records.filter((r) => r.case === id && r.dice !== null).map((r) => r.dice!));
    return dice === null ? [] : [{ case: id, dice }];
  }).toSorted((a, b) => b.dice - a.dice || (a.case < b.case ? -1 : 1));
  const places = new Map<number, ChosenCase["rank"]>();
  for (
    const [rank, place] of [["best", 0], ["worst", scored.length - 1], [
      "median",
      scored.length >> 1,
    ]] as const
  ) {
    if (scored.length > 0 && !places.has(place)) places.set(place, rank);
  }
  return [...places].toSorted((a, b) => a[0] - b[0]).map(([place, rank]) => ({ rank, ...scored[place]! }));
}
