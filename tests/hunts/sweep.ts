/**
 * Kills a sweep again and again and compares its tables with those of one that was left alone; then lets the data of one
 * row vanish.
 *
 * ```sh
 * deno run -A tests/hunts/sweep.ts [KILLS=3] [SEED=0]
 * ```
 *
 * Three methods, two label ratios and two seeds on files, two processes at a time. In turn the launcher alone is killed,
 * so that its trainings are orphans, and everything. Takes some minutes.
 */

import { Random } from "../../tensor/random.ts";
import { inTemporaryFolder, writeTinyDataset } from "./tiny_run.ts";
import { finish, launch, startSweep, tables, tinySweep } from "./tiny_sweep.ts";

const [kills = 3, seed = 0] = Deno.args.map(Number);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** How many checkpoints and results the cells of a sweep have written. */
async function progressOf(folder: string): Promise<number> {
  let count = 0;
  for (const { name } of await Array.fromAsync(Deno.readDir(`${folder}/runs`)).catch(() => [])) {
    for (const file of ["checkpoints/last.safetensors", "log.csv", "metrics.json"]) {
      if (await Deno.stat(`${folder}/runs/${name}/${file}`).catch(() => undefined)) count++;
    }
  }
  return count;
}

/** The trainings of a sweep that run, whoever started them. */
async function trainings(folder: string): Promise<number[]> {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => ""); // it may have ended by now
    if (line.includes("train.ts") && line.includes(folder)) found.push(Number(name));
  }
  return found;
}

await inTemporaryFolder(async (cwd) => {
  await writeTinyDataset(`${cwd}/data`);
  for (const name of ["whole", "killed"]) {
    await Deno.writeTextFile(`${cwd}/${name}.json`, JSON.stringify(tinySweep));
  }

  const begin = performance.now();
  const whole = await finish(launch(cwd, "whole.json"));
  if (whole.code !== 0) throw new Error(whole.text);
  const took = performance.now() - begin;
  console.log(`the undisturbed sweep: ${(took / 1000).toFixed(0)} s`);

  const random = new Random(seed);
  for (let kill = 0; kill < kills; kill++) {
    const process = launch(cwd, "killed.json"), ended = finish(process);
    // Not before it has done something, and then at any moment.
    const before = await progressOf(`${cwd}/runs/killed`);
    while (await progressOf(`${cwd}/runs/killed`) < before + 3) await pause(100);
    const outcome = await Promise.race([ended, pause(random.uniform(0, took / 8))]);
    if (outcome !== undefined) throw new Error("it ended before it was killed: give fewer kills");
    process.kill("SIGKILL");
    const pids = await trainings(`${cwd}/runs/killed`), isAll = kill % 2 === 1;
    if (isAll) { for (const pid of pids) Deno.kill(pid, "SIGKILL"); }
    await ended;
    const status = await finish(startSweep(cwd, ["status", "runs/killed"]));
    const last = status.text.trimEnd().split("\n").at(-1);
    console.log(
      `killed ${isAll ? `with its ${pids.length} trainings` : `alone, ${pids.length} orphans`}: ${last}`,
    );
  }
  const resumed = await finish(launch(cwd, "killed.json"));
  if (resumed.code !== 0) throw new Error(resumed.text);

  const [wanted, found] = [await tables(cwd, "whole"), await tables(cwd, "killed")];
  const different = [...wanted].filter(([file, text]) => found.get(file) !== text).map(([file]) => file);
  console.log(
    `${wanted.size} files of tables and plots compared, ${different.length} differ: ${different.join(", ")}`,
  );
  console.log(wanted.get("results.md"));

  await writeTinyDataset(`${cwd}/gone`);
  const methods = ["supervised", { name: "gone", method: "supervised", data: "gone" }];
  await Deno.writeTextFile(
    `${cwd}/vanished.json`,
    JSON.stringify({ ...tinySweep, methods, labelRatios: [0.5] }),
  );
  await Deno.remove(
    `${cwd}/gone/${[...Deno.readDirSync(`${cwd}/gone`)].find(({ name }) => /nii/.test(name))!.name}`,
  );
  const vanished = await finish(launch(cwd, "vanished.json"));
  const isTold = vanished.code === 1 &&
    (vanished.text.match(/^gone-[^\s:]+ +failed.*\n {2}error\[/gm) ?? []).length === 2 &&
    (vanished.text.match(/^supervised-[^\s:]+ +done/gm) ?? []).length === 2;
  console.log(`data that vanished: ${isTold ? "two cells failed and say why, two are done" : vanished.text}`);
  if (different.length > 0 || found.size !== wanted.size || !isTold) Deno.exitCode = 1;
});
