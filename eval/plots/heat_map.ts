import type { Confusion } from "../metrics/confusion.ts";
import { d3 } from "../deps.ts";
import { EvalError } from "../errors.ts";
import { figure, type SvgSelection } from "./figure.ts";

/** Light to dark, so that it survives print in grey. */
function shade(share: number): string {
  return d3.interpolateRgb("#ffffff", "#08306b")(share);
}

/**
 * Confusion matrix as SVG: rows are reference classes, columns predicted ones; a cell is the share of the
 * row's voxels, written out, with the count on hover.
 */
export function confusionPlot({ names, counts }: Confusion): string {
  const cell = 58, left = 130, top = 70, side = names.length * cell;
  const { svg, finish } = figure("Confusion matrix", left + side + 30, top + side + 50, "rows sum to 100 %");
  names.forEach((name, r) => {
    const total = d3.sum(counts[r]!);
    svg.append("text").attr("x", left - 8).attr("y", top + (r + 0.5) * cell).attr("dy", "0.32em")
      .attr("text-anchor", "end").text(name);
    svg.append("text").attr("x", left + (r + 0.5) * cell).attr("y", top - 8).attr("text-anchor", "middle")
      .attr("font-size", 10).text(name);
    names.forEach((other, p) => {
      const count = counts[r]![p]!, share = total === 0 ? 0 : count / total;
      const g = svg.append("g").attr("transform", `translate(${left + p * cell},${top + r * cell})`);
      g.append("title").text(`${name} predicted as ${other}: ${count} voxels`);
      g.append("rect").attr("width", cell).attr("height", cell).attr("fill", shade(share)).attr(
        "stroke",
        "#999",
      );
      g.append("text").attr("x", cell / 2).attr("y", cell / 2).attr("dy", "0.32em").attr(
        "text-anchor",
        "middle",
      )
        .attr("fill", share > 0.5 ? "#fff" : "#111").text(
          total === 0 ? "–" : `${(100 * share).toFixed(1)} %`,
        );
    });
  });
  svg.append("text").attr("x", left + side / 2).attr("y", top - 28).attr("text-anchor", "middle").text(
    "predicted",
  );
  svg.append("text").attr("transform", `translate(18,${top + side / 2}) rotate(-90)`).attr(
    "text-anchor",
    "middle",
  )
    .text("reference");
  return finish();
}

/**
 * A square map between channels as SVG, such as the attention of one channel to all others: a row a channel,
 * light for the smallest value and dark for the largest.
 *
 * @param values `[C][C]`, finite
 * @throws {EvalError} `eval.plot` for a map that is not square or not finite
 */
export function channelMap(values: readonly (readonly number[])[], title = "Channel attention"): string {
  const size = values.length, flat = values.flat();
  if (size === 0 || values.some((row) => row.length !== size) || !flat.every(Number.isFinite)) {
    throw new EvalError(
      "eval.plot",
      `the channel map is ${size} × [${values.map((r) => r.length).join(", ")}]`,
      {
        fix: "Give a square map of finite numbers.",
      },
    );
  }
  const [low, high] = d3.extent(flat) as [number, number];
  const cell = Math.max(2, Math.floor(360 / size)), side = cell * size, left = 60, top = 40;
  const { svg, finish } = figure(title, left + side + 110, top + side + 50, `values ${low} to ${high}`);
  const scale = high > low ? d3.scaleLinear([low, high], [0, 1]) : () => 0;
  values.forEach((row, r) =>
    row.forEach((value, c) =>
      svg.append("rect").attr("x", left + c * cell).attr("y", top + r * cell).attr("width", cell)
        .attr("height", cell).attr("fill", shade(scale(value)))
    )
  );
  svg.append("rect").attr("x", left).attr("y", top).attr("width", side).attr("height", side).attr(
    "fill",
    "none",
  )
    .attr("stroke", "#444");
  svg.append("text").attr("x", left + side / 2).attr("y", top + side + 20).attr("text-anchor", "middle")
    .text(`channel 0 … ${size - 1}`);
  svg.append("text").attr("transform", `translate(40,${top + side / 2}) rotate(-90)`).attr(
    "text-anchor",
    "middle",
  )
    .text("channel");
  drawShades(svg, left + side + 16, top, low, high);
  return finish();
}

function drawShades(svg: SvgSelection, x: number, y: number, low: number, high: number): void {
  for (let i = 0; i <= 10; i++) {
    svg.append("rect").attr("x", x).attr("y", y + (10 - i) * 12).attr("width", 14).attr("height", 12)
      .attr("fill", shade(i / 10));
  }
  svg.append("text").attr("x", x + 20).attr("y", y + 10).text(high.toPrecision(3));
  svg.append("text").attr("x", x + 20).attr("y", y + 132).text(low.toPrecision(3));
}
