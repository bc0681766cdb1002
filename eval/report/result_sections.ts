import { type Metric, metrics } from "../metrics/metrics.ts";
import { classLabels } from "../statistics/class_labels.ts";
import { compareMethods, type Comparison } from "../statistics/compare.ts";
import type { RunRecord } from "../statistics/run_record.ts";
import { comparisonListModel } from "../tables/comparison_list.ts";
import { comparisonTableModel } from "../tables/comparison_table.ts";
import { percent } from "../tables/percent.ts";
import { renderTable } from "../tables/render_table.ts";
import type { TableModel } from "../tables/table_model.ts";
import { tableParts } from "../tables/table_parts.ts";
import { escapeHtml } from "../text.ts";
import { fold, wide } from "./page.ts";
import { costsByMethod } from "./run_groups.ts";
import type { RunResults } from "./run_results.ts";

/** The metrics that a report shows. */
export const reportMetrics: readonly Metric[] = ["dice", "assd_mm"];

/** As many columns of numbers fit on a page and on paper; a phone scrolls. */
const columnsOfPage = 9;

/** A table, in parts where it is wide, with its caption below at the width of the page. */
export function tableHtml(model: TableModel): string {
  const { title, caption } = model;
  const parts = tableParts(model, columnsOfPage).map((part) =>
    wide(renderTable({ ...part, caption: "", title: "" }, "html"))
  );
  return `${parts.join("\n")}<p class="note">${escapeHtml(`${title}. ${caption}`)}</p>`;
}

/** The comparison table with costs. */
export function resultsHtml(
  runs: readonly RunResults[],
  records: readonly RunRecord[],
  baseline: string | undefined,
): string {
  return tableHtml(comparisonTableModel(records, {
    metrics: reportMetrics,
    costs: costsByMethod(runs),
    ...(baseline !== undefined && { baseline }),
  }));
}

/** Of more comparisons than these, those over all classes and modalities come first, and the others on demand. */
const fewComparisons = 24;

/** All tests, and in words those that were not significant. */
export function significanceHtml(records: readonly RunRecord[], baseline: string): string {
  const comparisons = compareMethods(records, { baseline, metrics: reportMetrics });
  const open = comparisons.filter((c) => c.p_holm === null || c.p_holm >= 0.05);
  const nameOf = classLabels(records);
  const where = (c: Comparison): string =>
    c.structure === null ? "all classes and modalities" : `${nameOf(c.structure)} (${c.modality})`;
  const phrase = (c: Comparison): string =>
    `${c.method} against ${c.baseline} at ${percent(c.label_ratio)} labels, ${where(c)}, ${
      metrics[c.metric].label
    }: ${c.p_holm === null ? `${c.n} cases, too few for a test` : `Holm p ${c.p_holm.toFixed(3)}`}`;
  const list = open.length === 0
    ? "<p>Every comparison is significant at 0.05 after Holm's correction.</p>"
    : `<p>${open.length} of ${comparisons.length} comparisons show no significant difference:</p>\n<ul>${
      open.map((c) => `<li>${escapeHtml(phrase(c))}</li>`).join("\n")
    }</ul>`;
  const table = tableHtml(comparisonListModel(comparisons));
  if (comparisons.length <= fewComparisons) return `${table}\n<h3>Not significant</h3>\n${list}`;
  const overall = comparisons.filter((c) => c.structure === null);
  return `${tableHtml(comparisonListModel(overall))}\n${
    fold(`All ${comparisons.length} comparisons`, table)
  }\n${fold("Those that are not significant", list)}`;
}

/** The structures that were missed or invented. */
export function missesHtml(records: readonly RunRecord[]): string {
  const wrong = records.filter((r) => r.status === "missed" || r.status === "false-positive");
  if (wrong.length === 0) return "<p>No class was missed or invented in any case.</p>";
  const nameOf = classLabels(records);
  const rows = wrong.map((r) =>
    `<tr><th scope="row">${escapeHtml(r.run)}</th>${
      [r.case, r.modality, nameOf(r), r.status === "missed" ? "missed" : "false positive"]
        .map((cell) => `<td class="text">${escapeHtml(cell)}</td>`).join("")
    }<td>${r.n_ref}</td><td>${r.n_pred}</td></tr>`
  );
  const heads = ["run", "case", "modality", "class", "what", "reference voxels", "predicted voxels"];
  return fold(
    `${wrong.length} of ${records.length} structures`,
    wide(
      `<table><thead><tr>${heads.map((h) => `<th scope="col">${h}</th>`).join("")}</tr></thead><tbody>${
        rows.join("\n")
      }</tbody></table>`,
    ),
  );
}
