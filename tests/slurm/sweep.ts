/**
 * A sweep through a real Slurm: an array is submitted, one task is cancelled and another one requeued, what is missing is
 * submitted again, and the tables are held against those of the same sweep in processes here.
 *
 * ```sh
 * tests/slurm/cluster.sh start /tmp/slurm
 * SLURM_CONF=/tmp/slurm/slurm.conf deno run -A tests/slurm/sweep.ts
 * tests/slurm/cluster.sh stop /tmp/slurm
 * ```
 *
 * Takes some minutes.
 */

import { inTemporaryFolder, writeTinyDataset } from "../hunts/tiny_run.ts";
import { finish, launch, startSweep, tables, tinySweep } from "../hunts/tiny_sweep.ts";

/** Runs a command of Slurm, shows it, and gives back what it printed. */
async function slurm(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decoder = new TextDecoder(), text = decoder.decode(stdout);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  console.log(`$ ${command} ${args.join(" ")}\n${text.trimEnd()}\n`);
  return text;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function count(cwd: string, state: string): Promise<number> {
  const { text } = await finish(startSweep(cwd, ["status", "runs/slurm", "--json"]));
  return JSON.parse(text.slice(text.indexOf("{"))).counts[state] ?? 0;
}

/** Waits until no task is in the queue. */
async function untilIdle(cwd: string): Promise<void> {
  while (await count(cwd, "queued") + await count(cwd, "running") > 0) await pause(3000);
}

async function submit(cwd: string): Promise<string> {
  const { code, text } = await finish(
    startSweep(cwd, ["slurm.json", "--launcher", "slurm", "--jobs", "2", "--device", "cpu"]),
  );
  const job = /^array (\d+): /m.exec(text)?.[1];
  if (code !== 0 || job === undefined) throw new Error(text);
  console.log(text.split("\n").find((line) => line.startsWith("array")));
  return job;
}

await inTemporaryFolder(async (cwd) => {
  await writeTinyDataset(`${cwd}/data`);
  const sweep = { ...tinySweep, slurm: { time: "10", warnSeconds: 60 } };
  for (const name of ["here", "slurm"]) {
    await Deno.writeTextFile(`${cwd}/${name}.json`, JSON.stringify(sweep));
  }
  await slurm("sinfo");
  const job = await submit(cwd);
  while (await count(cwd, "running") < 2) await pause(500);
  await slurm("scancel", `${job}_0`);
  await slurm("scontrol", "requeue", `${job}_1`);
  await slurm("squeue", "--array");
  await untilIdle(cwd);
  const status = await finish(startSweep(cwd, ["status", "runs/slurm"]));
  console.log(status.text);
  const again = await submit(cwd);
  await untilIdle(cwd);
  await slurm(
    "sacct",
    "--allocations",
    "--duplicates",
    "--jobs",
    `${job},${again}`,
    "--format=JobID,State,ExitCode,Elapsed",
  );
  const found = await tables(cwd, "slurm");

  const here = await finish(launch(cwd, "here.json"));
  if (here.code !== 0) throw new Error(here.text);
  const wanted = await tables(cwd, "here");
  const different = [...wanted].filter(([file, text]) => found.get(file) !== text).map(([file]) => file);
  console.log(found.get("results.md"));
  console.log(
    `${wanted.size} files of tables and plots compared, ${different.length} differ: ${different.join(", ")}`,
  );
  if (different.length > 0) Deno.exitCode = 1;
});
