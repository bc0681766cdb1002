/**
 * What a worker thread does: it waits for commands in the shared memory, never for messages, and takes work
 * items as long as there are any.
 *
 * To run a kernel, the calling thread opens a gate. A worker that finds it open goes in, takes items and leaves;
 * when the items are used up, the gate is closed, and the calling thread waits for those inside. It does not
 * wait for a worker that slept through a short run. A new kernel, in contrast, every worker compiles.
 *
 * @module
 */

/**
 * Places of the shared control words, in 32-bit words. Those that several threads write at the same time
 * lie in cache lines of their own.
 */
export const control = {
  /** What to do, see {@link commands}, plus four times the number of the command; workers wait for a change. */
  command: 0,
  /** Compile and quit: workers that have not done it. */
  pending: 16,
  /** Run: 1 while the gate is open, plus twice the number of workers inside. */
  gate: 32,
  /** Run: next work item to take. */
  next: 48,
  /** Run: position of the kernel in the list of compiled modules. */
  kernel: 64,
  /** Run: number of items. */
  count: 65,
  /** Run: into how many parts a thread divides the items that are left, to take one of them. */
  parts: 66,
  /** Run: address of the arguments. */
  args: 67,
  /** Compile: address and length of the module's bytes. */
  module: 68,
  moduleLength: 69,
  /**
   * Pages of the memory as the calling thread sees it. An engine tells a worker of a growth when the worker next
   * looks for interrupts, which may be after a kernel has used the old size; to grow by nothing tells it at once.
   */
  pages: 71,
  /** When a worker failed, the length of what it said; otherwise 0. */
  failed: 70,
  /** What it said, a character a word. */
  message: 80,
  /** Number of words. */
  words: 336,
} as const;

/** Values of the command word. */
export const commands = { run: 0, compile: 1, quit: 2 } as const;

/**
 * How often a thread looks for a change before it sleeps: 2000 times are about twenty microseconds. A worker
 * looks up to twenty times longer while commands keep arriving just in time, since waking it takes longer than
 * most pauses between kernels; it looks shorter again when none came, as when it shares its core with others.
 */
export const spins = { least: 2000, most: 40000 } as const;

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
  readonly spins: typeof spins;
}

/** The part of a message port that the worker uses. */
interface Port {
  once(event: "message", listener: (start: WorkerStart) => void): void;
  postMessage(message: string): void;
}

/** What a worker does at a command. It must not refer to anything outside of itself. */
function tasksOf({ memory, thread, control }: WorkerStart, words: Int32Array) {
  const kernels: ((begin: number, end: number, args: number, thread: number) => void)[] = [];
  let pages = 0;
  const seeMemory = () => {
    if (words[control.pages] !== pages) memory.grow(0);
    pages = words[control.pages]!;
  };
  const compile = () => {
    seeMemory();
    const start = words[control.module]! >>> 0;
    const bytes = new Uint8Array(memory.buffer, start, words[control.moduleLength]).slice();
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    kernels.push(exports["run"] as unknown as typeof kernels[number]);
  };
  const run = () => {
    seeMemory();
    const [count, parts, args] = [words[control.count]!, words[control.parts]!, words[control.args]!];
    const kernel = kernels[words[control.kernel]!]!;
    for (;;) {
      const begin = Atomics.load(words, control.next);
      if (begin >= count) return;
      const end = begin + Math.ceil((count - begin) / parts);
      if (Atomics.compareExchange(words, control.next, begin, end) === begin) {
        kernel(begin, end, args, thread);
      }
    }
  };
  return { compile, run };
}

/** The whole program of a worker. It must not refer to anything but `tasksOf` outside of itself. */
function work(port: Port): void {
  port.once("message", (start) => {
    const { memory, address, control, commands, spins } = start;
    const words = new Int32Array(memory.buffer, address, control.words);
    const { compile, run } = tasksOf(start, words);
    const enter = (): boolean => {
      for (;;) {
        const gate = Atomics.load(words, control.gate);
        if (gate % 2 === 0) return false;
        if (Atomics.compareExchange(words, control.gate, gate, gate + 2) === gate) return true;
      }
    };
    const attempt = (task: () => void) => {
      try {
        task();
      } catch (cause) { // the thread that waits turns it into an error
        const text = String(cause).slice(0, control.words - control.message);
        for (let i = 0; i < text.length; i++) words[control.message + i] = text.charCodeAt(i);
        Atomics.store(words, control.failed, text.length);
      }
    };
    let seen = Atomics.load(words, control.command);
    let patience: number = spins.least;
    port.postMessage("ready");
    for (;;) {
      let looked = 0;
      while (looked < patience && Atomics.load(words, control.command) === seen) looked++;
      if (looked === patience) patience = Math.max(spins.least, patience / 2);
      else if (looked > patience / 2) patience = Math.min(spins.most, patience * 2);
      Atomics.wait(words, control.command, seen);
      const latest = Atomics.load(words, control.command);
      // A command is seen before its notice arrives where the caller was held up between the two: that notice ends
      // the wait for the next command, and to do the last one again would compile a kernel twice.
      if (latest === seen) continue;
      seen = latest;
      const command = seen & 3;
      if (command === commands.run) {
        if (!enter()) continue;
        attempt(run);
        // 2: the gate was closed, and this was the last one inside.
        if (Atomics.sub(words, control.gate, 2) === 2) Atomics.notify(words, control.gate);
        continue;
      }
      if (command === commands.compile) attempt(compile);
      if (Atomics.sub(words, control.pending, 1) === 1) Atomics.notify(words, control.pending);
      if (command === commands.quit) return;
    }
  });
}

/**
 * The source text of the worker. As a text it needs no permission to read a file, and no network when the
 * program was started from a URL.
 */
export const workerSource: string = `${tasksOf}
(${work})(require("node:worker_threads").parentPort);`;
