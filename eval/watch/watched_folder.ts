import { EvalError } from "../errors.ts";
import { liveFiles, type LiveRun, readLiveRun, runState } from "./live_run.ts";

/** How deep run folders may lie: a folder of runs, of sweeps with runs, or of folders of sweeps. */
const deepest = 3;

/** The run folders in a folder, itself included, by path below it, in order of their names. */
async function runNames(root: string, below = "", depth = 0): Promise<string[]> {
  const folder = below === "" ? root : `${root}/${below}`, entries = await namesIn(folder);
  if (entries.some(({ name, isFile }) => isFile && name === "config.json")) return [below];
  if (depth === deepest) return [];
  const folders = entries.filter(({ isDirectory, name }) => isDirectory && !name.startsWith("."));
  const found = await Promise.all(
    folders.map(({ name }) => runNames(root, below === "" ? name : `${below}/${name}`, depth + 1)),
  );
  return found.flat().sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

/** What is in a folder; nothing when it is gone. */
async function namesIn(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** A folder whose runs are looked at again and again; only those that changed are read again. */
export class WatchedFolder {
  /** Its path. */
  readonly path: string;

  readonly #known = new Map<string, { signature: string; run: LiveRun }>();

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * A folder of runs or sweeps, or a run's own; it may still be empty.
   *
   * @throws {EvalError} `watch.folder` when there is none
   */
  static async open(path: string): Promise<WatchedFolder> {
    const found = await Deno.stat(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    if (found?.isDirectory) return new WatchedFolder(path.replace(/(?<=.)\/+$/, ""));
    throw new EvalError("watch.folder", `${path} is ${found ? "no folder" : "not there"}`, {
      fix: "Give the folder that holds the runs; trainings write to runs/ unless --out says otherwise.",
    });
  }

  /** All runs as they are now, those that go on first. */
  async runs(now: number = Date.now()): Promise<LiveRun[]> {
    const names = await runNames(this.path);
    for (const name of this.#known.keys()) if (!names.includes(name)) this.#known.delete(name);
    const runs = await Promise.all(names.map((name) => this.#run(name, now)));
    return [
      ...runs.filter((run) => run.state === "running"),
      ...runs.filter((run) => run.state !== "running"),
    ];
  }

  async #run(name: string, now: number): Promise<LiveRun> {
    const folder = name === "" ? this.path : `${this.path}/${name}`;
    const state = await runState(folder, now);
    const stamps = await Promise.all([...liveFiles, "plots"].map(async (file) => {
      const stat = await Deno.stat(`${folder}/${file}`).catch((error) => {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      });
      return stat ? `${stat.mtime?.getTime()} ${stat.size}` : "";
    }));
    const signature = [state, ...stamps].join();
    const known = this.#known.get(name);
    if (known?.signature === signature) return known.run;
    const run = await readLiveRun(this.path, name, now);
    this.#known.set(name, { signature, run });
    return run;
  }
}
