import { type Metric, metrics } from "../metrics/metrics.ts";
import { d3 } from "../deps.ts";
import { EvalError } from "../errors.ts";
import type { RunRecord } from "../statistics/run_record.ts";
import { bootstrapInterval } from "../statistics/bootstrap.ts";
import { pairByCase } from "../statistics/compare.ts";
import { wilcoxonSignedRank } from "../statistics/wilcoxon.ts";
import { axes, color, figure, type PanelBox } from "./figure.ts";

/** What {@link pairedDifference} compares. */
export interface PairedDifferenceOptions {
  /** The method. */
  readonly method: string;
  /** What it is compared with. */
  readonly baseline: string;
  /** The metric; Dice unless told. */
  readonly metric?: Metric;
}

/**
 * Differences between two methods case by case as SVG, from the smallest to the largest, with their mean and
 * its 95 % bootstrap interval. Bars above and below zero point apart, so the plot reads in grey.
 *
 * @throws {EvalError} `eval.plot` when the methods share no case
 */
export function pairedDifference(
  records: readonly RunRecord[],
  { method, baseline, metric = "dice" }: PairedDifferenceOptions,
): string {
  const of = (name: string): RunRecord[] => records.filter((r) => r.method === name);
  const pairs = pairByCase(of(method), of(baseline), metric)
    .map((pair) => ({ ...pair, difference: pair.a - pair.b }))
    .toSorted((p, q) => p.difference - q.difference || (p.case < q.case ? -1 : 1));
  if (pairs.length === 0) {
    throw new EvalError("eval.plot", `${method} and ${baseline} share no case with ${metric}`, {
      fix: "Compare methods that were tested on the same cases.",
    });
  }
  const differences = pairs.map((p) => p.difference), mean = d3.mean(differences)!;
  const [low, high] = bootstrapInterval(differences), { p } = wilcoxonSignedRank(differences);
  const { label, unit } = metrics[metric];
  const width = Math.max(460, 110 + pairs.length * 14);
  const { svg, finish } = figure(
    `${label} of ${method} minus ${baseline}, case by case`,
    width,
    330,
    `mean ${mean.toFixed(4)}, 95 % interval ${low.toFixed(4)} to ${high.toFixed(4)}, n ${pairs.length}`,
  );
  const box: PanelBox = { left: 80, right: width - 20, top: 54, bottom: 280 };
  const reach = d3.max(differences, Math.abs)! * 1.1 || 0.01;
  const x = d3.scaleBand(pairs.map((_, i) => String(i + 1)), [box.left, box.right]).padding(0.3);
  const y = d3.scaleLinear([-reach, reach], [box.bottom, box.top]).nice();
  const some = d3.scaleLinear([0.5, pairs.length + 0.5], [box.left, box.right]);
  svg.append("rect").attr("x", box.left).attr("width", box.right - box.left).attr("y", y(high))
    .attr("height", Math.max(1, y(low) - y(high))).attr("fill", "#bbb").attr("fill-opacity", 0.6);
  axes(svg, box, some, y, {
    x: "cases in order of difference",
    xTicks: some.ticks(10).filter(Number.isInteger),
    y: unit === "" ? `Δ ${label}` : `Δ ${label} (${unit})`,
  });
  svg.append("line").attr("x1", box.left).attr("x2", box.right).attr("y1", y(mean)).attr("y2", y(mean))
    .attr("stroke", "#111").attr("stroke-dasharray", "6 3");
  pairs.forEach(({ case: id, difference }, i) => {
    svg.append("rect").attr("x", x(String(i + 1))!).attr("width", x.bandwidth())
      .attr("y", Math.min(y(0), y(difference))).attr("height", Math.max(0.5, Math.abs(y(difference) - y(0))))
      .attr("fill", color(difference >= 0 ? 0 : 1)).append("title").text(`${id}: ${difference.toFixed(4)}`);
  });
  svg.append("text").attr("x", width / 2).attr("y", 38).attr("text-anchor", "middle").text(
    `mean ${mean.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}], n = ${pairs.length}, ` +
      (p === null
        ? "no p below 6 cases"
        : `Wilcoxon p = ${p < 1e-4 ? p.toExponential(1) : p.toFixed(4)}, uncorrected`),
  );
  return finish();
}
