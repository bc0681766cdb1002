import { type Metric, metrics } from "../metrics/metrics.ts";
import { EvalError } from "../errors.ts";
import { definitionsCaption } from "../metrics/definitions.ts";
import { defaultPolicy, type EvaluationPolicy } from "../metrics/policy.ts";
import { percent } from "./percent.ts";
import { renderTable } from "./render_table.ts";
import type { RunRecord } from "../statistics/run_record.ts";
import { average, describe, summarise } from "../statistics/summarise.ts";
import { tableCell, type TableFormat, type TableModel } from "./table_model.ts";

/** How the modalities after the first were moved against it before prediction. */
export type Perturbation = "translation" | "rotation" | "elastic" | "slice-drop";

/** Unit of the level of each perturbation. */
export const perturbationUnits: Readonly<Record<Perturbation, string>> = {
  translation: "mm",
  rotation: "°",
  elastic: "mm",
  "slice-drop": "slices",
};

/** A record of a prediction on misaligned input. */
export interface RobustnessRecord extends RunRecord {
  /** What was done to the input. */
  readonly perturbation: Perturbation;
  /** How much of it, in the unit of the perturbation; 0 is the input as it is. */
  readonly level: number;
}

/** The mean of a metric at one level, for each seed. */
export interface RobustnessPoint {
  /** Method. */
  readonly method: string;
  /** Label ratio. */
  readonly label_ratio: number;
  /** Perturbation. */
  readonly perturbation: Perturbation;
  /** Modality judged. */
  readonly modality: string;
  /** Level of the perturbation. */
  readonly level: number;
  /** Mean over classes of the mean over cases, one number a seed. */
  readonly seeds: readonly number[];
}

/** Means by method, label ratio, perturbation, modality and level, in the order they first appear, levels ascending. */
export function robustnessPoints(records: readonly RobustnessRecord[], metric: Metric): RobustnessPoint[] {
  const groups = new Map<string, RobustnessRecord[]>();
  for (const r of records) {
    const key = JSON.stringify([r.method, r.label_ratio, r.perturbation, r.modality, r.level]);
    const group = groups.get(key);
    if (group) group.push(r);
    else groups.set(key, [r]);
  }
  const points = [...groups.values()].map((group) => {
    const { method, label_ratio, perturbation, modality, level } = group[0]!;
    const seeds = [...new Set(group.map((r) => r.seed))].toSorted((a, b) => a - b)
      .map((seed) => summarise(group.filter((r) => r.seed === seed)).mean[metric]).filter((mean) =>
        mean !== null
      );
    return { method, label_ratio, perturbation, modality, level, seeds };
  }).filter((point) => point.seeds.length > 0);
  return points.toSorted((a, b) => a.level - b.level);
}

/**
 * Least-squares slope of a mean against the level.
 *
 * @throws {EvalError} `eval.robustness` with fewer than two levels
 */
export function slopePerLevel(points: readonly Pick<RobustnessPoint, "level" | "seeds">[]): number {
  const x = points.map((p) => p.level), y = points.map((p) => average(p.seeds)!);
  const mx = average(x), my = average(y);
  const spread = mx === null ? 0 : x.reduce((sum, v) => sum + (v - mx) ** 2, 0);
  if (spread === 0) {
    throw new EvalError("eval.robustness", `a slope needs two levels; got [${x.join(", ")}]`, {
      fix: "Evaluate at level 0 and at least one more.",
    });
  }
  return x.reduce((sum, v, i) => sum + (v - mx!) * (y[i]! - my!), 0) / spread;
}

/** How {@link robustnessTable} is written. */
export interface RobustnessTableOptions {
  /** The metric; Dice unless told. */
  readonly metric?: Metric;
  /** Format of the text; Markdown unless told. */
  readonly format?: TableFormat;
  /** The policy the records were made under. */
  readonly policy?: EvaluationPolicy;
}

/**
 * A table for each perturbation: methods down, levels across, the slope last.
 *
 * @throws {EvalError} `eval.robustness` with fewer than two levels
 */
export function robustnessTable(
  records: readonly RobustnessRecord[],
  options: RobustnessTableOptions = {},
): string {
  const { format = "markdown" } = options;
  return robustnessTableModels(records, options).map((model) => renderTable(model, format)).join("\n");
}

/** The same tables before they are written. */
export function robustnessTableModels(
  records: readonly RobustnessRecord[],
  { metric = "dice", policy = defaultPolicy }: RobustnessTableOptions = {},
): TableModel[] {
  const points = robustnessPoints(records, metric);
  return [...new Set(records.map((r) => r.perturbation))].map((kind) =>
    modelOf(kind, points, metric, policy)
  );
}

function modelOf(
  kind: Perturbation,
  all: readonly RobustnessPoint[],
  metric: Metric,
  policy: EvaluationPolicy,
): TableModel {
  const points = all.filter((p) => p.perturbation === kind);
  const levels = [...new Set(points.map((p) => p.level))];
  const unit = perturbationUnits[kind], { label, unit: metricUnit, digits } = metrics[metric];
  const rows = [
    ...new Map(points.map((p) => [JSON.stringify([p.label_ratio, p.method, p.modality]), p])).values(),
  ].map((first) => {
    const own = points.filter((p) =>
      p.label_ratio === first.label_ratio && p.method === first.method && p.modality === first.modality
    );
    return {
      heads: [first.method, percent(first.label_ratio), first.modality],
      cells: [
        ...levels.map((level) => {
          const point = own.find((p) => p.level === level);
          return tableCell(describe(point?.seeds ?? []));
        }),
        tableCell({ mean: slopePerLevel(own) }),
      ],
    };
  });
  return {
    title: `${label} under ${kind} of all modalities but the first`,
    label: `robustness-${kind}`,
    caption: `Mean ± sd over n seeds of the mean over classes; slope: ` +
      `least squares, per ${unit}. ${definitionsCaption(policy, [metric])}`,
    heads: ["method", "labels", "modality"],
    columns: [
      ...levels.map((level) => ({
        key: `${kind}_${level}`,
        labels: [`${label}${metricUnit === "" ? "" : ` ${metricUnit}`} at ${level} ${unit}`],
        digits,
      })),
      { key: "slope", labels: [`slope per ${unit}`], digits: digits + 2 },
    ],
    rows,
  };
}
