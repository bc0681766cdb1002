/**
 * What decides a training started from the command line: options beat a `--config` file, which beats the settings
 * of the run to resume, which beat the defaults.
 *
 * @module
 */

import { resolve } from "node:path";
import {
  engineNames,
  type Method,
  nearest,
  optionOf,
  readJsonObject,
  type TrainOptions,
} from "../model/mod.ts";
import { isModule } from "../model/train/is_module.ts";
import { loadMethod, methodSettings } from "./method_options.ts";
import { number, numbers, text, UsageError, type Values } from "./command.ts";
import { checkKinds } from "./setting_kinds.ts";

/** Where data and split come from, as `config.json` stores it; the names are those of the options. */
export interface DataSettings {
  /** The data set's manifest or folder; a phantom when absent. */
  readonly data?: string;
  /** Which phantom. */
  readonly phantom?: string;
  /** How many cases the phantom has. */
  readonly phantomCases?: number;
  /** File-name patterns of the folder. */
  readonly recipe?: string;
  /** Which modalities are used, such as `flair,t1c`; all when absent. */
  readonly modalities?: string;
  /** What to do with voxels that are no numbers. */
  readonly nan?: string;
  /** Voxel size along D, H and W to resample to, in mm. */
  readonly spacing?: [number, number, number];
  /** How axes are named. */
  readonly orientation?: "anatomical" | "slices";
  /** Checkpoint or run whose parameters the training starts from. */
  readonly init?: string;
  /** Whether parameters that it lacks may start from random numbers. */
  readonly initPartial?: boolean;
  /** File with the method, when it is none of the table. */
  readonly methodModule?: string;
  /** Folder of label maps that stand for those of the unlabelled cases. */
  readonly pseudoLabels?: string;
  /** File with the split. */
  readonly split?: string;
  /** Seed of the split. */
  readonly splitSeed?: number;
  /** Share of the training subjects with labels. */
  readonly labelRatio?: number | string;
  /** Number of training subjects with labels. */
  readonly labelled?: number;
  /** Validation subjects, a number or a share. */
  readonly validation?: number;
  /** Test subjects, a number or a share. */
  readonly test?: number;
  /** How far every modality but the first is shifted in training and validation cases, in mm. */
  readonly misalignMm?: number;
  /** How far it is turned there, in degrees. */
  readonly misalignDegrees?: number;
  /** Which fold of a cross-validation is the test part, such as `2/5`. */
  readonly fold?: string;
}

/** Settings of a training from all sources. */
export interface Settings {
  /** Of the method and the trainer. */
  readonly training: TrainOptions;
  /** The method. */
  readonly method: Method;
  /** Of data and split. */
  readonly data: DataSettings;
  /** What was said about the split in this call, by name of the option; a resumed run's own settings do not count. */
  readonly aboutSplit: readonly string[];
}

/** Option of each setting about the split. */
const splitOptions = {
  split: "--split",
  splitSeed: "--split-seed",
  labelRatio: "--label-ratio",
  labelled: "--labelled",
  validation: "--validation",
  test: "--test",
  fold: "--fold",
} as const;

/** Settings that name other things than the data. */
const otherNames: readonly string[] = ["method", "methodLabel", "settings"];

const dataNames: readonly string[] = [
  "data",
  "phantom",
  "phantomCases",
  "recipe",
  "modalities",
  "nan",
  "spacing",
  "orientation",
  "init",
  "initPartial",
  "methodModule",
  "pseudoLabels",
  "misalignMm",
  "misalignDegrees",
  ...Object.keys(splitOptions),
];

/** Settings that are alternatives: giving one takes back the other from a weaker source. */
const alternatives: readonly (readonly string[])[] = [
  ["labelRatio", "labelled"],
  ["test", "fold"],
  ["method", "methodModule"],
];

type Flat = Readonly<Record<string, unknown>>;

function defined(object: Flat): Flat {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/**
 * Refuses settings that do not exist, or whose value is of another kind.
 *
 * @param path what to name in errors
 * @returns the settings without `dataset` and `preparation`, which a run's own `config.json` has and which only describe
 * @throws {UsageError}
 */
export function checkSettings(all: Flat, path: string): Flat {
  const { dataset: _, preparation: _preparation, ...settings } = all;
  const known = [...otherNames, ...engineNames, ...dataNames];
  const unknown = Object.keys(settings).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const guess = nearest(unknown, known);
    throw new UsageError(
      `${path} has the setting ${JSON.stringify(unknown)}, which does not exist`,
      guess ? `Did you mean ${JSON.stringify(guess)}?` : `Known settings: ${known.join(", ")}.`,
    );
  }
  checkKinds(settings, path);
  return settings;
}

async function settingsIn(path: string, fix: string): Promise<Flat> {
  return checkSettings(await readJsonObject(path, fix), path);
}

/** Settings apart by what they are about. */
export function sortSettings(all: Flat, method: Method): Pick<Settings, "training" | "data"> {
  const pick = (from: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => from(name)));
  return {
    training: { ...pick((name) => !dataNames.includes(name)), method },
    data: pick((name) => dataNames.includes(name)),
  };
}

/** The method that settings name. */
export async function methodIn({ methodModule, method }: Flat): Promise<Method> {
  return await loadMethod(String(methodModule ?? method ?? "cmc"));
}

/** Paths count from the working directory; in a run folder they are stored whole, so that the run can be found again. */
const whole = (path: string | undefined) => path === undefined ? undefined : resolve(path);

