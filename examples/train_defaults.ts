/**
 * What the options of a training are when they are not given, for `--help`: read from the trainer's own defaults.
 *
 * @module
 */

import { optionOf, resolveConfig } from "../model/mod.ts";
import type { Option } from "./command.ts";

/** What the plan chooses. */
const planned: readonly string[] = ["preset", "patch", "batch"];

/** A default of each setting, by its option; of some it depends on the optimiser. */
function trainerDefaults(): Readonly<Record<string, string>> {
  const { method, settings: _settings, methodLabel: _label, levels: _levels, ...usual } = resolveConfig({});
  const other: Readonly<Record<string, unknown>> = {
    ...resolveConfig({ optimizer: "sgd" }),
    optimizer: usual.optimizer,
  };
  const words = Object.entries(usual).map(([name, value]) => [
    optionOf(name),
    planned.includes(name)
      ? "from the plan"
      : other[name] === value
      ? `${value}`
      : `${value}; with sgd ${other[name]}`,
  ]);
  return { ...Object.fromEntries(words), method };
}

/** Options with the trainer's defaults where they name a setting of its. */
export function withDefaults(options: Readonly<Record<string, Option>>): Readonly<Record<string, Option>> {
  const defaults = trainerDefaults();
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => {
      const value = defaults[name];
      return [
        name,
        value === undefined || option.default !== undefined ? option : { ...option, default: value },
      ];
    }),
  );
}
