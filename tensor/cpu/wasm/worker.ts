/**
 * What a worker thread does: it waits for a signal in the shared memory, never for messages, and takes work items
 * as long as there are any.
 *
 * Kernels stand in a ring of slots, and the first that is not done is computed by all threads together: the
 * calling thread goes on to queue the next ones meanwhile. A slot has a gate. A thread that finds it open goes in,
 * takes items and leaves; whoever computes the last item closes the gate, and the slot is used again when nobody
 * is inside. So nobody waits for a worker that slept through a short run. A new kernel, in contrast, every worker
 * compiles, while nothing is queued.
 *
 * @module
 */

/**
 * Places of the shared control words, in 32-bit words. Those that several threads write at the same time
 * lie in cache lines of their own.
 */
export const control = {
  /** Changes whenever there may be something to do or nothing left to wait for. */
  signal: 0,
  /** Kernels queued so far. */
  queued: 16,
  /** Kernels done so far. */
  done: 32,
  /** What every worker is to do, see {@link orders}, plus four times the number of the order. */
  order: 48,
  /** Workers that have not done it. */
  pending: 64,
  /** Order compile: address and length of the module's bytes. */
  module: 80,
  moduleLength: 81,
  /** When a thread failed, 1 plus the length of what it said, −1 while that is written; otherwise 0. */
  failed: 82,
  /** Which of all queued kernels it failed in. */
  failedIn: 83,
  /** What it said, a character a word. */
  message: 84,
  /** Where the slots begin. */
  slots: 352,
} as const;

/** Places in a slot. */
export const slot = {
  /** 1 while the gate is open, plus twice the number of threads inside. */
  gate: 0,
  /** Next work item to take. */
  next: 16,
  /** Items that are done. */
  finished: 32,
  /** Which of all queued kernels it is. */
  number: 48,
  /** Its position in the list of compiled modules. */
  kernel: 49,
  /** Number of items. */
  count: 50,
  /** Into how many parts a thread divides the items that are left, to take one of them. */
  parts: 51,
  /**
   * Pages of the memory as the calling thread sees it. An engine tells a worker of a growth when the worker next
   * looks for interrupts, which may be after a kernel has used the old size; to grow by nothing tells it at once.
   */
  pages: 52,
  /** What the kernel is launched with. */
  arguments: 64,
  /** Number of words, of arguments and in all. */
  argumentWords: 64,
  words: 128,
} as const;

/** Slots, a power of two: one more than kernels may be queued and not done. */
export const slots = 16;

/** Every worker compiles a module, or ends. */
export const orders = { compile: 1, quit: 2 } as const;

/**
 * How often a thread looks for a change before it sleeps: 2000 times are about twenty microseconds. A worker
 * looks up to twenty times longer while signals keep arriving just in time, since waking it takes longer than
 * most pauses between kernels; it looks shorter again when none came, as when it shares its core with others.
 * The calling thread waits for the last items of the others, which take tenths of a millisecond.
 */
export const spins = { least: 2000, most: 40000, caller: 20000 } as const;

/** A kernel's function. */
export type Run = (begin: number, end: number, args: number, thread: number) => void;

/** A thread as {@link takeItems} sees it. */
export interface Thread {
  /** The control words and the slots. */
  readonly words: Int32Array;
  /** Their address. */
  readonly address: number;
  /** Its number, 0 for the calling thread. */
  readonly thread: number;
  /** The compiled kernels. */
  readonly kernels: readonly Run[];
  /** Sees the memory's growth. */
  readonly seeMemory: (pages: number) => void;
  /** The constants above: the function's text runs by itself in a worker and cannot see this module. */
  readonly places: { readonly control: typeof control; readonly slot: typeof slot; readonly slots: number };
}

/** Keeps what was thrown first where the calling thread finds it. */
function keepFailure(
  words: Int32Array,
  { control }: Thread["places"],
  cause: unknown,
  number: number,
): void {
  if (Atomics.compareExchange(words, control.failed, 0, -1) !== 0) return;
  const text = String(cause).slice(0, control.slots - control.message);
  for (let i = 0; i < text.length; i++) words[control.message + i] = text.charCodeAt(i);
  words[control.failedIn] = number;
  Atomics.store(words, control.failed, 1 + text.length);
}

/**
 * Computes items of the first kernel that is not done; false if there were none to take. It must not refer to
 * anything but `keepFailure` outside of itself.
 */
