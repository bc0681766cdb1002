/**
 * Measures which block sizes of the WebGPU kernels suit the graphics processor, and keeps them for later runs.
 *
 * ```sh
 * deno task tune
 * ```
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { blocksFor, type Trial, tune, type TuneResult, tuningFileText } from "../tensor/mod.ts";
import { type Command, main, type Result, text, type Values } from "./command.ts";
import { readTuning, tuningPath } from "./open_device.ts";
import { prepareOutputs } from "./outputs.ts";

/** What `deno task tune` does. */
export const command: Command = {
  name: "tune",
  summary:
    `Measures the WebGPU kernels on this machine's adapter and keeps the best block sizes in ${tuningPath}, ` +
    "where the other commands find them.",
  options: {
    out: {
      value: "DIR",
      help: "folder for tuning.json; the other commands look in .cmc below the folder they are started in",
      default: ".cmc",
    },
  },
  examples: ["", "--out shared/.cmc"],
  run,
};

const settings = (blocks: Trial["blocks"]) =>
  Object.entries(blocks).map(([name, value]) => `${name} ${value}`).join(", ");

async function run(values: Values): Promise<Result> {
  const path = join(text(values, "out") ?? dirname(tuningPath), basename(tuningPath));
  const known = new Map(await readTuning(path));
  await prepareOutputs([path], []);
  const trials: Trial[] = [];
  const result = await tune((trial) => {
    trials.push(trial);
    const { kernel, work, blocks, ms } = trial;
    console.error(`${kernel}, ${(work / 1e6).toFixed(0)} M: ${settings(blocks)}: ${ms.toFixed(2)} ms`);
  });
  known.set(result.adapter, result.table);
  await Deno.writeTextFile(path, tuningFileText(known));
  return { text: report(result, trials, path), json: { ...result, trials, path } };
}

/** One line for each kernel and amount of work; the fastest of repeated measurements counts. */
function report({ adapter, table }: TuneResult, trials: readonly Trial[], path: string): string {
  const groups = Map.groupBy(trials, ({ kernel, work }) => `${kernel} ${work}`);
  const lines = [...groups.values()].map((group) => {
    const { kernel, work, blocks: assumed } = group[0]!;
    const kept = blocksFor(table, kernel, work);
    const ms = (blocks: Trial["blocks"]) =>
      Math.min(...group.filter((trial) => settings(trial.blocks) === settings(blocks)).map(({ ms }) => ms));
    return `| ${kernel} | ${(work / 1e6).toFixed(0)} | ${ms(assumed).toFixed(2)} | ${ms(kept).toFixed(2)} | ${
      settings(kept)
    } |`;
  });
  return [
    `${adapter}; kept in ${path}\n`,
    "| kernel | million multiply-adds | assumed ms | kept ms | kept blocks |",
    "| --- | ---: | ---: | ---: | --- |",
    ...lines,
  ].join("\n");
}

if (import.meta.main) await main(command);
