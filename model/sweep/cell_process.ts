/**
 * A cell in a process of its own, whose output goes into the cell's log.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";
import { cellArguments, type CellPlace } from "./cell_command.ts";
import { errorIn } from "./cell_state.ts";
import type { Cell } from "./cells.ts";
import type { CellProcess } from "./run_locally.ts";
import { sweepPaths } from "./sweep_folder.ts";

/**
 * Starts a cell. It is not of the terminal's group, so that Ctrl-C reaches it once, through its {@link CellProcess.stop}.
 *
 * @throws {CodedError} `sweep.deno` when there is no command `deno`
 */
export function startCell(cell: Cell, place: CellPlace): CellProcess {
  const path = sweepPaths.log(place.folder, cell);
  const log = Deno.openSync(path, { create: true, write: true, truncate: true });
  let process: Deno.ChildProcess;
  try {
    process = new Deno.Command("deno", {
      args: cellArguments(cell, place),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
  } catch (cause) {
    log.close();
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new CodedError("sweep.deno", "there is no command deno to start trainings with", {
      cause,
      fix: "Put the folder of the program deno into PATH.",
    });
  }
  const keep = async (stream: ReadableStream<Uint8Array>) => {
    for await (const piece of stream) {
      for (let at = 0; at < piece.length;) at += await log.write(piece.subarray(at));
    }
  };
  const end = async () => {
    const [{ code }] = await Promise.all([process.status, keep(process.stdout), keep(process.stderr)])
      .finally(() => log.close());
    return { code, error: code === 0 ? null : errorIn(await Deno.readTextFile(path)) };
  };
  return {
    ended: end(),
    stop() {
      try {
        process.kill("SIGTERM");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended by itself
      }
    },
  };
}
