import { metrics } from "../metrics/metrics.ts";
import { percent } from "./percent.ts";
import { renderTable } from "./render_table.ts";
import { tableCell, type TableColumn, type TableFormat, type TableModel } from "./table_model.ts";
import { classLabels } from "../statistics/class_labels.ts";
import type { Comparison } from "../statistics/compare.ts";

const columns: readonly TableColumn[] = [
  { key: "difference", labels: ["mean difference"], digits: 4 },
  { key: "low", labels: ["95 % from"], digits: 4 },
  { key: "high", labels: ["to"], digits: 4 },
  { key: "p_wilcoxon", labels: ["p Wilcoxon"], digits: 4 },
  { key: "p_permutation", labels: ["p permutation"], digits: 4 },
  { key: "p_holm", labels: ["p Holm"], digits: 4 },
  { key: "effect", labels: ["rank-biserial"], digits: 2 },
  { key: "better", labels: ["cases better"], digits: 0 },
  { key: "seeds", labels: ["seeds that agree"], digits: 0 },
];

/** Comparisons as a table, one a row, what was not significant included. */
export function comparisonList(comparisons: readonly Comparison[], format: TableFormat = "markdown"): string {
  return renderTable(comparisonListModel(comparisons), format);
}

/** The same table before it is written. */
export function comparisonListModel(comparisons: readonly Comparison[]): TableModel {
  const nameOf = classLabels(comparisons.flatMap((c) => c.structure ?? []));
  const tests = comparisons[0]?.tests ?? 0;
  return {
    title: "Differences between methods",
    label: "comparisons",
    caption:
      "Mean difference: method minus baseline, over n cases averaged over seeds first; interval: bootstrap " +
      "percentiles of 10,000 resamples; p: two-sided Wilcoxon signed-rank (Pratt zeros, exact to 50 cases) and " +
      "paired permutation; Holm: the Wilcoxon p corrected over " +
      `the ${tests} comparisons that have one, all of those made together; no p below 6 cases; ` +
      "seeds that agree: seeds whose mean difference has the sign of the overall one.",
    heads: ["comparison", "labels", "modality", "class", "metric"],
    columns,
    rows: comparisons.map((c) => ({
      heads: [
        `${c.method} − ${c.baseline}`,
        percent(c.label_ratio),
        c.modality ?? "all",
        c.structure === null ? "all" : nameOf(c.structure),
        metrics[c.metric].label,
      ],
      cells: [
        tableCell({ mean: c.mean_difference, n: c.n }),
        ...[
          c.interval?.[0] ?? null,
          c.interval?.[1] ?? null,
          c.p_wilcoxon,
          c.p_permutation,
          c.p_holm,
          c.effect,
        ]
          .map((mean) => tableCell({ mean })),
        tableCell({ mean: c.better, n: c.n }),
        tableCell({
          mean: c.seeds.filter((s) => s.difference * (c.mean_difference ?? 0) > 0).length,
          n: c.seeds.length,
        }),
      ],
    })),
  };
}
