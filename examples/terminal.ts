/**
 * Where commands show what they are doing: stderr, so that stdout holds the result alone.
 *
 * @module
 */

import type { ProgressSink } from "../model/mod.ts";

/** The line that shows progress. */
export const terminal: ProgressSink = {
  isTerminal: Deno.stderr.isTerminal() && !Deno.noColor,
  get columns() {
    return Deno.consoleSize().columns;
  },
  write: (line) => Deno.stderr.writeSync(new TextEncoder().encode(line)),
};

/** Prints a line. */
export const say = (line: string) => terminal.write(`${line}\n`);
