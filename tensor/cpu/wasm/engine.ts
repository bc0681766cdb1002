/**
 * Generates, keeps and launches kernels.
 *
 * A kernel is one WebAssembly module for one op and shape. Its function `run(begin, end, args, thread)`
 * computes the work items `begin … end − 1`; `args` points to 32-bit words: addresses and numbers of this
 * call. What an item is depends on the shape alone, never on the number of threads, and items do not share
 * sums: the result has the same bits on any number of threads.
 *
 * @module
 */

import { type Callee, declare, emitAll, type Local, type Statements } from "./emit/code.ts";
import { ConstantTable } from "./constant_table.ts";
import { loop } from "./emit/control.ts";
import { encodeModule } from "./emit/module.ts";
import { f32, i32, madd } from "./emit/values.ts";
import type { WasmMemory } from "./memory.ts";
import { argumentWords, type ThreadPool } from "./thread_pool.ts";

/** The numbers that a kernel is launched with, by name: addresses and counts, or floats. */
export type KernelParameters = Readonly<Record<string, "i32" | "f32">>;

/** A compiled kernel. */
export interface Kernel<P extends KernelParameters = KernelParameters> {
  /** Position in every thread's list of functions. */
  readonly index: number;
  /** Names of what it is launched with, in their order in memory. */
  readonly names: readonly (keyof P)[];
  /** Which of them are floats. */
  readonly areFloats: readonly boolean[];
}

/** Numbers for a kernel's parameters; an array stands for its address. */
export type KernelArguments<P extends KernelParameters> = {
  readonly [K in keyof P]: number | { readonly address: number };
};

/** A kernel's parameters inside of it. */
export type KernelVariables<P extends KernelParameters> = { readonly [K in keyof P]: Local<P[K]> };

/** The work items that one call of a kernel computes. */
export interface Items {
  /** First item. */
  readonly begin: Local<"i32">;
  /** One past the last item. */
  readonly end: Local<"i32">;
  /** Number of the thread, from 0. */
  readonly thread: Local<"i32">;
  /** Runs a body for each. */
  each(body: (item: Local<"i32">) => Statements): Statements;
}

/** Whether the engine has relaxed SIMD: asked with a minimal module. */
function hasRelaxedSimd(): boolean {
  const { x } = declare({ x: "f32x4" });
  const probe: Callee = {
    parameters: [],
    result: undefined,
    emit: (to) => emitAll(x.set(madd(x, x, x)), to),
  };
  return WebAssembly.validate(
    encodeModule(probe, { isShared: false, hasFusedMadd: true, addressOf: () => 0 }),
  );
}

/**
 * Whether the program was started in the fast mode of `deno task fast`, with the V8 flags that speed up these
 * kernels: `--no-wasm-bounds-checks` (this engine checks every load and store in software) and
 * `--experimental-wasm-revectorize` (256-bit vectors). A program cannot ask which flags are set, so a third
 * one announces them: `--expose-gc-as=wideVectors` defines a global function of that name.
 */
function hasWideVectors(): boolean {
  return "wideVectors" in globalThis;
}

/** A kernel's function: it takes its parameters from memory, then computes the items. */
function runFunction<P extends KernelParameters>(
  parameters: P,
  body: (parameters: KernelVariables<P>, items: Items) => Statements,
): Callee {
  const range = declare({ begin: "i32", end: "i32", words: "i32", thread: "i32" });
  const variables = declare(parameters) as unknown as Readonly<Record<string, Local<"i32" | "f32">>>;
  const taken = Object.values(variables).map((variable, i) =>
    variable.set((variable.type === "i32" ? i32 : f32).load(range.words, 4 * i))
  );
  const items: Items = { ...range, each: (each) => loop(range.begin, range.end, 1, each) };
  const code = body(variables as unknown as KernelVariables<P>, items);
  return { parameters: Object.values(range), result: undefined, emit: (to) => emitAll([taken, code], to) };
}

