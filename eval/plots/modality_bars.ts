import type { CaseRecord } from "../metrics/case_record.ts";
import { type Metric, metrics } from "../metrics/metrics.ts";
import { d3 } from "../deps.ts";
import { EvalError } from "../errors.ts";
import { bootstrapInterval } from "../statistics/bootstrap.ts";
import { average } from "../statistics/summarise.ts";
import { axes, color, figure, type PanelBox } from "./figure.ts";

/** A record of a prediction from some of the modalities only. */
export interface InputRecord extends CaseRecord {
  /** The modalities the network was given, such as `ct+mr` or `mr only`. */
  readonly inputs: string;
  /** What stood for the missing ones, such as `mean`; empty when none was, or the network has no place to fill. */
  readonly strategy: string;
}

/** What {@link modalityBars} can be told. */
export interface ModalityBarsOptions {
  /** The metric; Dice unless told. */
  readonly metric?: Metric;
}

/** Of records with every strategy those with the first of each run, which is the one it was trained with. */
export function asTrained<R extends InputRecord & { readonly run: string }>(records: readonly R[]): R[] {
  const first = new Map<string, string>();
  for (const { run, strategy } of records) {
    if (strategy !== "" && !first.has(run)) first.set(run, strategy);
  }
  return records.filter(({ run, strategy }) => strategy === "" || strategy === first.get(run));
}

/**
 * What remains when a modality is missing, as SVG: a group of bars a modality, a bar a set of inputs.
 *
 * Bars are means over cases (each averaged over its classes), whiskers the 95 % bootstrap interval; the
 * number stands above each bar, so that no colour is needed to read it.
 *
 * @throws {EvalError} `eval.plot` when no record defines the metric
 */
export function modalityBars(
  records: readonly InputRecord[],
  { metric = "dice" }: ModalityBarsOptions = {},
): string {
  const shown = records.filter((r) => r[metric] !== null);
  if (shown.length === 0) {
    throw new EvalError("eval.plot", `none of the ${records.length} records defines ${metric}`, {
      fix: "Plot a metric that at least one case has.",
    });
  }
  const modalities = [...new Set(shown.map((r) => r.modality))],
    inputs = [...new Set(shown.map((r) => r.inputs))];
  const bars = modalities.flatMap((modality) =>
    inputs.flatMap((input, index) => {
      const own = shown.filter((r) => r.modality === modality && r.inputs === input);
      const cases = [...new Set(own.map((r) => r.case))]
        .map((id) => average(own.filter((r) => r.case === id).map((r) => r[metric]!))!);
      if (cases.length === 0) return [];
      return [{
        modality,
        input,
        index,
        n: cases.length,
        mean: average(cases)!,
        interval: bootstrapInterval(cases),
      }];
    })
  );
  const { label, unit } = metrics[metric];
  const keyOf = (b: { modality: string; input: string }): string => JSON.stringify([b.modality, b.input]);
  const width = 130 + modalities.length * (40 + inputs.length * 74);
  const { svg, finish } = figure(
    `${label} with missing modalities`,
    width,
    330,
    "mean and 95 % bootstrap interval",
  );
  const box: PanelBox = { left: 70, right: width - 20, top: 40, bottom: 260 };
  const x = d3.scaleBand(bars.map(keyOf), [box.left, box.right]).padding(0.25);
  const top = unit === "" ? 1 : d3.max(bars, (b) => b.interval[1])!;
  const y = d3.scaleLinear([0, top], [box.bottom, box.top]).nice();
  axes(svg, box, d3.scaleBand([] as string[], [box.left, box.right]), y, {
    x: "",
    y: unit === "" ? label : `${label} (${unit})`,
  });
  for (const b of bars) {
    const left = x(keyOf(b))!, middle = left + x.bandwidth() / 2;
    const g = svg.append("g");
    g.append("title").text(`${b.modality} from ${b.input}: ${b.mean.toFixed(3)}, n ${b.n}`);
    g.append("rect").attr("x", left).attr("width", x.bandwidth()).attr("y", y(b.mean))
      .attr("height", box.bottom - y(b.mean)).attr("fill", color(b.index)).attr("fill-opacity", 0.75);
    g.append("line").attr("x1", middle).attr("x2", middle).attr("y1", y(b.interval[0])).attr(
      "y2",
      y(b.interval[1]),
    )
      .attr("stroke", "#111").attr("stroke-width", 1.5);
    g.append("text").attr("x", middle).attr("y", y(b.interval[1]) - 5).attr("text-anchor", "middle")
      .text(b.mean.toFixed(metrics[metric].digits));
    g.append("text").attr("x", middle).attr("y", box.bottom + 14).attr("text-anchor", "middle").text(b.input);
    g.append("text").attr("x", middle).attr("y", box.bottom + 30).attr("text-anchor", "middle")
      .attr("font-size", 10).text(b.modality);
  }
  svg.append("text").attr("x", (box.left + box.right) / 2).attr("y", box.bottom + 52).attr(
    "text-anchor",
    "middle",
  )
    .text("modalities given, modality judged");
  return finish();
}
