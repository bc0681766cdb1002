import { type Metric, metrics } from "./case_record.ts";
import { EvalError } from "../errors.ts";

/** The choices behind the numbers; they travel with them into every caption. */
export interface EvaluationPolicy {
  /** Tolerance of the normalised surface Dice, in mm. */
  readonly nsdToleranceMm: number;
  /**
   * What a surface distance is when only one of the two volumes holds the class: the diagonal of the image
   * in mm, so that a miss costs more than any find, or undefined.
   */
  readonly missDistance: "diagonal" | "undefined";
}

/** The policy used when none is given: NSD at 2 mm, a miss costs the image diagonal. */
export const defaultPolicy: EvaluationPolicy = { nsdToleranceMm: 2, missDistance: "diagonal" };

/** A full policy from the choices given. @throws {EvalError} `eval.policy` when the tolerance is not ≥ 0 */
export function resolvePolicy(given: Partial<EvaluationPolicy> = {}): EvaluationPolicy {
  const policy = { ...defaultPolicy, ...given };
  if (!(policy.nsdToleranceMm >= 0 && Number.isFinite(policy.nsdToleranceMm))) {
    throw new EvalError("eval.policy", `the tolerance of NSD is ${policy.nsdToleranceMm} mm; expected ≥ 0`, {
      fix: "Give a tolerance in mm, such as 2.",
    });
  }
  return policy;
}

/** What each metric means under a policy, one sentence a metric family. */
export function definitions(policy: EvaluationPolicy = defaultPolicy): Record<string, string> {
  const miss = policy.missDistance === "diagonal"
    ? "surface distances are the image diagonal in mm"
    : "surface distances are undefined and left out";
  return {
    dice: "2·tp / (2·tp + fp + fn), voxels counted per case, class and modality on the native grid",
    surface: "voxels of the structure with a face neighbour (6-connectivity) outside it; the border of the " +
      "volume counts as outside; distances between voxel centres in mm by exact Euclidean transform",
    asd: "mean distance from one surface to the other, directed as named",
    assd_mean: "mean of the two directed means",
    assd: "mean over the distances of both directions pooled",
    assd_area: "the same over surface elements between voxels, weighed by their area",
    hd: "larger of the two directed maxima",
    hd95: "larger of the two directed 95th percentiles, linear interpolation",
    nsd: `share of surface voxels of both structures within ${policy.nsdToleranceMm} mm`,
    lesion_f1: "connected parts (26-connectivity), a part found when the volumes share a voxel of it",
    empty: "class in neither volume: absent, left out and counted; class only in the reference (missed) or " +
      `only in the prediction (false positive): Dice, NSD and lesion F1 0, ${miss}`,
  };
}

/** The definitions that concern some metrics, as one caption; of all metrics unless told. */
export function definitionsCaption(
  policy: EvaluationPolicy = defaultPolicy,
  columns: readonly Metric[] = Object.keys(metrics) as Metric[],
): string {
  const shown = (name: string): boolean =>
    name === "empty" ||
    columns.some((column) =>
      column === name || column === `${name}_mm` || (name === "asd" && column.startsWith("asd_")) ||
      (name === "surface" && (column === "nsd" || metrics[column].unit === "mm"))
    );
  return Object.entries(definitions(policy)).filter(([name]) => shown(name))
    .map(([name, text]) => `${name}: ${text}`).join(". ") + ".";
}