/** Settings of the trainer that are numbers or words; the options have their names. */
const plainNumbers = [
  ...["steps", "batch", "accumulate", "validations", "patience", "overfit", "seed"],
  ...["learningRate", "weightDecay", "momentum", "warmUp", "clipNorm", "semiSupervisedFrom", "averageDecay"],
  ...["pseudoLabelWeight"],
  ...["adapterRank", "loraRank"],
] as const;
const plainWords = [
  "deepSupervision",
  "preset",
  "augmentation",
  "storage",
  "optimizer",
  "schedule",
  "keep",
  "positions",
  "trunk",
  "unpaired",
] as const;

function methodGiven(values: Values): Flat {
  const [method, profile] = [text(values, "method"), text(values, "profile")];
  if (method !== undefined && profile !== undefined && method !== profile) {
    throw new UsageError(
      `--method ${method} and --profile ${profile} contradict each other`,
      "Give one of them.",
    );
  }
  return methodOrModule(method ?? profile);
}

function methodOrModule(method: string | undefined): Flat {
  return method !== undefined && isModule(method) ? { methodModule: resolve(method) } : { method };
}

function fromCommandLine(values: Values): Flat {
  const plain = [
    ...plainNumbers.map((name) => [name, number(values, optionOf(name))]),
    ...plainWords.map((name) => [name, text(values, optionOf(name))]),
  ];
  return defined({
    ...Object.fromEntries(plain),
    ...methodGiven(values),
    patch: numbers(values, "patch", 3),
    data: whole(text(values, "data")),
    phantom: text(values, "phantom"),
    phantomCases: number(values, "phantom-cases"),
    recipe: whole(text(values, "recipe")),
    modalities: text(values, "modalities"),
    nan: text(values, "nan"),
    spacing: spacingOf(values),
    orientation: orientationOf(values),
    split: whole(text(values, "split")),
    splitSeed: number(values, "split-seed"),
    labelRatio: text(values, "label-ratio"),
    labelled: number(values, "labelled"),
    validation: number(values, "validation"),
    test: number(values, "test"),
    misalignMm: atLeast0(values, "misalign-mm"),
    misalignDegrees: atLeast0(values, "misalign-degrees"),
    fold: text(values, "fold"),
    init: whole(text(values, "init")),
    initPartial: values["init-partial"] as boolean | undefined,
    pseudoLabels: whole(text(values, "pseudo-labels")),
  });
}

function spacingOf(values: Values): number[] | undefined {
  const spacing = numbers(values, "spacing", 3);
  if (spacing === undefined || spacing.every((mm) => mm > 0 && mm < Infinity)) return spacing;
  throw new UsageError(`--spacing ${spacing}: a voxel has a size above 0 mm along each axis`);
}

function atLeast0(values: Values, name: string): number | undefined {
  const value = number(values, name);
  if (value === undefined || (value >= 0 && value < Infinity)) return value;
  throw new UsageError(`--${name} ${value}: expected a number from 0`);
}

function orientationOf(values: Values): DataSettings["orientation"] {
  const orientation = text(values, "orientation");
  if (orientation === undefined || orientation === "anatomical" || orientation === "slices") {
    return orientation;
  }
  throw new UsageError(`--orientation ${orientation}: expected anatomical or slices`);
}

/** `stronger` over `weaker`. */
function over(stronger: Flat, weaker: Flat): Flat {
  const kept = { ...weaker };
  for (const group of alternatives) {
    if (group.some((name) => stronger[name] !== undefined)) { for (const name of group) delete kept[name]; }
  }
  if (stronger.data !== undefined) { for (const name of ["recipe", "modalities"]) delete kept[name]; } // of the other
  // A method's settings mean nothing to another one; where none is named they are of the one that is.
  const [now, before] = [stronger, weaker].map(({ method, methodModule }) =>
    methodModule === undefined ? method : resolve(String(methodModule))
  );
  if (now !== undefined && before !== undefined && now !== before) delete kept.settings;
  const settings = { ...kept.settings as object, ...stronger.settings as object };
  return { ...kept, ...stronger, ...(Object.keys(settings).length > 0 && { settings }) };
}

/**
 * Reads the settings of all sources.
 *
 * @throws {UsageError} for contradictions and unknown settings; `io.*` for files that cannot be read
 */
export async function readSettings(values: Values): Promise<Settings> {
  const given = fromCommandLine(values);
  const [config, resume] = [text(values, "config"), text(values, "resume")];
  const file = config === undefined ? {} : await settingsIn(config, "Check the path after --config.");
  const earlier = resume === undefined
    ? {}
    : await settingsIn(`${resume}/config.json`, "Give the folder that an earlier training printed.");
  const now = over(given, file);
  const aboutSplit = Object.entries(splitOptions).flatMap(([name, option]) => name in now ? [option] : []);
  for (const [one, other] of [["labelRatio", "labelled"], ["test", "fold"]] as const) {
    if (now[one] === undefined || now[other] === undefined) continue;
    throw new UsageError(
      `${splitOptions[one]} and ${splitOptions[other]} contradict each other`,
      "Give one of them.",
    );
  }
  const merged = over(now, earlier);
  const method = await methodIn(merged);
  const all = over({ settings: methodSettings(values, method) }, merged);
  return { ...sortSettings(all, method), method, aboutSplit };
}
