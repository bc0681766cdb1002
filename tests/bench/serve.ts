/** The side of a program that is timed. */

import process from "node:process";
import { timed } from "./measure.ts";
import { isRefused, type Ready, type Refused, type Sample } from "./protocol.ts";

/** A workload that is ready to run. */
export interface Prepared {
  /** Name, version, backend and threads of the program. */
  readonly version: string;
  /** Runs once and waits until all values are there. */
  run(): Promise<void>;
  /** Runs may begin while those before are under way: a GPU works on them one after the other. */
  readonly isQueued?: boolean;
  /** Most memory in tensors so far, where it is counted. */
  tensorMiB?(): number;
}

const encoder = new TextEncoder();

function answer(message: Ready | Refused | Sample): void {
  Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(message)}\n`));
}

/** Errors as one line; a package that is not in the cache is not an error of the program. */
function reason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code === "ERR_MODULE_NOT_FOUND") return "not installed";
  return `fails: ${message ?? error}`.split("\n")[0]!.slice(0, 160);
}

async function sample({ run, isQueued, tensorMiB }: Prepared, runs: number): Promise<Sample | Refused> {
  try {
    const times = await timed(run, runs, isQueued);
    const residentMiB = process.resourceUsage().maxRSS / 1024;
    return { ...times, residentMiB, ...(tensorMiB && { tensorMiB: tensorMiB() }) };
  } catch (error) {
    return { refused: reason(error) };
  }
}

/** Prepares, then runs as often as each line on stdin says; ends the process when stdin ends or something fails. */
export async function serve(prepare: () => Promise<Prepared | Refused>): Promise<never> {
  console.log = console.info = console.error; // libraries talk; stdout is for answers
  let prepared: Prepared | Refused;
  try {
    prepared = await prepare();
  } catch (error) {
    prepared = { refused: reason(error) };
  }
  if ("refused" in prepared) {
    answer(prepared);
    Deno.exit(0);
  }
  answer({ ready: prepared.version });
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    for (const line of chunk.trimEnd().split("\n")) {
      const result = await sample(prepared, Number(line.split(" ")[1]));
      answer(result);
      if (isRefused(result)) Deno.exit(0);
    }
  }
  Deno.exit(0);
}
