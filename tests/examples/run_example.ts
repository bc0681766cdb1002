/** Runs an example as a user would, with the permissions of its task. */

const root = new URL("../../", import.meta.url);

/** A training of one step on a small data set: a case learnt from, one that validates, one that tests. */
export const oneStep: readonly string[] = [
  ...["--labelled", "1", "--validation", "1", "--test", "1", "--steps", "1", "--validations", "1"],
  ...["--preset", "unet-tiny", "--patch", "8,8,8", "--batch", "1"],
];

/** What a command printed, and how it ended. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** The permissions of each task, as deno.json states them. */
async function permissionsOf(task: string): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  return tasks[task].command.split(" ").filter((word: string) => word.startsWith("--"));
}

/** Starts an example; its folder of runs is `runs` in `cwd`. */
export async function startExample(
  task: string,
  args: readonly string[],
  cwd: string,
): Promise<Deno.ChildProcess> {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-check",
      "--quiet",
      ...await permissionsOf(task),
      new URL(`examples/${task}.ts`, root).pathname,
      ...args,
    ],
    cwd,
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: cwd },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs an example to its end. */
export async function runExample(task: string, args: readonly string[], cwd: string): Promise<Outcome> {
  const { code, stdout, stderr } = await (await startExample(task, args, cwd)).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Calls a function with a fresh folder and removes it. */
export async function inFreshFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cmc é " });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
