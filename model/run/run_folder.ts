/**
 * The folder of a run. Files are written beside their place and renamed, so a file is old or new, never half.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";

function explain(path: string, cause: unknown): CodedError {
  if (cause instanceof Deno.errors.NotCapable) {
    return new CodedError("io.permission", `no permission to write ${path}`, {
      cause,
      fix: "Add --allow-write for this folder.",
    });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CodedError("io.write", `cannot write ${path}: ${reason}`, {
    cause,
    fix: "Check the free space and the rights on the folder; what was written before is intact.",
  });
}

async function syncFolder(folder: string): Promise<void> {
  if (Deno.build.os === "windows") return; // folders cannot be opened there
  using handle = await Deno.open(folder);
  await handle.sync();
}

/**
 * Writes a file so that a crash leaves the old one or the new one.
 *
 * @throws {CodedError} `io.write`, `io.permission`
 */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const folder = path.slice(0, Math.max(path.lastIndexOf("/"), 0)) || ".";
  const temporary = `${path}.tmp-${Deno.pid}`;
  try {
    {
      using file = await Deno.open(temporary, { write: true, create: true, truncate: true });
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.sync();
    }
    await Deno.rename(temporary, path);
    await syncFolder(folder);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    throw explain(path, cause);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Makes a folder, unless it is there already: of several processes exactly one succeeds. */
async function claim(path: string): Promise<boolean> {
  try {
    await Deno.mkdir(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Takes away what a killed process had not written to its end. The folder must be locked. */
async function removeUnfinished(path: string): Promise<void> {
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    const inner = `${path}/${name}`;
    if (isDirectory) await removeUnfinished(inner);
    else if (/\.tmp-\d+$|\.nii(\.gz)?\.part$/.test(name)) await Deno.remove(inner);
  }
}

function requireName(name: string): void {
  if (!/^\.*$|[/\\\0]/.test(name)) return;
  throw new CodedError("run.name", `${JSON.stringify(name)} cannot be the name of a folder`, {
    fix: "Give a plain name; the folder that holds all runs is chosen on its own.",
  });
}

/** The parts of a run's folder that are folders themselves. */
const parts = ["checkpoints", "plots", "predictions", "tables"];

/** What a training writes before its `config.json`. */
const beginnings = ["lock", "split.json", "plan.json", "env.json", ...parts];

/** The lock of a folder, held. */
function claimLock(folder: string): Deno.FsFile {
  const path = `${folder}/lock`;
  while (true) {
    let lock: Deno.FsFile;
    try {
      lock = Deno.openSync(path, { create: true, write: true });
    } catch (cause) {
      throw explain(path, cause);
    }
    if (!lock.tryLockSync(true)) {
      lock.close();
      throw new CodedError("run.locked", `another process works in ${folder}`, {
        fix: "Wait for it, or end it.",
      });
    }
    if (isNamed(path, lock)) return lock;
    lock.close(); // of a file that its process has taken away since it was opened
  }
}

function isNamed(path: string, file: Deno.FsFile): boolean {
  try {
    return Deno.statSync(path).ino === file.statSync().ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A run's folder: `config.json`, `log.csv`, `checkpoints/`, … One process at a time. */
export class RunFolder implements Disposable {
  /** Its path. */
  readonly path: string;

  readonly #lock: Deno.FsFile;

  /** Claims the folder by a lock of the operating system, which ends with its process, however that ends. */
  private constructor(path: string) {
    this.path = path;
    this.#lock = claimLock(path);
  }

  /**
   * Makes `root/name`, or `root/name-2` and so on when it is taken: a run never overwrites another, and of runs
   * that start together each gets a folder of its own.
   *
   * @throws {CodedError} `run.name` for a name that is a path, `io.write`, `io.permission`
   */
  static async create(root: string, name: string): Promise<RunFolder> {
    requireName(name);
    let path = `${root}/${name}`;
    try {
      await Deno.mkdir(root, { recursive: true });
      for (let n = 2; !await claim(path); n++) path = `${root}/${name}-${n}`;
      for (const part of parts) await Deno.mkdir(`${path}/${part}`);
    } catch (cause) {
      throw explain(path, cause);
    }
    return new RunFolder(path);
  }

  /**
   * Opens the folder of an interrupted run.
   *
   * @throws {CodedError} `run.folder` when there is none, `run.locked` when another process works in it,
   * `io.*` when it cannot be written
   */
  static async open(path: string): Promise<RunFolder> {
    if (!await exists(`${path}/config.json`)) {
      throw new CodedError("run.folder", `${path} is no run folder: it has no config.json`, {
        fix: "Give the folder that an earlier training printed.",
      });
    }
    const folder = new RunFolder(path);
    try {
      for (const part of parts) await Deno.mkdir(`${path}/${part}`, { recursive: true });
      await removeUnfinished(path);
    } catch (cause) {
      folder[Symbol.dispose]();
      throw explain(path, cause);
    }
    return folder;
  }

  /**
   * Makes `root/name`, or opens it when it is there: for a training that is made once under its name, whatever became
   * of earlier tries.
   *
   * @throws {CodedError} `run.name`, `run.folder` when it holds what is no run, `run.locked`, `io.*`
   */
  static async make(root: string, name: string): Promise<RunFolder> {
    requireName(name);
    const path = `${root}/${name}`;
    let folder: RunFolder | undefined;
    try {
      await Deno.mkdir(path, { recursive: true });
      const entries = [...Deno.readDirSync(path)].map((entry) => entry.name);
      const foreign = entries.find((entry) => !beginnings.includes(entry) && !/\.tmp-\d+$/.test(entry));
      if (foreign !== undefined && !entries.includes("config.json")) {
        throw new CodedError("run.folder", `${path} is no run folder: it holds ${foreign}`, {
          fix: "Choose another name.",
        });
      }
      folder = new RunFolder(path);
      for (const part of parts) await Deno.mkdir(`${path}/${part}`, { recursive: true });
      await removeUnfinished(path);
      return folder;
    } catch (cause) {
      folder?.[Symbol.dispose]();
      throw cause instanceof CodedError ? cause : explain(path, cause);
    }
  }

  /** Whether it has a file. */
  async has(name: string): Promise<boolean> {
    return await exists(`${this.path}/${name}`);
  }

  /** Removes a file, if it is there. */
  async remove(name: string): Promise<void> {
    if (!await this.has(name)) return;
    await Deno.remove(`${this.path}/${name}`);
  }

  /** Writes a file of the folder. */
  async write(name: string, content: string | Uint8Array): Promise<void> {
    await writeAtomically(`${this.path}/${name}`, content);
  }

  /**
   * Adds to the end of a file of the folder. A crash may leave a part of it.
   *
   * @throws {CodedError} `io.write`, `io.permission`
   */
  async append(name: string, bytes: Uint8Array): Promise<void> {
    const path = `${this.path}/${name}`;
    try {
      await Deno.writeFile(path, bytes, { append: true });
    } catch (cause) {
      throw explain(path, cause);
    }
  }

  /** The names of what is in it. */
  async names(): Promise<string[]> {
    return (await Array.fromAsync(Deno.readDir(this.path))).map(({ name }) => name);
  }

  /** Writes an object as JSON. */
  async writeJson(name: string, value: unknown): Promise<void> {
    await this.write(name, `${JSON.stringify(value, null, 2)}\n`);
  }

  /** Gives the folder free. */
  [Symbol.dispose](): void {
    const path = `${this.path}/lock`, isWindows = Deno.build.os === "windows";
    // First the name, then the lock: who had opened it before sees that it has gone. Windows keeps the names of open files.
    if (!isWindows) Deno.removeSync(path);
    this.#lock.close();
    if (isWindows) Deno.removeSync(path);
  }
}
