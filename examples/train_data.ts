/**
 * The data set and the split of a training started from the command line.
 *
 * @module
 */

import {
  type Case,
  DataError,
  type Dataset,
  type DataWarning,
  type FileDataset,
  kFold,
  makePhantom,
  misalign,
  readSplit,
  type Split,
  splitByLabelRatio,
  withPseudoLabels,
} from "../data/mod.ts";
import { UsageError } from "./command.ts";
import { modalityList, openData } from "./open_data.ts";
import { foldPattern } from "./setting_kinds.ts";
import type { DataSettings, Settings } from "./train_settings.ts";

/** What a training without `--data` works on: the same cases whatever the seed of the training. */
const phantomDefaults = { cases: 24, misalignmentMm: 1, seed: 0 };

/** Subjects of the phantom that are kept for validation and test. */
const phantomParts = { validation: 3, test: 5 };

function phantomOf({ phantom: anatomy = "abdomen", phantomCases: cases, modalities }: DataSettings): Dataset {
  const options = { ...phantomDefaults, ...(cases !== undefined && { cases }) };
  if (anatomy === "heart") {
    const some = modalities !== undefined && { modalities: modalityList(modalities) };
    return makePhantom({ anatomy, ...options, ...some });
  }
  if (anatomy === "abdomen") return makePhantom({ ...options, modalities: ["ct", "mr"] });
  throw new UsageError(`--phantom ${anatomy}: expected abdomen or heart`);
}

/** Refuses what is said about a phantom when there are data. */
function requireNoPhantom({ data, phantom, phantomCases }: DataSettings): void {
  const said = phantom === undefined ? phantomCases : phantom;
  if (said === undefined) return;
  const option = phantom === undefined ? "--phantom-cases" : "--phantom";
  throw new UsageError(`${option} ${said}: there is no phantom beside --data ${data}`, `Leave one out.`);
}

/** A data set, its split, and the settings that made them, complete. */
export interface TrainingCases {
  /** The cases. */
  readonly dataset: Dataset;
  /** Which are for what. */
  readonly split: Split;
  /** The unlabelled cases with labels that networks predicted, when there are any. */
  readonly pseudoLabelled?: Dataset;
  /** For `config.json`: a training with these settings has the same cases in the same parts. */
  readonly settings: DataSettings;
}

/** Refuses what is said about the split when the split is already fixed. */
function requireUndecided(aboutSplit: readonly string[], by: string, fix: string): void {
  if (aboutSplit.length === 0) return;
  const list = aboutSplit.join(", ");
  throw new UsageError(`${list}: the split is already decided by ${by}`, fix);
}

/** The split of one fold of a cross-validation. */
function foldOf(dataset: Dataset, fold: string, how: Parameters<typeof kFold>[2]): Split {
  const [, number, folds] = foldPattern.exec(fold)?.map(Number) ?? [];
  if (number === undefined || folds === undefined || number > folds) {
    throw new UsageError(`--fold ${fold}: expected K/N with K from 1 to N, such as 2/5`);
  }
  return kFold(dataset, folds, how)[number - 1]!;
}

