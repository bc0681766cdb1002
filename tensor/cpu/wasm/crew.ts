/**
 * The threads that run kernels: this one and, later, workers.
 *
 * @module
 */

import type { WasmMemory } from "./memory.ts";

type Run = (begin: number, end: number, args: number, thread: number) => void;

/** Runs every kernel on the calling thread. */
export class Crew implements Disposable {
  readonly #memory: WasmMemory;
  readonly #functions: Run[] = [];
  /** Threads that work, this one included. */
  readonly threads: number = 1;

  /** Kernels import this memory. */
  constructor(memory: WasmMemory) {
    this.#memory = memory;
  }

  /** Makes a module's `run` known to all threads. */
  compile(bytes: Uint8Array<ArrayBuffer>): number {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      env: { memory: this.#memory.memory },
    });
    return this.#functions.push(instance.exports["run"] as unknown as Run) - 1;
  }

  /** Runs items 0 … count − 1 of a kernel. */
  run(index: number, count: number, args: number): void {
    this.#functions[index]!(0, count, args, 0);
  }

  /** Nothing to end. */
  [Symbol.dispose](): void {}
}
