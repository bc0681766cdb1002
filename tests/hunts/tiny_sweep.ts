/** A sweep of a dozen tiny trainings in processes of their own, and what its tables say. */

import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../examples/sweep.ts", import.meta.url));

/** Three methods, two label ratios, two seeds on the data set `data`. */
export const tinySweep = {
  settings: {
    ...{ data: "data", preset: "unet-tiny", patch: [16, 16, 16], batch: 1, steps: 8, validations: 4 },
    ...{ validation: 1, test: 1 },
  },
  methods: ["supervised", "mean-teacher", "cmc"],
  labelRatios: [0.25, 0.5],
  seeds: [0, 1],
};

/** Starts the command in a folder. */
export function startSweep(cwd: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--quiet", "--allow-all", program, ...args],
    cwd,
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: cwd },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** How a process ended, and all it printed. */
export async function finish(process: Deno.ChildProcess): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stderr) + decoder.decode(stdout) };
}

/** Trains it here. */
export const launch = (cwd: string, file: string) =>
  startSweep(cwd, [file, "--jobs", "2", "--device", "cpu", "--threads", "1"]);

/** The files of the tables that have no times in them, and the plots. */
export async function tables(cwd: string, name: string): Promise<Map<string, string>> {
  const { code, text } = await finish(startSweep(cwd, ["collect", `runs/${name}`]));
  if (code !== 0) throw new Error(text);
  const files = new Map<string, string>(), folder = `${cwd}/runs/${name}/collected`;
  for (const part of ["", "plots/"]) {
    for (const { name: file } of Deno.readDirSync(`${folder}/${part}`)) {
      if (/^(results|tests)\.|\.svg$/.test(file)) {
        files.set(file, await Deno.readTextFile(`${folder}/${part}${file}`));
      }
    }
  }
  return files;
}
