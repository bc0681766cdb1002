/**
 * Shows runs and sweeps while they go on, on a page that only this machine can open.
 *
 * ```sh
 * deno task watch runs
 * ```
 *
 * @module
 */

import { WatchedFolder, watchHandler } from "../eval/mod.ts";
import { type Command, main, number, type Result, UsageError } from "./command.ts";
import { say } from "./terminal.ts";

/** Serves until a signal comes. */
async function serve(folder: WatchedFolder, port: number): Promise<Result> {
  const token = crypto.randomUUID().replaceAll("-", "");
  const handler = watchHandler({ token, title: folder.path, look: () => folder.runs() });
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (Deno.build.os === "windows" && signal === "SIGTERM") continue;
    Deno.addSignalListener(signal, () => stop.abort());
  }
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port,
    signal: stop.signal,
    onListen: ({ port }) => say(`http://127.0.0.1:${port}/?token=${token}\nCtrl-C ends it; the runs go on.`),
  }, handler);
  await server.finished;
  return { text: "", json: { folder: folder.path } };
}

/** What `deno task watch` does. */
export const command: Command = {
  name: "watch",
  summary:
    "Shows runs and sweeps while they go on: curves, Dice by class and modality, time and memory, the last validation\n" +
    "in three planes, the table so far. The page is served to this machine alone, at an address with a secret in it.\n" +
    "Nothing is written. From another machine: ssh -L 8000:127.0.0.1:8000 HOST, and --port 8000 here.",
  positional: "RUNS",
  options: {
    port: { value: "N", help: "port to serve on", default: "any that is free" },
  },
  examples: ["runs", "runs/sweep --port 8000"],
  async run(values, folders): Promise<Result> {
    if (folders.length > 1) {
      throw new UsageError("watch takes one folder", "Give the folder that holds them all.");
    }
    const port = number(values, "port") ?? 0;
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new UsageError(`--port ${port}: expected a whole number from 0 to 65535`);
    }
    return await serve(await WatchedFolder.open(folders[0] ?? "runs"), port);
  },
};

if (import.meta.main) await main(command);
