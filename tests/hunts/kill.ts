/**
 * Kills a tiny training again and again, resumes it, and compares the end with a run that nobody disturbed.
 *
 * ```sh
 * deno run -A tests/hunts/kill.ts 100 0
 * ```
 *
 * The first argument is the number of SIGKILLs, the second the seed of their moments. A third of them comes while
 * a file of the run is being written. Exits 1 when anything was lost.
 */

import { Random } from "../../tensor/random.ts";
import {
  differences,
  inTemporaryFolder,
  isTyped,
  resultOf,
  tinyTrain,
  type Treatment,
  writeTinyDataset,
} from "./tiny_run.ts";

const [kills, seed] = [Number(Deno.args[0] ?? 100), Number(Deno.args[1] ?? 0)];

const exists = async (path: string) => await Deno.lstat(path).then(() => true, () => false);

/** Kills the process as soon as a file appears that is not yet whole, or after so many milliseconds. */
function killer(folder: string, whileSaving: boolean, ms: number, skip: number): Treatment {
  return {
    watch(process, printed) {
      if (printed !== "") return;
      const kill = () => {
        try {
          process.kill("SIGKILL");
        } catch { /* it has ended */ }
      };
      if (!whileSaving) {
        const timer = setTimeout(kill, ms);
        process.status.then(() => clearTimeout(timer));
        return;
      }
      const watcher = Deno.watchFs(folder);
      process.status.then(() => watcher.close());
      (async () => {
        let seen = 0;
        for await (const { kind, paths } of watcher) {
          if (kind === "create" && paths.some((path) => path.includes(".tmp-")) && seen++ >= skip) kill();
        }
      })();
    },
  };
}

await inTemporaryFolder(async (folder) => {
  await writeTinyDataset(`${folder}/data`);
  const train = (args: string[], treatment?: Treatment) => tinyTrain(folder, "data", args, treatment);
  const whole = await train(["--name", "whole"]);
  if (whole.code !== 0) throw new Error(whole.text);
  const wanted = (await resultOf(`${folder}/runs/whole`)).hashes;
  console.log(`the undisturbed run: ${(whole.ms / 1000).toFixed(1)} s, ${wanted.size} files compared`);

  const random = new Random(seed);
  const counts = {
    killed: 0,
    saving: 0,
    ended: 0,
    beforeSave: 0,
    runs: 0,
    different: 0,
    untyped: 0,
    left: 0,
  };
  while (counts.killed < kills) {
    let name = `run-${counts.runs}`, finished = false;
    let args = ["--name", name];
    while (!finished) {
      const whileSaving = random.uniform() < 0.4; // some of them come too late, so that a third remains
      const treatment = counts.killed < kills
        ? killer(folder, whileSaving, random.uniform(0.2, 1) * whole.ms, random.integer(12))
        : undefined;
      const { code, signal, text } = await train(args, treatment);
      if (signal === "SIGKILL") {
        counts.killed++;
        if (whileSaving) counts.saving++;
      } else if (code === 0) {
        counts.ended++;
        finished = true;
        const { hashes, leftOver } = await resultOf(`${folder}/runs/${name}`);
        counts.left += leftOver.length;
        const wrong = differences(wanted, hashes);
        if (wrong.length > 0) {
          counts.different++;
          console.log(`${name}: differs in ${wrong.join(", ")}`);
        }
      } else if (!await exists(`${folder}/runs/${name}/checkpoints/last.safetensors`)) {
        // Killed before anything was saved: resuming must say so, and a new run must start.
        counts.beforeSave++;
        if (!isTyped(text)) {
          counts.untyped++;
          console.log(`${name}: ${text.trim()}`);
        }
        name = `${name}-again`;
        args = ["--name", name];
        continue;
      } else {
        counts.untyped++;
        console.log(`${name}: exit code ${code}: ${text.trim()}`);
        finished = true;
      }
      if (await exists(`${folder}/runs/${name}`)) args = ["--resume", `runs/${name}`];
    }
    counts.runs++;
  }
  console.log(
    `${counts.killed} SIGKILLs, ${counts.saving} of them during a save; ${counts.runs} runs, all resumed to ` +
      `their end; ${counts.beforeSave} resumes of runs killed before the first save`,
  );
  console.log(
    `${counts.different} runs that end differently, ${counts.untyped} untyped errors, ` +
      `${counts.left} files left over`,
  );
  if (counts.different + counts.untyped + counts.left > 0) Deno.exitCode = 1;
});
