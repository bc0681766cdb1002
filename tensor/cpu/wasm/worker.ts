/**
 * What a worker thread does: it waits for commands in the shared memory, never for messages, and takes work
 * items as long as there are any.
 *
 * @module
 */

/**
 * Places of the shared control words, in 32-bit words. Those that several threads write at the same time
 * lie in cache lines of their own.
 */
export const control = {
  /** Number of the current command; threads wait for it to change. */
  generation: 0,
  /** Workers that have not finished the current command. */
  pending: 16,
  /** Next work item to take. */
  next: 32,
  /** What to do: see {@link commands}. */
  command: 48,
  /** Run: position of the kernel in the list of compiled modules. */
  kernel: 49,
  /** Run: number of items. */
  count: 50,
  /** Run: items that a thread takes at once. */
  chunk: 51,
  /** Run: address of the arguments. */
  args: 52,
  /** Compile: address and length of the module's bytes. */
  module: 53,
  moduleLength: 54,
  /** Not 0 when a worker failed. */
  failed: 55,
  /** Number of words. */
  words: 64,
} as const;

/** Values of the command word. */
export const commands = { run: 0, compile: 1, quit: 2 } as const;

/** How often a thread looks for a change before it sleeps: about ten microseconds. */
export const spins = 2000;

/** What a worker is started with. */
export interface WorkerStart {
  /** The memory of all arrays. */
  readonly memory: WebAssembly.Memory;
  /** Address of the control words. */
  readonly address: number;
  /** Number of the thread, from 1. */
  readonly thread: number;
  /** The constants above: the function's text runs by itself and cannot see this module. */
  readonly control: typeof control;
  readonly commands: typeof commands;
  readonly spins: number;
}

/** The part of a message port that the worker uses. */
interface Port {
  once(event: "message", listener: (start: WorkerStart) => void): void;
  postMessage(message: string): void;
}

/** The whole program of a worker. It must not refer to anything outside of itself. */
function work(port: Port): void {
  port.once("message", ({ memory, address, thread, control, commands, spins }) => {
    const words = new Int32Array(memory.buffer, address, control.words);
    const kernels: ((begin: number, end: number, args: number, thread: number) => void)[] = [];
    const compile = () => {
      const start = words[control.module]! >>> 0;
      const bytes = new Uint8Array(memory.buffer, start, words[control.moduleLength]).slice();
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
      kernels.push(exports["run"] as unknown as typeof kernels[number]);
    };
    const run = () => {
      const [count, chunk, args] = [words[control.count]!, words[control.chunk]!, words[control.args]!];
      const kernel = kernels[words[control.kernel]!]!;
      for (;;) {
        const begin = Atomics.add(words, control.next, chunk);
        if (begin >= count) return;
        kernel(begin, Math.min(count, begin + chunk), args, thread);
      }
    };
    let seen = Atomics.load(words, control.generation);
    port.postMessage("ready");
    for (;;) {
      for (let i = 0; i < spins && Atomics.load(words, control.generation) === seen; i++);
      Atomics.wait(words, control.generation, seen);
      seen = Atomics.load(words, control.generation);
      const command = words[control.command];
      try {
        if (command === commands.run) run();
        else if (command === commands.compile) compile();
      } catch {
        Atomics.store(words, control.failed, 1); // the thread that waits turns it into an error
      }
      if (Atomics.sub(words, control.pending, 1) === 1) Atomics.notify(words, control.pending);
      if (command === commands.quit) return;
    }
  });
}

/**
 * The source text of the worker. As a text it needs no permission to read a file, and no network when the
 * program was started from a URL.
 */
export const workerSource: string = `(${work})(require("node:worker_threads").parentPort);`;
