/**
 * The threads that run kernels: the calling thread and its workers.
 *
 * The calling thread writes a command into shared words, wakes the workers, takes work items like they do,
 * and waits until all are done. Which thread computes an item depends on timing; the result does not, since
 * items share nothing.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import { DeviceError } from "../../errors.ts";
import type { WasmMemory } from "./memory.ts";
import { commands, control, spins, workerSource, type WorkerStart } from "./worker.ts";

type Run = (begin: number, end: number, args: number, thread: number) => void;

/**
 * A thread takes half of its share of the items that are left: long runs of neighbours at first, which have rows in
 * common, single ones at the end, so that no thread waits long for another (guided self-scheduling: Polychronopoulos
 * and Kuck 1987).
 */
const divisor = 2;

/** Starts a worker and waits until it listens to the shared words; before that nobody may block. */
function start(message: WorkerStart): Promise<Worker> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerSource, { eval: true, env: {} });
    worker.once("error", (cause) =>
      reject(
        new DeviceError("device.threads", "cpu: a worker thread did not start", {
          cause,
          fix: "Open the device with threads: 1.",
        }),
      ));
    worker.once("message", () => resolve(worker));
    worker.postMessage(message);
  });
}

/** Runs kernels on one or more threads. */
export class ThreadPool implements Disposable {
  readonly #memory: WasmMemory;
  readonly #kernels: Run[] = [];
  readonly #workers: readonly Worker[];
  readonly #words: Int32Array;
  #closed = false;
  /** Why no kernel can be run any more. */
  #broken: unknown;

  private constructor(memory: WasmMemory, workers: readonly Worker[], words: Int32Array) {
    this.#memory = memory;
    this.#workers = workers;
    this.#words = words;
  }

  /**
   * Starts the workers.
   *
   * @param threads how many, the calling thread included; a memory that is not shared has one
   * @throws {DeviceError} `device.threads` when a worker does not start
   */
  static async open(memory: WasmMemory, threads: number): Promise<ThreadPool> {
    const address = memory.allocate(4 * control.words);
    const words = new Int32Array(memory.memory.buffer, address, control.words).fill(0);
    const numbers = Array.from({ length: memory.shared ? threads - 1 : 0 }, (_, i) => i + 1);
    const workers = await Promise.all(
      numbers.map((thread) => start({ memory: memory.memory, address, thread, control, commands, spins })),
    );
    // A program that forgets to dispose of its device ends all the same.
    for (const worker of workers) worker.unref();
    return new ThreadPool(memory, workers, words);
  }

  /** Threads that work, the calling one included. */
  get threads(): number {
    return 1 + this.#workers.length;
  }

  /** Makes a module's `run` known to all threads; returns its position in their lists. */
  compile(bytes: Uint8Array<ArrayBuffer>): number {
    if (this.#broken !== undefined) throw this.#broken;
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      env: { memory: this.#memory.memory },
    });
    if (this.#workers.length > 0) {
      const address = this.#memory.allocate(bytes.length);
      new Uint8Array(this.#memory.memory.buffer, address, bytes.length).set(bytes);
      this.#words[control.module] = address;
      this.#words[control.moduleLength] = bytes.length;
      this.#words[control.pages] = this.#memory.pages;
      try {
        this.#order(commands.compile);
      } catch (error) {
        this.#broken = error; // some threads have the kernel, others do not: their numbers mean others from here on
        throw error;
      } finally {
        this.#memory.release(address, bytes.length);
      }
    }
    return this.#kernels.push(exports["run"] as unknown as Run) - 1;
  }

  /** Runs items 0 … count − 1 of a kernel and returns when all are done. */
  run(index: number, count: number, args: number): void {
    if (this.#broken !== undefined) throw this.#broken;
    const kernel = this.#kernels[index]!;
    if (this.#workers.length === 0 || count === 1) {
      kernel(0, count, args, 0);
      return;
    }
    const words = this.#words;
    const parts = divisor * this.threads;
    words[control.kernel] = index;
    words[control.count] = count;
    words[control.parts] = parts;
    words[control.args] = args;
    words[control.pages] = this.#memory.pages;
    Atomics.store(words, control.next, 0);
    Atomics.store(words, control.gate, 1);
    this.#announce(commands.run);
    try {
      for (;;) {
        const begin = Atomics.load(words, control.next);
        if (begin >= count) break;
        const end = begin + Math.ceil((count - begin) / parts);
        if (Atomics.compareExchange(words, control.next, begin, end) === begin) kernel(begin, end, args, 0);
      }
    } finally {
      Atomics.sub(words, control.gate, 1);
      this.#await(control.gate);
    }
  }

  #announce(command: number): void {
    const number = Atomics.load(this.#words, control.command) >> 2;
    Atomics.store(this.#words, control.command, ((number + 1) << 2) | command);
    Atomics.notify(this.#words, control.command);
  }

  /** Has every worker do something. */
  #order(command: number): void {
    Atomics.store(this.#words, control.pending, this.#workers.length);
    this.#announce(command);
    this.#await(control.pending);
  }

  /** Waits until a word is 0. */
  #await(word: number): void {
    const words = this.#words;
    for (let i = 0; i < spins.least && Atomics.load(words, word) > 0; i++);
    for (let left; (left = Atomics.load(words, word)) > 0;) Atomics.wait(words, word, left);
    const length = Atomics.exchange(words, control.failed, 0);
    if (length === 0) return;
    const said = String.fromCharCode(...words.subarray(control.message, control.message + length));
    throw new DeviceError("device.threads", `cpu: a worker thread failed: ${said}`, {
      fix: "Try again with one thread, and report it if that works: results do not depend on their number.",
    });
  }

  /** Ends the workers; twice is harmless. */
  [Symbol.dispose](): void {
    if (this.#closed || this.#workers.length === 0) return;
    this.#closed = true;
    this.#order(commands.quit);
    for (const worker of this.#workers) worker.terminate();
  }
}