/** Kernels over one memory. */
export class Engine {
  /** Where the arrays are. */
  readonly memory: WasmMemory;
  /** Whether kernels are shaped for an engine that joins vectors of four to vectors of eight. */
  readonly wide: boolean;
  /** What is run from now on, for people. */
  label: () => string = () => "cpu";
  readonly #pool: ThreadPool;
  readonly #kernels = new Map<string, Kernel>();
  readonly #hasFusedMadd = hasRelaxedSimd();
  readonly #constants: ConstantTable;

  /** The pool's threads compute the items. */
  constructor(memory: WasmMemory, pool: ThreadPool, wide = hasWideVectors()) {
    this.memory = memory;
    this.#constants = new ConstantTable(memory);
    this.wide = wide;
    this.#pool = pool;
  }

  /** Threads that work, this one included. */
  get threads(): number {
    return this.#pool.threads;
  }

  /**
   * The kernel of a key, built and compiled the first time.
   *
   * @param key op and all that the code depends on
   * @param body computes the items
   */
  compile<const P extends KernelParameters>(
    key: string,
    parameters: P,
    body: (parameters: KernelVariables<P>, items: Items) => Statements,
  ): Kernel<P> {
    const known = this.#kernels.get(key);
    if (known) return known as unknown as Kernel<P>;
    this.settle(); // its constants are written into memory that queued kernels may still use for something else
    const run = runFunction(parameters, body);
    const module = encodeModule(run, {
      isShared: this.memory.shared,
      hasFusedMadd: this.#hasFusedMadd,
      addressOf: (vector) => this.#constants.addressOf(vector),
    });
    const kernel: Kernel<P> = {
      index: this.#pool.compile(module),
      names: Object.keys(parameters),
      areFloats: Object.values(parameters).map((type) => type === "f32"),
    };
    this.#kernels.set(key, kernel as unknown as Kernel);
    return kernel;
  }

  /** Queues items 0 … count − 1 on all threads. What is queued later begins when they are done. */
  run<P extends KernelParameters>(kernel: Kernel<P>, count: number, inputs: KernelArguments<P>): void {
    if (count === 0) return;
    const { words, floats, at } = this.#pool.claim();
    const { names, areFloats } = kernel;
    for (let i = 0; i < names.length; i++) {
      const input = inputs[names[i]!];
      const value = typeof input === "number" ? input : input.address;
      if (areFloats[i]) floats[at + i] = value;
      else words[at + i] = value;
    }
    this.#pool.run(kernel.index, count, this.label);
  }

  /** {@link Engine.run} for a kernel that reads so many words at the address `table`. */
  runWithTable<P extends { readonly table: "i32" } & KernelParameters>(
    kernel: Kernel<P>,
    count: number,
    table: Int32Array,
    rest: Omit<KernelArguments<P>, "table">,
  ): void {
    const own = kernel.names.length,
      runAt = (address: number) =>
        this.run(kernel, count, { ...rest, table: address } as unknown as KernelArguments<P>);
    if (own + table.length <= argumentWords) { // beside the arguments nobody waits for the queue
      const { words, at, address } = this.#pool.claim();
      words.set(table, at + own);
      return runAt(address + 4 * own);
    }
    this.scratch({ address: 4 * table.length }, ({ address }) => {
      this.view(Int32Array, address, table.length).set(table);
      runAt(address);
    });
  }

  /** Waits until everything queued is done; before that the host must not look at the memory nor write there. */
  settle(): void {
    this.#pool.settle();
  }

  /** A part of the memory, when everything queued is done. */
  view<A>(
    type: new (buffer: ArrayBufferLike, address: number, length: number) => A,
    address: number,
    length: number,
  ): A {
    this.settle();
    return new type(this.memory.memory.buffer, address, length);
  }

  /** Runs a function with the addresses of so many bytes of working memory each. */
  scratch<K extends string, T>(
    bytes: Readonly<Record<K, number>>,
    body: (addresses: Readonly<Record<K, number>>) => T,
  ): T {
    const addresses = {} as Record<K, number>;
    try {
      for (const name in bytes) addresses[name] = this.memory.allocate(bytes[name]);
      return body(addresses);
    } finally {
      for (const name in addresses) this.memory.release(addresses[name], bytes[name]);
    }
  }
}