export function takeItems({ words, address, thread, kernels, seeMemory, places }: Thread): boolean {
  const { control, slot, slots } = places;
  const number = Atomics.load(words, control.done);
  if (number === Atomics.load(words, control.queued)) return false;
  const at = control.slots + (number & (slots - 1)) * slot.words, gate = at + slot.gate;
  for (;;) {
    const state = Atomics.load(words, gate);
    if (state % 2 === 0) return false;
    if (Atomics.compareExchange(words, gate, state, state + 2) === state) break;
  }
  let taken = false;
  if (words[at + slot.number] === number) { // the slot may have been used again since
    const count = words[at + slot.count]!, parts = words[at + slot.parts]!;
    const args = address + 4 * (at + slot.arguments);
    for (;;) {
      const begin = Atomics.load(words, at + slot.next);
      if (begin >= count) break;
      const end = begin + Math.ceil((count - begin) / parts);
      if (Atomics.compareExchange(words, at + slot.next, begin, end) !== begin) continue;
      taken = true;
      try {
        seeMemory(words[at + slot.pages]!);
        // After a failure the others have nothing to work on: they pass, until the calling thread has been told.
        if (Atomics.load(words, control.failed) === 0) {
          kernels[words[at + slot.kernel]!]!(begin, end, args, thread);
        }
      } catch (cause) {
        keepFailure(words, places, cause, number);
      }
      if (Atomics.add(words, at + slot.finished, end - begin) + end - begin < count) continue;
      Atomics.sub(words, gate, 1);
      Atomics.store(words, control.done, (number + 1) | 0);
      Atomics.add(words, control.signal, 1);
      Atomics.notify(words, control.signal);
    }
  }
  Atomics.sub(words, gate, 2);
  return taken;
}

/** What a worker is started with. */
export interface WorkerStart extends Pick<Thread, "address" | "thread" | "places"> {
  /** The memory of all arrays. */
  readonly memory: WebAssembly.Memory;
  /** Number of control words, the slots included. */
  readonly length: number;
  readonly orders: typeof orders;
  readonly spins: typeof spins;
}

/** The part of a message port that the worker uses. */
interface Port {
  once(event: "message", listener: (start: WorkerStart) => void): void;
  postMessage(message: string): void;
}

/** The whole program of a worker. It must not refer to anything but the two functions above outside of itself. */
function work(port: Port): void {
  port.once("message", ({ memory, length, orders, spins, ...start }) => {
    const { control } = start.places, words = new Int32Array(memory.buffer, start.address, length);
    const kernels: Run[] = [];
    let seenPages = 0;
    const seeMemory = (pages: number) => {
      if (pages !== seenPages) memory.grow(0);
      seenPages = pages;
    };
    const compile = () => {
      memory.grow(0);
      const begin = words[control.module]! >>> 0;
      const bytes = new Uint8Array(memory.buffer, begin, words[control.moduleLength]).slice();
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
      kernels.push(exports["run"] as unknown as Run);
    };
    const thread = { ...start, words, kernels, seeMemory };
    let seenOrder = Atomics.load(words, control.order);
    let patience: number = spins.least;
    port.postMessage("ready");
    for (;;) {
      const signal = Atomics.load(words, control.signal);
      const order = Atomics.load(words, control.order);
      if (order !== seenOrder) {
        seenOrder = order;
        if (order % 4 === orders.compile) {
          try {
            compile();
          } catch (cause) {
            keepFailure(words, start.places, cause, 0);
          }
        }
        if (Atomics.sub(words, control.pending, 1) === 1) {
          Atomics.add(words, control.signal, 1);
          Atomics.notify(words, control.signal);
        }
        if (order % 4 === orders.quit) return;
        continue;
      }
      if (takeItems(thread)) continue;
      let looked = 0;
      while (looked < patience && Atomics.load(words, control.signal) === signal) looked++;
      if (looked === patience) patience = Math.max(spins.least, patience / 2);
      else if (looked > patience / 2) patience = Math.min(spins.most, patience * 2);
      Atomics.wait(words, control.signal, signal);
    }
  });
}

/**
 * The source text of the worker. As a text it needs no permission to read a file, and no network when the
 * program was started from a URL.
 */
export const workerSource: string = `${keepFailure}
${takeItems}
(${work})(require("node:worker_threads").parentPort);`;