/** Data set and split, without pseudo-labels. */
async function openSplit(
  { data, aboutSplit }: Settings,
  resume: string | undefined,
  onWarning: (warning: DataWarning) => void,
): Promise<TrainingCases> {
  const { split: file, splitSeed, labelRatio, labelled, validation, test, fold, ...source } = data;
  // Beside the heart, `--modalities` is the phantom's.
  const ofHeart = source.data === undefined && source.phantom === "heart";
  const asked = ofHeart ? { ...source, modalities: undefined } : source;
  const opened = await openData(asked as Record<string, string>, onWarning).catch((error) => {
    if (resume === undefined || !(error instanceof DataError) || error.code !== "data.path") throw error;
    const fix = "The data of the run to resume lay there; say where they lie now with --data.";
    throw new DataError(error.code, error.message, { cause: error, fix });
  });
  if (opened) requireNoPhantom(source);
  const dataset = opened ?? phantomOf(source);
  if (resume !== undefined) {
    requireUndecided(aboutSplit, "the run to resume", "Leave them out, or start a new run.");
    const split = await readSplit(`${resume}/split.json`);
    return { dataset, split, settings: data };
  }
  if (file !== undefined) {
    const others = aboutSplit.filter((option) => option !== "--split");
    requireUndecided(others, `--split ${file}`, "Leave them out, or leave --split out.");
    const split = await readSplit(file);
    return { dataset, split, settings: { ...source, split: file } };
  }
  if (opened?.split) {
    const fix =
      "Leave them out, give another split with --split FILE, or take the split out of the manifest.";
    requireUndecided(aboutSplit, `the manifest of ${opened.name}`, fix);
    return { dataset, split: opened.split, settings: source };
  }
  const testPart = test ?? (opened ? 0.25 : phantomParts.test);
  const settings = {
    ...source,
    splitSeed: splitSeed ?? 0,
    ...(labelled === undefined ? { labelRatio: labelRatio ?? 0.2 } : { labelled }),
    validation: validation ?? (opened ? 0.15 : phantomParts.validation),
    ...(fold === undefined ? { test: testPart } : { fold }),
  };
  const how = {
    ...(labelled === undefined ? { ratio: labelRatio ?? 0.2 } : { count: labelled }),
    seed: settings.splitSeed,
    validation: settings.validation,
    // Where each person has some of the modalities, every part is to have people of each kind.
    ...(!dataset.paired && { stratify: ({ images }: Case) => Object.keys(images).sort().join("+") }),
    onWarning,
  };
  const split = fold === undefined
    ? splitByLabelRatio(dataset, { ...how, test: testPart })
    : foldOf(dataset, fold, how);
  return { dataset, split, settings };
}

/** The data set with every modality but the first out of place in all cases that are not tested. */
function misplaced(
  { dataset, split }: TrainingCases,
  { misalignMm: translationMm = 0, misalignDegrees: rotationDegrees = 0 }: DataSettings,
): Dataset {
  if (translationMm === 0 && rotationDegrees === 0) return dataset;
  const cases = [...new Set([...split.labelled, ...split.unlabelled, ...split.validation])].sort();
  return dataset.modalities.slice(1).reduce<Dataset>(
    // Another seed for each, or all would move the same way and stay in their places to one another.
    (moved, { id: modality }, seed) =>
      misalign(moved, { modality, translationMm, rotationDegrees, cases, seed }),
    dataset,
  );
}

/**
 * Opens the data set and finds its split: that of the run to resume, of `--split`, of the manifest, or one drawn
 * by the label ratio, in this order. Options about a split that is already decided are refused.
 * With `--misalign-mm` and `--misalign-degrees` modalities are moved; with `--pseudo-labels` the unlabelled cases are opened once more, with these labels.
 *
 * @param resume folder of the run to resume
 */
export async function openCases(
  settings: Settings,
  resume: string | undefined,
  onWarning: (warning: DataWarning) => void,
): Promise<TrainingCases> {
  const cases = await openSplit(settings, resume, onWarning), folder = settings.data.pseudoLabels;
  if (folder === undefined) return { ...cases, dataset: misplaced(cases, settings.data) };
  if (settings.data.misalignMm || settings.data.misalignDegrees) {
    throw new UsageError(
      "--pseudo-labels does not go with --misalign-mm and --misalign-degrees",
      "Pseudo-labels belong to images in their place.",
    );
  }
  if (!("root" in cases.dataset)) {
    throw new UsageError(
      "--pseudo-labels needs a data set in files",
      "Give its folder or manifest with --data.",
    );
  }
  const dataset = cases.dataset as FileDataset;
  return {
    ...cases,
    pseudoLabelled: await withPseudoLabels(dataset, folder, cases.split.unlabelled, onWarning),
  };
}
