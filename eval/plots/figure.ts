import { d3, parseHTML } from "../deps.ts";
import { svgText } from "./svg_text.ts";

/** A D3 selection of an SVG element. */
export type SvgSelection = d3.Selection<d3.BaseType, unknown, null, undefined>;

/** What a drawing needs of linkedom's window. */
interface Page {
  readonly document: { readonly body: d3.BaseType };
}

/** An SVG drawing in progress. */
export interface Figure {
  /** The root element. */
  readonly svg: SvgSelection;
  /** The finished text, numbers rounded to three decimals. */
  finish(): string;
}

/** Colours of Okabe and Ito (2008), told apart by the colour-blind, ordered so that greys differ too. */
export const palette = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"] as const;

/** Dashes that tell series apart in grey; one beside each colour. */
export const dashes = ["", "6 3", "2 2", "8 2 2 2", "10 4", "4 1", "1 3"] as const;

/** Colour of the i-th series. */
export function color(i: number): string {
  return palette[i % palette.length]!;
}

/** Dashes of the i-th series. */
export function dash(i: number): string {
  return dashes[(i + Math.floor(i / palette.length)) % dashes.length]!; // the second round of colours is dashed otherwise
}

/** Outline of the marker of the i-th series, in square px. */
export function marker(i: number, size = 36): string {
  return d3.symbol(d3.symbolsFill[i % d3.symbolsFill.length]!, size)() ?? "";
}

/** Starts a drawing with a title, also shown, on a white background. */
export function figure(title: string, width: number, height: number, description = ""): Figure {
  // Its types are those of a browser's window, which only programs that ask for the library "dom" have.
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as Page;
  const svg = d3.select(document.body).append<d3.BaseType>("svg")
    .attr("xmlns", "http://www.w3.org/2000/svg")
    .attr("viewBox", `0 0 ${width} ${height}`)
    .attr("width", width)
    .attr("height", height)
    .attr("role", "img")
    .attr("font-family", "DejaVu Sans, Helvetica, Arial, sans-serif")
    .attr("font-size", 11)
    .attr("fill", "#111") as unknown as SvgSelection;
  svg.append("title").text(title);
  if (description !== "") svg.append("desc").text(description);
  svg.append("rect").attr("width", width).attr("height", height).attr("fill", "#fff");
  const bold = 13 * Math.min(1, (width - 12) / (1.08 * textWidth(title, 13))); // a long title is set smaller
  svg.append("text").attr("x", width / 2).attr("y", 18).attr("text-anchor", "middle")
    .attr("font-size", bold).attr("font-weight", "bold").text(title);
  return { svg, finish: () => svgText(svg.node() as unknown as Parameters<typeof svgText>[0]) + "\n" };
}

/** Where a panel of axes sits in a drawing, in px. */
export interface PanelBox {
  /** Left edge of the plotting area. */
  readonly left: number;
  /** Right edge. */
  readonly right: number;
  /** Upper edge. */
  readonly top: number;
  /** Lower edge. */
  readonly bottom: number;
}

/** A scale that an axis can be drawn for. */
export type AxisScale = d3.AxisScale<d3.NumberValue> | d3.AxisScale<string>;

/** Draws both axes of a panel with light horizontal grid lines and labels with units. */
export function axes(
  svg: SvgSelection,
  box: PanelBox,
  x: AxisScale,
  y: d3.AxisScale<d3.NumberValue>,
  labels: { x: string; y: string; xTicks?: readonly number[] },
): void {
  const bottom = d3.axisBottom(x as d3.AxisScale<d3.NumberValue>).tickSizeOuter(0);
  if (labels.xTicks !== undefined) bottom.tickValues(labels.xTicks).tickFormat(d3.format("~g"));
  else if (!("bandwidth" in x)) bottom.ticks(Math.max(2, Math.floor((box.right - box.left) / 70)));
  const left = d3.axisLeft(y).ticks(5).tickSizeInner(-(box.right - box.left)).tickSizeOuter(0).tickPadding(6);
  const paint = (g: SvgSelection): void => {
    g.selectAll("path").attr("stroke", "#444");
    g.selectAll("text").attr("fill", "#111").attr("font-size", 11);
    g.attr("font-family", null);
  };
  const vertical = svg.append("g").attr("transform", `translate(${box.left},0)`) as unknown as SvgSelection;
  vertical.call(left as never);
  paint(vertical);
  vertical.selectAll("line").attr("stroke", "#ddd");
  const horizontal = svg.append("g").attr(
    "transform",
    `translate(0,${box.bottom})`,
  ) as unknown as SvgSelection;
  horizontal.call(bottom as never);
  paint(horizontal);
  horizontal.selectAll("line").attr("stroke", "#444");
  svg.append("text").attr("x", (box.left + box.right) / 2).attr("y", box.bottom + 34)
    .attr("text-anchor", "middle").text(labels.x);
  svg.append("text").attr(
    "transform",
    `translate(${box.left - 48},${(box.top + box.bottom) / 2}) rotate(-90)`,
  )
    .attr("text-anchor", "middle").text(labels.y);
}

/** An entry of a legend. */
export interface LegendEntry {
  /** Text. */
  readonly label: string;
  /** Place of the series, which gives colour, dashes and marker. */
  readonly index: number;
}

/** About how wide a text is drawn, in px: the middle width of DejaVu Sans, a full em for the scripts of East Asia. */
export function textWidth(text: string, size = 11): number {
  return [...text].reduce((sum, char) => sum + size * (char.codePointAt(0)! > 0x2e7f ? 1 : 0.62), 0);
}

/** Room that a legend needs, in px. */
export function legendWidth(entries: readonly LegendEntry[]): number {
  return 36 + Math.max(0, ...entries.map(({ label }) => textWidth(label)));
}

/** Where texts begin that flow in rows of a width, with room for a line before each, and the height of all rows. */
export function flow(
  labels: readonly string[],
  width: number,
): { places: readonly (readonly [x: number, y: number])[]; height: number } {
  const places: [number, number][] = [];
  let [x, y] = [0, 0];
  for (const label of labels) {
    const wide = 44 + textWidth(label);
    if (x > 0 && x + wide > width) [x, y] = [0, y + 17];
    places.push([x, y]);
    x += wide;
  }
  return { places, height: y + 17 };
}

/** Draws a column of legend entries with line and marker; with a width, rows instead. */
export function legend(
  svg: SvgSelection,
  x: number,
  y: number,
  entries: readonly LegendEntry[],
  width?: number,
): void {
  const rows = width === undefined ? undefined : flow(entries.map(({ label }) => label), width).places;
  entries.forEach(({ label, index }, i) => {
    const [right, down] = rows?.[i] ?? [0, i * 17];
    const g = svg.append("g").attr("transform", `translate(${x + right},${y + down})`);
    g.append("line").attr("x2", 22).attr("stroke", color(index)).attr("stroke-width", 2)
      .attr("stroke-dasharray", dash(index) || null);
    g.append("path").attr("transform", "translate(11,0)").attr("d", marker(index)).attr("fill", color(index));
    g.append("text").attr("x", 28).attr("dy", "0.32em").text(label);
  });
}
