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

/** A run's folder: `config.json`, `log.csv`, `checkpoints/`, … */
export class RunFolder {
  /** Its path. */
  readonly path: string;
  readonly #lines: string[];
  #columns: readonly string[];

  private constructor(path: string, columns: readonly string[], lines: string[]) {
    this.path = path;
    this.#columns = columns;
    this.#lines = lines;
  }

  /** Makes `root/name`, or `root/name-2` and so on when it is taken: a run never overwrites another. */
  static async create(root: string, name: string): Promise<RunFolder> {
    let path = `${root}/${name}`;
    try {
      for (let n = 2; await exists(path); n++) path = `${root}/${name}-${n}`;
      for (const part of ["checkpoints", "plots", "predictions", "tables"]) {
        await Deno.mkdir(`${path}/${part}`, { recursive: true });
      }
    } catch (cause) {
      throw explain(path, cause);
    }
    return new RunFolder(path, [], []);
  }

  /** Opens the folder of an interrupted run and forgets log lines after `step`. */
  static async resume(path: string, step: number): Promise<RunFolder> {
    const [header = "", ...lines] = (await Deno.readTextFile(`${path}/log.csv`)).trimEnd().split("\n");
    const kept = lines.filter((line) => Number(line.slice(0, line.indexOf(","))) <= step);
    return new RunFolder(path, header.split(","), kept);
  }

  /** Writes a file of the folder. */
  async write(name: string, content: string | Uint8Array): Promise<void> {
    await writeAtomically(`${this.path}/${name}`, content);
  }

  /** Writes an object as JSON. */
  async writeJson(name: string, value: unknown): Promise<void> {
    await this.write(name, `${JSON.stringify(value, null, 2)}\n`);
  }

  /** Adds a row to the log; columns are fixed by the first row that has them, empty where absent. */
  log(row: Readonly<Record<string, number>>): void {
    const fresh = Object.keys(row).filter((column) => !this.#columns.includes(column));
    this.#columns = [...this.#columns, ...fresh];
    this.#lines.push(this.#columns.map((column) => row[column] ?? "").join(","));
  }

  /** The log as CSV. */
  get logCsv(): string {
    const width = this.#columns.length;
    const padded = this.#lines.map((line) => line + ",".repeat(width - line.split(",").length));
    return `${[this.#columns.join(","), ...padded].join("\n")}\n`;
  }
}
