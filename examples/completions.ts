/**
 * Prints what lets a shell complete the commands and their options.
 *
 * ```sh
 * source <(deno task completions bash)
 * deno task completions fish | source
 * ```
 *
 * @module
 */

import project from "../deno.json" with { type: "json" };
import { type Command, main, type Result, UsageError } from "./command.ts";
import { commands } from "./commands.ts";
import { scripts, type Word } from "./completion_scripts.ts";

/** The tasks, with the options of those that are commands. */
export function words(): Word[] {
  const known = new Map([command, ...commands].map((one) => [one.name, one]));
  return Object.entries(project.tasks).map(([name, { description: help }]) => ({
    name,
    help,
    options: known.get(name)?.options,
  }));
}

/** What `deno task completions` does. */
export const command: Command = {
  name: "completions",
  summary: `Prints what lets a shell complete the commands and their options: ${
    Object.keys(scripts).join(", ")
  }.`,
  positional: Object.keys(scripts).join("|"),
  options: {},
  examples: ["bash", "fish"],
  run(_, [shell = "", ...rest]): Promise<Result> {
    const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
    if (script === undefined || rest.length > 0) {
      throw new UsageError(
        `expected the name of one shell, got ${JSON.stringify([shell, ...rest].join(" "))}`,
        `Name one of ${Object.keys(scripts).join(", ")}.`,
      );
    }
    const text = script(words());
    return Promise.resolve({ text, json: { shell, script: text } });
  },
};

if (import.meta.main) await main(command);
