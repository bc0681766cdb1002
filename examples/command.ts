/**
 * What all commands share: options, help, exit codes, and how errors look.
 *
 * Exit codes: 0 done, 1 refused input or failed check, 2 wrong usage, 75 ended early but resumable, 130 and 143
 * ended by a signal. With `--json` the result goes to stdout as JSON and everything else to stderr.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { CodedError } from "../tensor/errors.ts";
import { nearest } from "../model/train/nearest.ts";

/** One option of a command. */
export interface Option {
  /** One line for `--help`. */
  readonly help: string;
  /** What stands for its value in `--help`, such as `DIR`; a flag without. */
  readonly value?: string;
  /** May be given several times. */
  readonly multiple?: true;
  /** What holds when it is not given, for `--help`. */
  readonly default?: string;
}

/** Values of the options that were given. */
export type Values = Readonly<Record<string, string | boolean | string[] | undefined>>;

/** What a command gives back. */
export interface Result {
  /** For people, on stdout. */
  readonly text: string;
  /** For programs, with `--json`. */
  readonly json: unknown;
  /** Exit code when not 0. */
  readonly exitCode?: number;
}

/** A command line program. */
export interface Command {
  /** Name, as in `deno task NAME`. */
  readonly name: string;
  /** What it does, one or two sentences. */
  readonly summary: string;
  /** Its options by name, besides `--help`, `--json` and `--debug`. */
  readonly options: Readonly<Record<string, Option>>;
  /** What arguments without a name mean, such as `RUN…`; none are taken without. */
  readonly positional?: string;
  /** What may stand behind the name, twice; `--help` shows them. */
  readonly examples: readonly [string, string];
  /** Does the work. */
  run(values: Values, positionals: readonly string[]): Promise<Result>;
}

/** An argument that makes no sense: exit code 2. */
export class UsageError extends CodedError {
  /** With the code `usage`. */
  constructor(message: string, fix?: string) {
    super("usage", message, fix === undefined ? {} : { fix });
  }
}

/** The options that every command has. */
export const commonOptions: Readonly<Record<string, Option>> = {
  json: { help: "print the result as JSON on stdout" },
  debug: { help: "show where an error was thrown" },
  help: { help: "show this text; also -h" },
};

/** The options of commands that compute. */
export const deviceOptions = {
  device: { value: "NAME", help: "auto, cpu or webgpu", default: "auto" },
  threads: { value: "N", help: "threads of the cpu device", default: "all cores" },
} as const;

/** A text in lines of so many characters; a word that is longer stands alone. */
function wrapped(text: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** What `--help` prints, in lines of at most 100 characters where words allow it. */
export function helpText({ name, summary, options, positional, examples }: Command): string {
  const rows = Object.entries({ ...options, ...commonOptions }).map(([option, row]) =>
    [
      `--${option}${row.value ? ` ${row.value}` : ""}`,
      row.default === undefined ? row.help : `${row.help} (${row.default})`,
    ] as const
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `${wrapped(summary.replaceAll("\n", " "), 100).join("\n")}\n`,
    `deno task ${name}${positional ? ` ${positional}` : ""} [options]\n`,
    ...rows.map(([left, help]) =>
      `  ${left.padEnd(width)}  ${wrapped(help, 96 - width).join(`\n${" ".repeat(width + 4)}`)}`
    ),
    "\nExamples:",
    ...examples.map((example) => `  deno task ${name} ${example}`.trimEnd()),
  ].join("\n");
}

/**
 * The arguments of a command by name and position.
 *
 * @throws {UsageError} for what the command does not take, with the nearest option
 */
export function parse(command: Command, args: readonly string[]): { values: Values; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...commonOptions }).map(([name, { value, multiple }]) => [name, {
      type: value ? "string" as const : "boolean" as const,
      ...(name === "help" && { short: "h" }),
      ...(multiple && { multiple: true }),
    }]),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: command.positional !== undefined }) as {
      values: Values;
      positionals: string[];
    };
  } catch (error) {
    const unknown = /^Unknown option '--?([^']*)'/.exec((error as Error).message)?.[1];
    if (unknown === undefined) {
      throw new UsageError((error as Error).message.replace(/\. To specify.*$/s, "."));
    }
    const guess = nearest(unknown, Object.keys(options));
    throw new UsageError(
      `there is no option --${unknown}`,
      guess ? `Did you mean --${guess}?` : "See --help.",
    );
  }
}

