/**
 * What kind of value the settings of data and split have in a settings file, which may hold anything.
 *
 * @module
 */

import { UsageError } from "./command.ts";

/** The number of a fold, and of how many. */
export const foldPattern = /^([1-9]\d*)\/([1-9]\d*)$/;

type Kind = readonly [expected: string, fits: (value: unknown) => boolean];

const word: Kind = ["text", (value) => typeof value === "string"];
const count: Kind = ["a number", (value) => typeof value === "number"];
const seed: Kind = ["a whole number from 0", (value) => Number.isSafeInteger(value) && value as number >= 0];
const atLeast0: Kind = [
  "a number from 0",
  (value) => typeof value === "number" && value >= 0 && value < Infinity,
];
const isSize = (mm: unknown) => typeof mm === "number" && mm > 0 && mm < Infinity;

const kinds = new Map<string, Kind>([
  ...[
    "data",
    "phantom",
    "recipe",
    "modalities",
    "nan",
    "init",
    "methodModule",
    "split",
    "method",
    "pseudoLabels",
  ]
    .map((name): [string, Kind] => [name, word]),
  ...["labelled", "validation", "test", "phantomCases"].map((name): [string, Kind] => [name, count]),
  ...["misalignMm", "misalignDegrees"].map((name): [string, Kind] => [name, atLeast0]),
  ["splitSeed", seed],
  ["initPartial", ["true or false", (value) => typeof value === "boolean"]],
  ["fold", ["text such as 2/5", (value) => typeof value === "string" && foldPattern.test(value)]],
  ["labelRatio", ["a number or a percentage", (value) => ["number", "string"].includes(typeof value)]],
  [
    "spacing",
    [
      "three sizes above 0 in mm",
      (value) => Array.isArray(value) && value.length === 3 && value.every(isSize),
    ],
  ],
  ["orientation", ["anatomical or slices", (value) => value === "anatomical" || value === "slices"]],
  [
    "settings",
    ["an object", (value) => typeof value === "object" && value !== null && !Array.isArray(value)],
  ],
]);

/**
 * Refuses a setting whose value is of another kind.
 *
 * @param path the file, for the message
 * @throws {UsageError} naming the setting, what it holds and what is expected
 */
export function checkKinds(settings: Readonly<Record<string, unknown>>, path: string): void {
  for (const [name, value] of Object.entries(settings)) {
    const [expected, fits] = kinds.get(name) ?? [];
    if (fits === undefined || fits(value)) continue;
    throw new UsageError(`${path}: ${name} is ${JSON.stringify(value)}; expected ${expected}`);
  }
}
