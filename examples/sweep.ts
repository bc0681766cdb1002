/**
 * Trains every combination of methods, label ratios, seeds, folds and settings that a file describes.
 *
 * ```sh
 * deno task sweep comparison.json --jobs 2
 * deno task sweep status runs/comparison
 * deno task sweep collect runs/comparison
 * ```
 *
 * `status` and `collect` start nothing: `--allow-read` is enough for the first, and `--allow-write` of the sweep's folder
 * besides for the second.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { cellLine, readSweepFolder, writeSweepFolder } from "../model/sweep/mod.ts";
import {
  type Command,
  deviceChoice,
  deviceOptions,
  main,
  type Result,
  text,
  UsageError,
  type Values,
} from "./command.ts";
import { openSweep } from "./sweep_cells.ts";
import { collect } from "./sweep_collect.ts";
import { runHere } from "./sweep_local.ts";
import { followStatus, reportsOf } from "./sweep_status.ts";

/** The program that trains a cell, as `deno run` takes it. */
const train = new URL("train.ts", import.meta.url);
const program = train.protocol === "file:" ? fileURLToPath(train) : train.href;

const launchers = ["local", "print"] as const;

function launcherOf(values: Values): typeof launchers[number] {
  const name = text(values, "launcher") ?? "local";
  if ((launchers as readonly string[]).includes(name)) return name as typeof launchers[number];
  throw new UsageError(`--launcher ${name}: expected ${launchers.join(", ")}`);
}

/** What `deno task sweep` does. */
export const command: Command = {
  name: "sweep",
  summary:
    "Trains every combination of methods, label ratios, seeds, folds and settings that a file describes.\n" +
    "Given again, it leaves what is done and goes on with what was cut off. `sweep status DIR` shows where it is,\n" +
    "`sweep collect DIR` makes tables, plots and a report of what is there, and names what is missing.",
  positional: "FILE | status DIR | collect DIR",
  options: {
    launcher: {
      value: "NAME",
      help: "local: processes here; print: the commands, for anything else",
      default: "local",
    },
    jobs: { value: "N", help: "processes at a time", default: "1" },
    set: { value: "NAME=VALUE", multiple: true, help: "a setting of all cells, over that of the file" },
    out: {
      value: "DIR",
      help: "where the sweep's folder goes; it has the name of the sweep",
      default: "runs",
    },
    baseline: {
      value: "ROW",
      help: "for collect: the row to compare with",
      default: "that of the file, or the first",
    },
    device: deviceOptions.device,
    threads: {
      ...deviceOptions.threads,
      help: "threads of each process",
      default: "all cores divided by the jobs",
    },
  },
  examples: ["comparison.json --jobs 2", "collect runs/comparison"],
  async run(values, positionals): Promise<Result> {
    const [first, second] = positionals;
    if (first === undefined) throw new UsageError("no file is named", "See --help.");
    if (first === "status" && second !== undefined) {
      const { folder, cells } = await readSweepFolder(second);
      return await followStatus(folder, cells, () => Promise.resolve(new Set<string>()));
    }
    if (first === "collect" && second !== undefined) {
      return await collect(await readSweepFolder(second), values);
    }
    if (positionals.length > 1) throw new UsageError(`one file is expected, not ${positionals.join(" ")}`);
    const launcher = launcherOf(values), device = deviceChoice(values);
    const sweep = await openSweep(first, values);
    await writeSweepFolder(sweep);
    if (launcher === "local") return await runHere(sweep, values, device, program);
    const place = { program, folder: sweep.folder, device };
    const open = (await reportsOf(sweep.folder, sweep.cells)).filter(({ state }) => state !== "done");
    const lines = open.map(({ cell }) => cellLine(Deno.execPath(), cell, place));
    return { text: lines.join("\n"), json: { folder: sweep.folder, commands: lines } };
  },
};

if (import.meta.main) await main(command);