/** An error as it is printed: `error[code]: what, where`, then what to do. */
export function errorText(error: unknown): string {
  if (error instanceof CodedError) {
    return `error[${error.code}]: ${error.message}${error.fix ? `\n  ${error.fix}` : ""}`;
  }
  if (error instanceof Deno.errors.NotCapable) {
    return `error[permission]: ${error.message}\n  Add this permission to the command line of deno run.`;
  }
  const message = error instanceof Error ? error.message : String(error);
  return `error[internal]: ${message}\n  This is a fault of the program; run with --debug and report what it prints.`;
}

/**
 * Names a folder for sockets where there is none: on a machine without a desktop the graphics driver would complain, twice,
 * of something that does not concern it. Needs `--allow-env=XDG_RUNTIME_DIR`, which the tasks have.
 */
function quietDriver(): void {
  const name = "XDG_RUNTIME_DIR";
  if (Deno.build.os !== "linux") return;
  if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") return;
  if (!Deno.env.get(name)) Deno.env.set(name, "/tmp");
}

/** Runs a command with the program's arguments and ends the process. */
export async function main(command: Command, args: readonly string[] = Deno.args): Promise<never> {
  let debug = args.includes("--debug");
  try {
    const { values, positionals } = parse(command, args);
    debug = values.debug === true;
    if (values.help) {
      console.log(helpText(command));
      Deno.exit(0);
    }
    quietDriver();
    const { text, json, exitCode = 0 } = await command.run(values, positionals);
    console.log(values.json ? JSON.stringify(json) : text);
    Deno.exit(exitCode);
  } catch (error) {
    console.error(errorText(error));
    if (debug) console.error(error);
    const lost = error instanceof CodedError && error.code === "device.lost";
    Deno.exit(error instanceof UsageError ? 2 : lost ? 75 : 1);
  }
}

/** The text of an option, if it was given. */
export function text(values: Values, name: string): string | undefined {
  return values[name] as string | undefined;
}

/** The text of an option that must be given. */
export function requiredText(values: Values, name: string): string {
  const value = text(values, name);
  if (value === undefined) throw new UsageError(`--${name} is missing`, "See --help.");
  return value;
}

/** The number of an option, if it was given. */
export function number(values: Values, name: string): number | undefined {
  const value = text(values, name);
  if (value === undefined) return undefined;
  const parsed = Number(value);
  if (value.trim() === "" || Number.isNaN(parsed)) {
    throw new UsageError(`--${name} ${value}: expected a number`);
  }
  return parsed;
}

/** The numbers of an option such as `32,32,32`, if it was given. */
export function numbers(values: Values, name: string, count: number): number[] | undefined {
  const value = text(values, name);
  if (value === undefined) return undefined;
  const parsed = value.split(",").map(Number);
  if (parsed.length !== count || parsed.some(Number.isNaN)) {
    throw new UsageError(
      `--${name} ${value}: expected ${count} numbers with commas, such as ${new Array(count).fill(32)}`,
    );
  }
  return parsed;
}

/** The device of `--device`; "auto" when it was not given. */
export function deviceChoice(values: Values): "auto" | "cpu" | "webgpu" {
  const name = text(values, "device") ?? "auto";
  if (name === "auto" || name === "cpu" || name === "webgpu") return name;
  throw new UsageError(`--device ${name}: expected auto, cpu or webgpu`);
}
