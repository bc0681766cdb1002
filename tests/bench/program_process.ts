/** A program in a process of its own: if it crashes, hangs or takes all memory, the benchmark goes on. */

import type { Program } from "./programs.ts";
import { isRefused, type Ready, type Refused, type Sample } from "./protocol.ts";
import type { WorkloadName } from "./names.ts";

/** A running program that has prepared one workload. */
export class ProgramProcess implements AsyncDisposable {
  /** What the program says it is. */
  version = "";
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #complaints: Promise<string>;
  #rest = "";

  private constructor({ command, args }: ReturnType<Program["start"]>) {
    this.#process = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", stderr: "piped" })
      .spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#complaints = new Response(this.#process.stderr).text();
  }

  /** Starts a program; it refuses where it is not installed, may not be run or does not know the workload. */
  static async start(
    program: Program,
    workload: WorkloadName,
    { threads, limitMs }: { threads: number; limitMs: number },
  ): Promise<ProgramProcess | Refused> {
    let started: ProgramProcess;
    try {
      started = new ProgramProcess(program.start(workload, threads));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { refused: "not installed" };
      if (error instanceof Deno.errors.NotCapable) return { refused: "not allowed to run" };
      throw error;
    }
    const answer = await started.#answer<Ready>(limitMs);
    if (isRefused(answer)) {
      await started[Symbol.asyncDispose]();
      return answer;
    }
    started.version = answer.ready;
    return started;
  }

  /** Runs the workload so many times in a row. After a refusal the process is gone. */
  async run(runs: number, limitMs: number): Promise<Sample | Refused> {
    try {
      await this.#input.write(new TextEncoder().encode(`run ${runs}\n`));
    } catch {
      // It has ended; reading its output says why.
    }
    return await this.#answer<Sample>(limitMs);
  }

  async #answer<A extends Ready | Sample>(limitMs: number): Promise<A | Refused> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), limitMs));
    const line = await Promise.race([this.#line(), late]);
    clearTimeout(timer);
    if (line === "late") {
      await this[Symbol.asyncDispose]();
      return { refused: `over ${limitMs / 1000} s` };
    }
    if (line !== null) return JSON.parse(line);
    const last = (await this.#complaints).trim().split("\n").at(-1);
    return { refused: `ended: ${last || "without a word"}`.slice(0, 160) };
  }

  async #line(): Promise<string | null> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#output.read();
      if (done) return null;
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line.startsWith("{") ? line : await this.#line();
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
    await this.#process.status;
  }
}
