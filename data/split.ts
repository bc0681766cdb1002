/**
 * Who is trained on with labels, who without, and who is kept for validation and test.
 *
 * Everything is decided over subjects, from a seed and the sorted ids alone: no clock, no folder order, so
 * every machine makes the same split.
 *
 * @module
 */

import { Random } from "../tensor/random.ts";
import { byCodePoint, type Case, type Dataset, isLabelled } from "./dataset.ts";
import { DataError, type DataWarning } from "./errors.ts";
import { listed } from "./listed.ts";

/** The case ids of the four parts, each sorted by code point. */
export interface Split {
  /** Training cases whose labels are used. */
  readonly labelled: readonly string[];
  /** Training cases of which only the images are used. */
  readonly unlabelled: readonly string[];
  /** Cases that choose the checkpoint. */
  readonly validation: readonly string[];
  /** Cases opened once, at the end. */
  readonly test: readonly string[];
}

/** How to split by label ratio; exactly one of `ratio` and `count` is given. */
export interface LabelRatioOptions {
  /** The {@link labelRatio} to make, in (0, 1], or a string such as `"10%"`. */
  readonly ratio?: number | string;
  /** Number of training subjects that keep their labels. */
  readonly count?: number;
  /** Decides who; the same seed always gives the same subjects. */
  readonly seed: number;
  /** Validation subjects: a share below 1 of all subjects with labels, or a number of them. */
  readonly validation: number;
  /** Test subjects: a share below 1 of all subjects with labels, or a number of them. */
  readonly test: number;
  /** A stratum for each case; every prefix of the labelled subjects then mixes the strata in proportion. */
  readonly stratify?: (of: Case) => string;
  /**
   * Called when a ratio asks for less than half a subject and one is labelled all the same, and with the cases that
   * are used for nothing.
   */
  readonly onWarning?: (warning: DataWarning) => void;
}

/**
 * The label ratio of a split: of the training subjects that have labels, the share whose labels are used. 1 is
 * training with every label there is, however many subjects without labels train along.
 *
 * @throws {DataError} `split.unknown`, `split.empty` when no training subject has labels
 */
export function labelRatio(
  dataset: Pick<Dataset, "cases">,
  { labelled, unlabelled }: Pick<Split, "labelled" | "unlabelled">,
): number {
  const cases = new Map(dataset.cases.map((of) => [of.id, of]));
  const subjectsIn = (ids: readonly string[]) =>
    new Set(ids.flatMap((id) => {
      const of = cases.get(id);
      if (of === undefined) {
        throw new DataError("split.unknown", `the split names case ${id}, which is not there`);
      }
      return isLabelled(of) ? [of.subject] : [];
    }));
  const used = subjectsIn(labelled).size, available = subjectsIn([...labelled, ...unlabelled]).size;
  if (available === 0) throw new DataError("split.empty", "no training subject has labels");
  return used / available;
}

/**
 * Splits a data set over subjects and keeps the labels of a part of the training subjects.
 *
 * Test and validation subjects are drawn first and do not depend on the ratio. The training subjects are then
 * put in one random order and the first of them stay labelled, so the 10 % set lies inside the 20 % set. At
 * least one subject stays labelled. Subjects without any label are always unlabelled training subjects.
 *
 * Labels count case by case: of a subject with labels for some scans only, those without train unlabelled; when
 * such a subject is drawn for validation or test, its scans without labels are used for nothing.
 *
 * @throws {DataError} `split.ratio` for a ratio, count or share out of range, `split.empty` when a part that
 * was asked for has no subject
 *
 * @example 20 % of the training subjects keep their labels
 * ```ts
 * import { makePhantom } from "./phantom.ts";
 * import { splitByLabelRatio } from "./split.ts";
 * import assert from "node:assert/strict";
 *
 * const dataset = makePhantom({ cases: 20, modalities: ["ct", "mr"], misalignmentMm: 0, seed: 1 });
 * const split = splitByLabelRatio(dataset, { ratio: 0.2, seed: 1, validation: 2, test: 3 });
 * assert.deepEqual([split.labelled.length, split.unlabelled.length], [3, 12]);
 * ```
 */
