import { type Metric, metrics } from "../metrics/metrics.ts";
import { d3 } from "../deps.ts";
import { EvalError } from "../errors.ts";
import { bootstrapInterval } from "../statistics/bootstrap.ts";
import { rankWithinRatios } from "../statistics/ranks.ts";
import type { RunRecord } from "../statistics/run_record.ts";
import { average } from "../statistics/summarise.ts";
import { percent } from "../tables/percent.ts";
import { color, figure, marker, textWidth } from "./figure.ts";

/** What {@link rankPlot} can be told. */
export interface RankPlotOptions {
  /** The metric; Dice unless told. */
  readonly metric?: Metric;
}

const rowHeight = 24, panelWidth = 300;

/**
 * How methods rank over the cases as SVG: a panel a label ratio, a line a method, the best at the top. The mark is the
 * mean place over the cases (each averaged over seeds, classes and modalities), the bar its 95 % bootstrap interval.
 *
 * @throws {EvalError} `eval.plot` when there are fewer than two methods, or no case that all of them have
 */
export function rankPlot(records: readonly RunRecord[], { metric = "dice" }: RankPlotOptions = {}): string {
  const names = [...new Set(records.map((r) => r.method))];
  const panels = rankWithinRatios(records, metric).map(({ label_ratio, methods }) => ({
    ratio: label_ratio,
    rows: methods.map(({ method, ranks }) => ({
      method,
      n: ranks.length,
      mean: average(ranks)!,
      interval: bootstrapInterval(ranks),
    })).toSorted((a, b) => a.mean - b.mean || (a.method < b.method ? -1 : 1)),
  }));
  if (panels.length === 0) {
    throw new EvalError("eval.plot", `no two methods of ${names.join(", ")} have a ${metric} of one case`, {
      fix: "Rank methods that were tested on the same cases.",
    });
  }
  const left = 20 + Math.max(...names.map((name) => textWidth(name)));
  const heights = panels.map(({ rows }) => 72 + rows.length * rowHeight);
  const { svg, finish } = figure(
    `Mean rank by ${metrics[metric].label}`,
    left + panelWidth + 56,
    34 + d3.sum(heights),
    "mean place over cases, 1 is the best; bars: 95 % bootstrap interval",
  );
  let top = 34;
  panels.forEach(({ ratio, rows }, i) => {
    const x = d3.scaleLinear([1, Math.max(...panels.map((p) => p.rows.length))], [
      left + 12,
      left + panelWidth,
    ]);
    const bottom = top + 26 + rows.length * rowHeight;
    svg.append("text").attr("x", left + 12).attr("y", top + 10).attr("font-weight", "bold")
      .text(`${percent(ratio)} labels, ${rows[0]!.n} cases`);
    for (let place = 1; place <= rows.length; place++) {
      svg.append("line").attr("x1", x(place)).attr("x2", x(place)).attr("y1", top + 18).attr("y2", bottom)
        .attr("stroke", "#ddd");
      svg.append("text").attr("x", x(place)).attr("y", bottom + 14).attr("text-anchor", "middle").text(place);
    }
    svg.append("text").attr("x", (left + 12 + x(rows.length)) / 2).attr("y", bottom + 30)
      .attr("text-anchor", "middle").text("mean rank (1 is the best)");
    rows.forEach(({ method, mean, interval: [low, high] }, row) => {
      const y = top + 30 + row * rowHeight, series = names.indexOf(method);
      const g = svg.append("g");
      g.append("title").text(
        `${method}: ${mean.toFixed(2)}, 95 % from ${low.toFixed(2)} to ${high.toFixed(2)}`,
      );
      g.append("text").attr("x", left).attr("y", y).attr("dy", "0.32em").attr("text-anchor", "end").text(
        method,
      );
      g.append("line").attr("x1", x(low)).attr("x2", x(high)).attr("y1", y).attr("y2", y)
        .attr("stroke", color(series)).attr("stroke-width", 2);
      g.append("path").attr("transform", `translate(${x(mean)},${y})`).attr("d", marker(series, 60))
        .attr("fill", color(series));
      g.append("text").attr("x", x(Math.max(high, mean)) + 8).attr("y", y).attr("dy", "0.32em").text(
        mean.toFixed(2),
      );
    });
    top += heights[i]!;
  });
  return finish();
}
