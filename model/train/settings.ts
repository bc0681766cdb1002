/**
 * The settings that a method owns: what they are called, their defaults and ranges, and what `--help` says.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";
import { didYouMean, nearest } from "./nearest.ts";

/** A setting that is a number. */
export interface NumberSetting {
  /** Value when nothing is said. */
  readonly default: number;
  /** Smallest value. */
  readonly min: number;
  /** Largest value. */
  readonly max: number;
  /** Whether it counts something. */
  readonly isInteger: boolean;
  /** One line for `--help`. */
  readonly help: string;
}

/** A setting that is one of several words. */
export interface ChoiceSetting<C extends string = string> {
  /** Value when nothing is said. */
  readonly default: C;
  /** The words. */
  readonly choices: readonly C[];
  /** One line for `--help`. */
  readonly help: string;
}

/** The settings of a method by name, in camel case. */
export type SettingsSchema = Readonly<Record<string, NumberSetting | ChoiceSetting>>;

/** Values for a schema. */
export type SettingValues<S extends SettingsSchema = SettingsSchema> = {
  readonly [K in keyof S]: S[K] extends ChoiceSetting<infer C> ? C
    : S[K] extends NumberSetting ? number
    : number | string;
};

/** A number of 0 or more, unless a range is given. */
export function quantity(
  value: number,
  help: string,
  range: { readonly min?: number; readonly max?: number; readonly isInteger?: boolean } = {},
): NumberSetting {
  return { default: value, help, min: 0, max: Infinity, isInteger: false, ...range };
}

/** One of several words; the first is the default. */
export function choice<const C extends string>(
  choices: readonly [C, ...C[]],
  help: string,
): ChoiceSetting<C> {
  return { default: choices[0], choices, help };
}

/** The command line's option for a setting: `cscWeight` is `--csc-weight`. */
export function optionOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function check(name: string, setting: NumberSetting | ChoiceSetting, value: unknown): number | string {
  if ("choices" in setting) {
    if (setting.choices.some((word) => word === value)) return value as string;
    throw new CodedError(
      "config.value",
      `${name} is ${JSON.stringify(value)}; expected ${setting.choices.join(", ")}`,
      { fix: didYouMean(value, setting.choices) },
    );
  }
  const { min, max, isInteger } = setting;
  const fits = typeof value === "number" && value >= min && value <= max &&
    (!isInteger || Number.isInteger(value));
  if (fits) return value;
  const range = max === Infinity ? `of ${min} or more` : `from ${min} to ${max}`;
  throw new CodedError(
    "config.value",
    `${name} is ${JSON.stringify(value)}; expected a ${isInteger ? "whole number" : "number"} ${range}`,
    { fix: "Correct the value." },
  );
}

/**
 * Checks a method's settings and fills in defaults.
 *
 * @param method names the method in messages
 * @throws {CodedError} `config.key` for an unknown setting, `config.value` for a value out of range
 */
export function resolveSettings<S extends SettingsSchema>(
  method: string,
  schema: S,
  given: Readonly<Record<string, unknown>>,
): SettingValues<S> {
  const names = Object.keys(schema);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const guess = nearest(unknown, names);
    throw new CodedError("config.key", `${method} has no setting ${JSON.stringify(unknown)}`, {
      fix: guess
        ? `Did you mean ${JSON.stringify(guess)}?`
        : names.length > 0
        ? `It has ${names.join(", ")}.`
        : "It has none of its own.",
    });
  }
  const values = names.map((
    name,
  ) => [name, check(name, schema[name]!, given[name] ?? schema[name]!.default)]);
  return Object.fromEntries(values) as SettingValues<S>;
}
