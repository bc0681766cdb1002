/**
 * The threads that run kernels: the calling thread and its workers.
 *
 * The calling thread queues kernels and goes on, so that the workers compute while it prepares the next ones. Where
 * too many wait, or their results are asked for, it takes work items like they do. A kernel begins when the one before
 * it is done. Which thread computes an item depends on timing; the result does not, since items share nothing.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import { DeviceError } from "../../errors.ts";
import type { WasmMemory } from "./memory.ts";
import {
  control,
  orders,
  type Run,
  slot,
  slots,
  spins,
  takeItems,
  type Thread,
  workerSource,
  type WorkerStart,
} from "./worker.ts";

const places = { control, slot, slots } as const;
/** Number of control words, the slots included. */
const length = control.slots + slots * slot.words;

/**
 * A thread takes half of its share of the items that are left: long runs of neighbours at first, which have rows in
 * common, single ones at the end, so that no thread waits long for another (guided self-scheduling: Polychronopoulos
 * and Kuck 1987).
 */
const divisor = 2;

/** Kernels that may be queued and not done when {@link ThreadPool.run} returns. */
const ahead = slots - 1;

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

/** Space for {@link argumentWords} words. */
export interface Arguments {
  /** The words, and the same memory as floats. */
  readonly words: Int32Array;
  readonly floats: Float32Array;
  /** Index of the first. */
  readonly at: number;
  /** Its address. */
  readonly address: number;
}

/** Words that a kernel can be given. */
export const argumentWords: number = slot.argumentWords;

/** Runs kernels on one or more threads. */
export class ThreadPool implements Disposable {
  readonly #memory: WasmMemory;
  readonly #address: number;
  readonly #kernels: Run[] = [];
  /** Of the kernel in each slot, what it is for people. */
  readonly #labels: (() => string)[] = [];
  readonly #workers: readonly Worker[];
  readonly #self: Thread;
  #words: Int32Array;
  #floats: Float32Array;
  #closed = false;
  /** Why no kernel can be run any more. */
  #broken: unknown;

  private constructor(memory: WasmMemory, address: number, workers: readonly Worker[]) {
    this.#memory = memory;
    this.#address = address;
    this.#workers = workers;
    [this.#words, this.#floats] = this.#views();
    this.#self = {
      words: this.#words,
      address,
      thread: 0,
      kernels: this.#kernels,
      seeMemory: () => {}, // it is this thread that makes the memory grow
      places,
    };
  }

  /**
   * Starts the workers.
   *
   * @param threads how many, the calling thread included; a memory that is not shared has one
   * @throws {DeviceError} `device.threads` when a worker does not start
   */
  static async open(memory: WasmMemory, threads: number): Promise<ThreadPool> {
    const address = memory.allocate(4 * length);
    new Int32Array(memory.memory.buffer, address, length).fill(0);
    const numbers = Array.from({ length: memory.shared ? threads - 1 : 0 }, (_, i) => i + 1);
    const workers = await Promise.all(
      numbers.map((thread) =>
        start({ memory: memory.memory, address, length, thread, places, orders, spins })
      ),
    );
    // A program that forgets to dispose of its device ends all the same.
    for (const worker of workers) worker.unref();
    return new ThreadPool(memory, address, workers);
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
      this.settle();
      const address = this.#memory.allocate(bytes.length);
      new Uint8Array(this.#memory.memory.buffer, address, bytes.length).set(bytes);
      this.#words[control.module] = address;
      this.#words[control.moduleLength] = bytes.length;
      try {
        this.#order(orders.compile);
      } catch (error) {
        this.#broken = error; // some threads have the kernel, others do not: their numbers mean others from here on
        throw error;
      } finally {
        this.#memory.release(address, bytes.length);
      }
    }
    return this.#kernels.push(exports["run"] as unknown as Run) - 1;
  }

