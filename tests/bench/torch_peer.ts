/** PyTorch as a peer, in a process of its own. */

import { fileURLToPath } from "node:url";
import type { Times } from "./measure.ts";

const python = "/usr/bin/python3";

/** Runs workloads of `torch_peer.py` by name. */
export class TorchPeer implements Disposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #rest = "";

  private constructor(threads: number) {
    const script = fileURLToPath(new URL("./torch_peer.py", import.meta.url));
    this.#process = new Deno.Command(python, {
      args: [script, `${threads}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts it; null where running programs is not allowed, or there is no PyTorch. */
  static async start(threads: number): Promise<{ peer: TorchPeer; version: string } | null> {
    const { state } = await Deno.permissions.query({ name: "run", command: python });
    if (state !== "granted") return null;
    const peer = new TorchPeer(threads);
    const line = await peer.#line();
    if (line !== null) return { peer, version: JSON.parse(line).version };
    peer[Symbol.dispose]();
    return null;
  }

  /** Runs a workload once. */
  async run(name: string): Promise<Times> {
    await this.#input.write(new TextEncoder().encode(`${name}\n`));
    const line = await this.#line();
    if (line === null) throw new Error(`PyTorch ended while it ran ${name}`);
    return JSON.parse(line);
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
    return line;
  }

  /** Ends the process. */
  [Symbol.dispose](): void {
    try {
      this.#process.kill();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
  }
}
