import { EvalError } from "../errors.ts";
import { liveFiles, type LiveRun, readLiveRun, runState, waitingRun } from "./live_run.ts";

/** How deep run folders may lie: a folder of runs, of sweeps with runs, or of folders of sweeps. */
const deepest = 3;

/** What was found: run folders by path below the folder that was searched, and cells of sweeps that have none yet. */
interface Found {
  readonly names: readonly string[];
  readonly waiting: readonly LiveRun[];
}

/** The run folders in a folder, itself included, and the cells of the sweeps in it that have not begun. */
async function search(root: string, below = "", depth = 0): Promise<Found> {
  const folder = below === "" ? root : `${root}/${below}`, entries = await namesIn(folder);
  const has = (file: string) => entries.some(({ name, isFile }) => isFile && name === file);
  if (has("config.json")) return { names: [below], waiting: [] };
  if (depth === deepest) return { names: [], waiting: [] };
  const inside = (name: string) => below === "" ? name : `${below}/${name}`;
  const folders = entries.filter(({ isDirectory, name }) => isDirectory && !name.startsWith("."));
  const found = await Promise.all(folders.map(({ name }) => search(root, inside(name), depth + 1)));
  const names = found.flatMap((part) => part.names);
  const cells = has("cells.json") ? await cellsOf(`${folder}/cells.json`) : [];
  const waiting = cells.map((cell) => waitingRun(inside(`runs/${cell.name}`), cell))
    .filter(({ name }) => !names.includes(name));
  return { names, waiting: [...found.flatMap((part) => part.waiting), ...waiting] };
}

/** The cells of a sweep. */
async function cellsOf(path: string): Promise<{ name: string; row?: unknown; seed?: unknown }[]> {
  const text = await Deno.readTextFile(path);
  try {
    return JSON.parse(text).cells;
  } catch (cause) {
    throw new EvalError("report.run", `${path} is no JSON: ${(cause as Error).message}`, { cause });
  }
}

const byName = (a: string, b: string): number => a.localeCompare(b, "en", { numeric: true });

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
    const { names, waiting } = await search(this.path);
    for (const name of this.#known.keys()) if (!names.includes(name)) this.#known.delete(name);
    const begun = names.toSorted(byName).map((name) => this.#run(name, now));
    const runs = [...await Promise.all(begun), ...waiting.toSorted((a, b) => byName(a.name, b.name))];
    const goesOn = ({ state }: LiveRun): boolean => state === "running";
    return [...runs.filter(goesOn), ...runs.filter((run) => !goesOn(run))];
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
