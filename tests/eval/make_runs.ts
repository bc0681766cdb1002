import type { RobustnessRecord } from "../../eval/tables/robustness.ts";
import { type RunRecord, tagRecords } from "../../eval/statistics/run_record.ts";
import { Random } from "../../tensor/random.ts";
import { makeRecords } from "./make_records.ts";

/**
 * Records of two methods × two label ratios × three seeds on the same cases: what the evaluation of real runs
 * looks like, with Dice numbers drawn around a level of each run, so that `cmc` lies above `supervised`.
 */
export function makeRunRecords(cases = 8): RunRecord[] {
  const base = makeRecords(cases);
  return ["supervised", "cmc"].flatMap((method) =>
    [0.1, 0.2].flatMap((label_ratio) =>
      [0, 1, 2].flatMap((seed) => {
        const random = new Random(seed).child(method).child(`${label_ratio}`);
        const level = 0.62 + label_ratio + (method === "cmc" ? 0.06 : 0);
        const records = base.map((r) => {
          if (r.status !== "found") return r;
          const dice = Math.min(0.99, level + (r.dice! - 0.75) * 0.2 + random.normal(0, 0.02));
          return { ...r, dice, assd_mm: 4 * (1 - dice), hd95_mm: 12 * (1 - dice) };
        });
        return tagRecords(records, { run: `${method}-${label_ratio}-s${seed}`, method, label_ratio, seed });
      })
    )
  );
}

/** The same runs at misalignments of the second modality; each mm or degree costs Dice, `mr` most. */
export function makeRobustnessRecords(): RobustnessRecord[] {
  return ([["translation", [0, 2, 4, 8]], ["rotation", [0, 5, 10]]] as const).flatMap((
    [perturbation, levels],
  ) =>
    levels.flatMap((level) =>
      makeRunRecords(4).filter((r) => r.label_ratio === 0.1).map((r) => ({
        ...r,
        dice: r.dice === null || r.dice === 0
          ? r.dice
          : r.dice - level * (r.modality === "mr" ? 0.02 : 0.002),
        perturbation,
        level,
      }))
    )
  );
}
