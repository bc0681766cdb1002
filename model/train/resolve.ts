/**
 * A complete configuration: the settings that belong to no method, the method, and its own settings.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";
import { type EngineConfig, type EngineOptions, resolveEngine } from "./config.ts";
import type { Method } from "./method.ts";
import { methods } from "./methods/table.ts";
import { nearest } from "./nearest.ts";
import { resolveSettings, type SettingValues } from "./settings.ts";

/** A complete configuration; `config.json` of a run folder. */
export interface TrainConfig extends EngineConfig {
  /** Name of the method. */
  readonly method: string;
  /** The method's name in tables, which says what was switched off. */
  readonly methodLabel: string;
  /** The method's own settings. */
  readonly settings: SettingValues;
}

/** A configuration as a person writes it; what is left out has a default. */
export interface TrainOptions extends EngineOptions {
  /** A method of the table by its name, or one of your own; `cmc` when absent. */
  readonly method?: string | Method;
  /** Made from the method and its settings; what is given is overwritten. */
  readonly methodLabel?: string;
  /** Settings of the method. */
  readonly settings?: Readonly<Record<string, number | string>>;
}

/**
 * The method of a name.
 *
 * @throws {CodedError} `method.unknown` with the nearest known name
 */
export function methodNamed(name: string): Method {
  const method = methods.get(name);
  if (method) return method;
  const guess = nearest(name, [...methods.keys()]);
  throw new CodedError("method.unknown", `there is no method ${JSON.stringify(name)}`, {
    fix: guess
      ? `Did you mean ${JSON.stringify(guess)}?`
      : `Known methods: ${
        [...methods.keys()].join(", ")
      }; one of your own is given as a module, with --method FILE.`,
  });
}

/**
 * Checks options and fills in defaults.
 *
 * @param method stands for the name in the options, for a method that is not in the table
 * @throws {CodedError} `method.unknown`; `config.key` for an unknown setting, `config.value` for a bad value; what
 * {@link resolveEngine} throws
 */
export function resolveConfig(options: TrainOptions, method: Method = methodOf(options)): TrainConfig {
  const { method: _method, methodLabel: _label, settings = {}, ...engine } = options;
  requireObject("settings", settings);
  const own = resolveSettings(method.name, method.settings, settings);
  const config = resolveEngine({ ...method.usual, ...engine }, ["method", "settings"]);
  return { method: method.name, methodLabel: method.label?.(own) ?? method.name, settings: own, ...config };
}

/** The method that options mean. */
export function methodOf(options: Pick<TrainOptions, "method">): Method {
  requireObject("the configuration", options);
  const { method = "cmc" } = options;
  return typeof method === "string" ? methodNamed(method) : requireMethod(method, "method");
}

const fields = ["name", "summary", "settings", "build", "wants", "losses", "comparesVoxels"] as const;

/**
 * Checks that a value has what a method must have.
 *
 * @param what names it in the message
 * @throws {CodedError} `method.shape` listing what is missing
 */
export function requireMethod(value: unknown, what: string): Method {
  const given = (typeof value === "object" ? value ?? {} : {}) as Partial<Method>;
  const missing = fields.filter((name) => given[name] === undefined);
  if (missing.length === 0) return given as Method;
  throw new CodedError("method.shape", `${what} is no method: it has no ${missing.join(", ")}`, {
    fix: "Give an object with the fields of the type Method.",
  });
}

/** Settings from files may be anything. */
function requireObject(what: string, value: unknown): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new CodedError("config.value", `${what} is ${JSON.stringify(value)}; expected an object`, {
    fix: "Correct the value.",
  });
}