export function splitByLabelRatio(dataset: Pick<Dataset, "cases">, options: LabelRatioOptions): Split {
  const subjects = subjectsOf(dataset.cases);
  const judged = subjectsWithLabels(subjects);
  const order = arrange(judged, subjects, new Random(options.seed).child("split"), options.stratify);

  const testCount = partSize("test", options.test, judged.length);
  const validationCount = partSize("validation", options.validation, judged.length);
  const training = order.slice(testCount + validationCount);
  if (training.length === 0) {
    throw new DataError(
      "split.empty",
      `${judged.length} subjects with labels: ${testCount} for test and ${validationCount} for validation ` +
        "leave none to train on",
      { fix: "Give smaller test and validation parts, or more cases." },
    );
  }
  const kept = labelledCount(options, training.length);
  const withoutLabel = [...subjects.keys()].filter((subject) => !judged.includes(subject));
  const of = (names: readonly string[]) => names.flatMap((name) => subjects.get(name)!);
  const ids = (cases: readonly Case[]) => cases.map(({ id }) => id).sort(byCodePoint);
  const chosen = of(training.slice(0, kept));
  return {
    labelled: ids(chosen.filter(isLabelled)),
    unlabelled: ids([
      ...chosen.filter((scan) => !isLabelled(scan)),
      ...of([...training.slice(kept), ...withoutLabel]),
    ]),
    validation: judgedIds("validation", of(order.slice(testCount, testCount + validationCount)), options),
    test: judgedIds("test", of(order.slice(0, testCount)), options),
  };
}

/** The cases of a part that can be judged; the others are named. */
function judgedIds(
  part: string,
  cases: readonly Case[],
  { onWarning }: Pick<LabelRatioOptions, "onWarning">,
): string[] {
  const left = cases.filter((of) => !isLabelled(of)).map(({ id }) => id).sort(byCodePoint);
  if (left.length > 0) {
    onWarning?.({
      code: "split.unused",
      message: `${left.length} cases of ${part} subjects have no labels and are used for nothing: ${
        listed(left)
      }`,
    });
  }
  return cases.filter(isLabelled).map(({ id }) => id).sort(byCodePoint);
}

/**
 * Splits for k-fold cross-validation: each subject with labels is in the test part of exactly one of them.
 *
 * @param options as for {@link splitByLabelRatio}; `validation` is taken out of each fold's other subjects
 * @throws {DataError} `split.folds` when there are fewer subjects than folds, or fewer than 2 folds
 */
export function kFold(
  dataset: Pick<Dataset, "cases">,
  folds: number,
  options: Omit<LabelRatioOptions, "test">,
): Split[] {
  const subjects = subjectsOf(dataset.cases);
  const judged = subjectsWithLabels(subjects);
  if (!Number.isInteger(folds) || folds < 2 || judged.length < folds) {
    throw new DataError("split.folds", `${folds} folds of ${judged.length} subjects with labels`, {
      fix: `Ask for 2 to ${judged.length} folds.`,
    });
  }
  const order = arrange(judged, subjects, new Random(options.seed).child("folds"), options.stratify);
  return Array.from({ length: folds }, (_, fold) => {
    const test = order.filter((_, at) => at % folds === fold);
    const rest = dataset.cases.filter(({ subject }) => !test.includes(subject));
    return {
      ...splitByLabelRatio({ cases: rest }, { ...options, test: 0 }),
      test: judgedIds("test", test.flatMap((name) => subjects.get(name)!), options),
    };
  });
}

/**
 * Refuses a split that names unknown cases or lets a subject into two parts. A case may be in both training
 * parts (some protocols show the labelled images to the unlabelled stream too), never twice in one.
 *
 * @throws {DataError} `split.unknown`, `split.leak`, or `split.unlabelled` when a part that needs labels holds a
 * case without
 */
