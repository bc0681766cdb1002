/**
 * The options of the methods' own settings, made from the table of methods; and methods that are modules.
 *
 * @module
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type ChoiceSetting,
  type Method,
  methodNamed,
  methods,
  type NumberSetting,
  optionOf,
  requireMethod,
} from "../model/mod.ts";
import { isModule } from "../model/train/is_module.ts";
import { number, type Option, text, UsageError, type Values } from "./command.ts";

/** Each setting of a method in the table with the methods that have it, by its option. */
const byOption = Map.groupBy(
  [...methods.values()].flatMap((method) =>
    Object.entries(method.settings).map(([name, setting]) => ({ method, name, setting }))
  ),
  ({ name }) => optionOf(name),
);

function helpOf(rows: readonly { method: Method; setting: NumberSetting | ChoiceSetting }[]): string {
  const { setting } = rows[0]!;
  const words = "choices" in setting ? `${setting.choices.join(", ")}: ` : "";
  const defaults = Map.groupBy(rows, (row) => row.setting.default);
  const where = [...defaults].map(([value, of]) =>
    `${of.map(({ method }) => method.name).join(", ")}: ${value}`
  );
  return `${words}${setting.help} (${where.join("; ")})`;
}

/** An option for every setting of every method in the table, and `--set` for those of other methods. */
export const methodOptionTable: Readonly<Record<string, Option>> = {
  ...Object.fromEntries(
    [...byOption].map(([option, rows]) => [
      option,
      { value: "choices" in rows[0]!.setting ? "WORD" : "X", help: helpOf(rows) },
    ]),
  ),
  set: { value: "NAME=VALUE", multiple: true, help: "a setting of a method that is a module" },
};

/** An option for a method that is not in the table, for programs that open networks. */
export const ownMethodOption: Option = {
  value: "FILE",
  help: "module with the method, for networks of a method of your own",
};

/**
 * A method of the table, or the default export of a module.
 *
 * @throws {UsageError} when the module cannot be loaded; `method.shape` when it exports no method, `method.unknown`
 */
export async function loadMethod(nameOrPath: string): Promise<Method> {
  if (!isModule(nameOrPath)) return methodNamed(nameOrPath);
  let found: unknown;
  try {
    found = (await import(pathToFileURL(resolve(nameOrPath)).href)).default;
  } catch (cause) {
    throw new UsageError(
      `--method ${nameOrPath} cannot be loaded: ${(cause as Error).message}`,
      "Give the path of a module whose default export is a method.",
    );
  }
  return requireMethod(found, `the default export of ${nameOrPath}`);
}

/** The method that `--method` names to a program that opens networks, see {@link ownMethodOption}; none when absent. */
export async function ownMethod(values: Values): Promise<Method | undefined> {
  const module = text(values, "method");
  return module === undefined ? undefined : await loadMethod(module);
}

function valueOf(setting: NumberSetting | ChoiceSetting | undefined, word: string): number | string {
  return setting === undefined || "choices" in setting || word.trim() === "" ? word : Number(word);
}

/**
 * What the options say about the settings of a method.
 *
 * @throws {UsageError} for a setting that the method does not have
 */
export function methodSettings(values: Values, method: Method): Record<string, number | string> {
  const given: Record<string, number | string> = {};
  for (const [option, rows] of byOption) {
    if (values[option] === undefined) continue;
    const { name, setting } = rows[0]!;
    if (!Object.hasOwn(method.settings, name)) {
      const having = rows.map(({ method }) => method.name).join(", ");
      throw new UsageError(`--${option} is no setting of ${method.name}`, `It belongs to ${having}.`);
    }
    given[name] = "choices" in setting ? text(values, option)! : number(values, option)!;
  }
  for (const pair of (values.set ?? []) as string[]) {
    const at = pair.indexOf("=");
    if (at < 1) throw new UsageError(`--set ${pair}: expected NAME=VALUE`);
    const name = pair.slice(0, at);
    given[name] = valueOf(method.settings[name], pair.slice(at + 1));
  }
  return given;
}
