import type { MetricBasis, MetricRow } from "./metric_row.ts";
import { type Metric, metricNames, metrics } from "./metrics.ts";
import { defaultPolicy, type EvaluationPolicy } from "./policy.ts";

const bases: Readonly<Record<MetricBasis, string>> = {
  voxels: "counted per case, class and modality on the native grid",
  surface: "voxels of the structure with a face neighbour (6-connectivity) outside it; the border of the " +
    "volume counts as outside; a volume of one slice is judged in its plane (4-connectivity); distances between " +
    "voxel centres in mm by exact Euclidean transform",
  elements:
    "surface elements at the corners of voxels with the areas of Nikolov et al. (arXiv:1809.04430); of a " +
    "single slice, pieces of its contour with their length",
  parts: "26-connectivity; of a single slice, 8-connectivity",
};

/** What each metric means under a policy, what the metrics stand on, and what becomes of empty structures. */
export function definitions(policy: EvaluationPolicy = defaultPolicy): Record<string, string> {
  return {
    ...Object.fromEntries(metricNames.map((name) => [name, metrics[name].definition(policy)])),
    ...bases,
    empty: emptyRule(policy, metricNames),
  };
}

/** What happens to a class that one volume or both lack, as far as it concerns some metrics. */
function emptyRule(policy: EvaluationPolicy, columns: readonly Metric[]): string {
  const rows = columns.map((column): MetricRow => metrics[column]);
  const zero = rows.filter((row) => row.whenMissed === 0);
  const parts = [
    ...(zero.length > 0 ? [`${zero.map((row) => row.label).join(", ")} 0`] : []),
    ...(rows.some((row) => row.whenMissed === "distance")
      ? [
        policy.missDistance === "diagonal"
          ? "surface distances are the image diagonal in mm"
          : "surface distances are undefined and left out",
      ]
      : []),
  ];
  return "class in neither volume: absent, left out and counted" +
    (parts.length === 0
      ? ""
      : "; class only in the reference (missed) or only in the prediction (false positive): " +
        parts.join(", "));
}

/** The definitions that concern some metrics, as one caption; of all metrics unless told. */
export function definitionsCaption(
  policy: EvaluationPolicy = defaultPolicy,
  columns: readonly Metric[] = metricNames,
): string {
  const rows = columns.map((column): MetricRow => metrics[column]);
  const stoodOn = [...new Set(rows.map((row) => row.basis))];
  return [
    ...rows.map((row) => `${row.label}: ${row.definition(policy)}`),
    ...stoodOn.map((basis) => `${basis}: ${bases[basis]}`),
    `empty: ${emptyRule(policy, columns)}`,
  ].join(". ") + ".";
}
