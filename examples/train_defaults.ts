/**
 * What the options of a training are when they are not given, for `--help`: read from the trainer's own defaults.
 *
 * @module
 */

import { methodNames, optionOf, resolveConfig, type TrainConfig } from "../model/mod.ts";
import type { Option } from "./command.ts";

/** What the plan chooses. */
const planned: readonly string[] = ["preset", "patch", "batch"];

/** The default of each setting, by its option, and which it is with another optimiser or method. */
function trainerDefaults(): Readonly<Record<string, string>> {
  const { method, settings: _settings, methodLabel: _label, levels: _levels, ...usual } = resolveConfig({});
  const variants: readonly (readonly [string, TrainConfig])[] = [
    ["sgd", resolveConfig({ optimizer: "sgd" })],
    ...methodNames.map((name) => [name, resolveConfig({ method: name })] as const),
  ];
  const words = Object.entries(usual).map(([name, value]) => {
    const key = name as keyof typeof usual;
    const others = variants.filter(([, config]) => name !== "optimizer" && config[key] !== value)
      .map(([variant, config]) => `; with ${variant} ${config[key]}`);
    return [optionOf(name), planned.includes(name) ? "from the plan" : [value, ...others].join("")];
  });
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