export function checkSplit(dataset: Pick<Dataset, "cases">, split: Split): void {
  const cases = new Map(dataset.cases.map((of) => [of.id, of]));
  const home = new Map<string, string>();
  for (const part of ["labelled", "unlabelled", "validation", "test"] as const) {
    const seen = new Set<string>();
    for (const id of split[part]) {
      const of = cases.get(id);
      if (of === undefined) {
        throw new DataError(
          "split.unknown",
          `the ${part} list names case ${id}, which is not in the data set`,
        );
      }
      if (seen.has(id)) throw new DataError("split.leak", `case ${id} is twice in the ${part} list`);
      seen.add(id);
      if (part !== "unlabelled" && !isLabelled(of)) {
        throw new DataError("split.unlabelled", `case ${id} is in the ${part} list but has no labels`);
      }
      const group = part === "labelled" || part === "unlabelled" ? "training" : part;
      const other = home.get(of.subject);
      if (other !== undefined && other !== group) {
        throw new DataError(
          "split.leak",
          `subject ${of.subject} (case ${id}) is in the ${part} part and in the ${other} part`,
          { fix: "Keep all cases of a subject in one part; the figures of this split would be too good." },
        );
      }
      home.set(of.subject, group);
    }
  }
}

function subjectsOf(cases: readonly Case[]): Map<string, Case[]> {
  const subjects = new Map<string, Case[]>();
  for (const of of [...cases].sort((a, b) => byCodePoint(a.subject, b.subject) || byCodePoint(a.id, b.id))) {
    subjects.set(of.subject, [...subjects.get(of.subject) ?? [], of]);
  }
  return subjects;
}

/** The subjects that have labels for at least one scan. */
function subjectsWithLabels(subjects: ReadonlyMap<string, readonly Case[]>): string[] {
  return [...subjects].filter(([, cases]) => cases.some(isLabelled)).map(([subject]) => subject);
}

/** The subjects in random order; with strata, each prefix holds every stratum in proportion (to within one). */
function arrange(
  names: readonly string[],
  subjects: Map<string, Case[]>,
  random: Random,
  stratify?: (of: Case) => string,
): string[] {
  const shuffled = random.permutation(names.length).map((at) => names[at]!);
  if (stratify === undefined) return shuffled;
  const strata = new Map<string, string[]>();
  for (const name of shuffled) {
    const key = stratify(subjects.get(name)![0]!);
    strata.set(key, [...strata.get(key) ?? [], name]);
  }
  return [...strata].sort(([a], [b]) => byCodePoint(a, b))
    .flatMap(([, members]) => members.map((name, at) => ({ name, place: (at + 0.5) / members.length })))
    .sort((a, b) => a.place - b.place)
    .map(({ name }) => name);
}

function partSize(part: string, wanted: number, available: number): number {
  const count = wanted > 0 && wanted < 1 ? Math.max(1, Math.round(wanted * available)) : wanted;
  if (!Number.isInteger(count) || count < 0) {
    throw new DataError(
      "split.ratio",
      `${part} is ${wanted}; expected a share in [0, 1) or a number of subjects`,
    );
  }
  return count;
}

function labelledCount({ ratio, count, onWarning }: LabelRatioOptions, available: number): number {
  if ((ratio === undefined) === (count === undefined)) {
    throw new DataError("split.ratio", "give either a label ratio or a count of labelled subjects, not both");
  }
  if (count !== undefined) {
    if (!Number.isInteger(count) || count < 1 || count > available) {
      throw new DataError("split.ratio", `${count} labelled subjects of ${available} training subjects`, {
        fix: `Ask for 1 to ${available}.`,
      });
    }
    return count;
  }
  const share = parseRatio(ratio!);
  if (share * available < 0.5) {
    const message =
      `a label ratio of ${ratio} of ${available} training subjects is less than one; one is labelled`;
    onWarning?.({ code: "split.rounded", message });
  }
  return Math.max(1, Math.round(share * available));
}

/**
 * Reads a label ratio: a number in (0, 1], or a string such as `"0.1"` or `"10%"`.
 *
 * @throws {DataError} `split.ratio` for anything else
 */
export function parseRatio(ratio: number | string): number {
  const match = typeof ratio === "string" ? /^\s*(\d*\.?\d+)\s*(%?)\s*$/.exec(ratio) : null;
  const share = match ? Number(match[1]) / (match[2] === "%" ? 100 : 1) : Number(ratio);
  if (!(share > 0 && share <= 1)) {
    throw new DataError(
      "split.ratio",
      `the label ratio is ${ratio}; expected a number in (0, 1] or a percentage`,
      {
        fix: 'Write for example 0.2 or "20%"; 1 is full supervision.',
      },
    );
  }
  return share;
}