  /** Where the next kernel's arguments go. */
  claim(): Arguments {
    // Growing a memory that is not shared detaches its views.
    if (this.#words.length === 0) [this.#words, this.#floats] = this.#views();
    const at = this.#nextSlot() + slot.arguments;
    return { words: this.#words, floats: this.#floats, at, address: this.#address + 4 * at };
  }

  /**
   * Queues items 0 … count − 1 of a kernel with the arguments that were put where {@link claim} said.
   *
   * @param label names what is run in the error of a failure, whoever meets it
   * @throws {DeviceError} `device.kernel` when one that was queued before failed; then this one is not queued
   */
  run(index: number, count: number, label: () => string): void {
    if (this.#broken !== undefined) throw this.#broken;
    const words = this.#words, at = this.#nextSlot();
    if (this.#workers.length === 0) {
      this.#kernels[index]!(0, count, this.#address + 4 * (at + slot.arguments), 0);
      return;
    }
    this.#rethrow();
    if (count === 0) return;
    while (Atomics.load(words, at + slot.gate) > 0); // a thread is on its way out
    const number = words[control.queued]!;
    this.#labels[number & (slots - 1)] = label;
    words[at + slot.number] = number;
    words[at + slot.kernel] = index;
    words[at + slot.count] = count;
    words[at + slot.parts] = divisor * this.threads;
    words[at + slot.pages] = this.#memory.pages;
    words[at + slot.next] = words[at + slot.finished] = 0;
    Atomics.store(words, at + slot.gate, 1);
    Atomics.store(words, control.queued, (number + 1) | 0);
    this.#signal();
    this.#work(() => ((number + 1 - Atomics.load(words, control.done)) | 0) <= ahead);
  }

  /**
   * Computes what is queued; then the memory holds what it should.
   *
   * @throws {DeviceError} `device.kernel` when one failed
   */
  settle(): void {
    if (this.#workers.length === 0) return;
    this.#finish();
    this.#rethrow();
  }

  /** Computes what is queued. */
  #finish(): void {
    const words = this.#words;
    this.#work(() => Atomics.load(words, control.done) === words[control.queued]);
  }

  #views(): [Int32Array, Float32Array] {
    const { buffer } = this.#memory.memory;
    return [new Int32Array(buffer, this.#address, length), new Float32Array(buffer, this.#address, length)];
  }

  /** Place of the slot of the next kernel. */
  #nextSlot(): number {
    return control.slots + (this.#words[control.queued]! & (slots - 1)) * slot.words;
  }

  #signal(): void {
    Atomics.add(this.#words, control.signal, 1);
    Atomics.notify(this.#words, control.signal);
  }

  /** Has every worker do something, when nothing is queued. */
  #order(order: number): void {
    const words = this.#words, number = words[control.order]! >> 2;
    Atomics.store(words, control.pending, this.#workers.length);
    Atomics.store(words, control.order, ((number + 1) << 2) | order);
    this.#signal();
    this.#work(() => Atomics.load(words, control.pending) === 0);
    const text = this.#takeFailure();
    if (text !== undefined) throw new DeviceError("device.threads", `cpu: a worker thread failed: ${text}`);
  }

  /** Takes items until something is so, and sleeps where there are none to take. */
  #work(isDone: () => boolean): void {
    const words = this.#words;
    for (;;) {
      const signal = Atomics.load(words, control.signal);
      if (isDone()) return;
      if (takeItems(this.#self)) continue;
      for (let i = 0; i < spins.caller && Atomics.load(words, control.signal) === signal; i++);
      Atomics.wait(words, control.signal, signal);
    }
  }

  /** Throws what was thrown first in whatever thread; the queue is empty then. */
  #rethrow(): void {
    const words = this.#words;
    if (Atomics.load(words, control.failed) === 0) return;
    this.#finish();
    const label = this.#labels[words[control.failedIn]! & (slots - 1)]!();
    throw new DeviceError("device.kernel", `${label}: the kernel failed: ${this.#takeFailure()}`, {
      fix: "Try again with one thread, and report it if that works: results do not depend on their number.",
    });
  }

  /** What a thread said that failed, once. */
  #takeFailure(): string | undefined {
    const words = this.#words, said = Atomics.load(words, control.failed) - 1;
    if (said < 0) return undefined;
    const text = String.fromCharCode(...words.subarray(control.message, control.message + said));
    Atomics.store(words, control.failed, 0);
    return text;
  }

  /** Ends the workers; twice is harmless. */
  [Symbol.dispose](): void {
    if (this.#closed || this.#workers.length === 0) return;
    this.#closed = true;
    this.#finish();
    this.#words[control.failed] = 0; // nobody asked for these results
    this.#order(orders.quit);
    for (const worker of this.#workers) worker.terminate();
  }
}
