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

import { type Code, f32, i32, type Local, useFusedMadd } from "./instructions.ts";
import type { WasmMemory } from "./memory.ts";
import { type FunctionBuilder, ModuleBuilder } from "./module_builder.ts";
import type { Crew } from "./crew.ts";

/** A compiled kernel. */
export interface Kernel {
  /** Position in every thread's list of functions. */
  readonly index: number;
}

/** What the body of a kernel's `run` is built from. */
export interface RunParts {
  /** Local variables. */
  readonly locals: FunctionBuilder;
  /** First item. */
  readonly begin: Code;
  /** One past the last item. */
  readonly end: Code;
  /** The i-th word of the arguments as an integer. */
  word(i: number): Code;
  /** The i-th word of the arguments as a float. */
  float(i: number): Code;
  /** Number of the thread, from 0. */
  readonly thread: Code;
}

/** Bytes at `args`. */
const argumentBytes = 256;

/** Whether the engine has relaxed SIMD: asked with a minimal module. */
function hasRelaxedSimd(): boolean {
  useFusedMadd(true);
  const probe = new ModuleBuilder();
  probe.add("probe", ["v128"], (_, [x]) => x!.set([...x!.get, ...x!.get, ...x!.get, 0xfd, 0x85, 0x02]));
  return WebAssembly.validate(probe.encode(false));
}

/**
 * Whether the program was started with the V8 flags that double the speed of these kernels:
 * `--no-wasm-bounds-checks` (this engine checks every load and store in software) and
 * `--experimental-wasm-revectorize` (256-bit vectors). A program cannot ask which flags are set, so a third
 * one announces them: `--expose-gc-as=wideVectors` defines a global function of that name.
 */
function hasWideVectors(): boolean {
  return "wideVectors" in globalThis;
}

/** Kernels over one memory. */
export class Engine {
  /** Where the arrays are. */
  readonly memory: WasmMemory;
  /** Whether kernels are shaped for an engine that joins vectors of four to vectors of eight. */
  readonly wide: boolean;
  readonly #crew: Crew;
  readonly #kernels = new Map<string, Kernel>();
  readonly #arguments: number;
  #words: Int32Array;
  #floats: Float32Array;

  /** The crew runs the items. */
  constructor(memory: WasmMemory, crew: Crew, wide = hasWideVectors()) {
    this.memory = memory;
    this.wide = wide;
    this.#crew = crew;
    useFusedMadd(hasRelaxedSimd());
    this.#arguments = memory.allocate(argumentBytes);
    this.#words = new Int32Array(memory.memory.buffer, this.#arguments, argumentBytes / 4);
    this.#floats = new Float32Array(memory.memory.buffer, this.#arguments, argumentBytes / 4);
  }

  /** Threads that work, this one included. */
  get threads(): number {
    return this.#crew.threads;
  }

  /**
   * The kernel of a key, built and compiled the first time. The builder may add functions for its inner
   * loops; it returns the body of `run`.
   */
  kernel(key: string, build: (module: ModuleBuilder) => (parts: RunParts) => Code): Kernel {
    const known = this.#kernels.get(key);
    if (known) return known;
    const module = new ModuleBuilder();
    const body = build(module);
    module.add("run", ["i32", "i32", "i32", "i32"], (locals, [begin, end, args, thread]) =>
      body({
        locals,
        begin: begin!.get,
        end: end!.get,
        thread: thread!.get,
        word: (i) => i32.load(args!.get, 4 * i),
        float: (i) => f32.load(args!.get, 4 * i),
      }));
    const kernel = { index: this.#crew.compile(module.encode(this.memory.shared)) };
    this.#kernels.set(key, kernel);
    return kernel;
  }

  /** Runs items 0 … count − 1 on all threads and waits for them. Words come first, then floats. */
  launch(kernel: Kernel, count: number, words: readonly number[], floats: readonly number[] = []): void {
    if (count === 0) return;
    if (!this.memory.shared && this.#words.length === 0) this.#renewViews();
    for (let i = 0; i < words.length; i++) this.#words[i] = words[i]!;
    for (let i = 0; i < floats.length; i++) this.#floats[words.length + i] = floats[i]!;
    this.#crew.run(kernel.index, count, this.#arguments);
  }

  /** Runs a function with an address of so many bytes of working memory. */
  withScratch<T>(bytes: number, body: (address: number) => T): T {
    const address = this.memory.allocate(bytes);
    try {
      return body(address);
    } finally {
      this.memory.release(address, bytes);
    }
  }

  /** Growing a memory that is not shared detaches its views. */
  #renewViews(): void {
    this.#words = new Int32Array(this.memory.memory.buffer, this.#arguments, argumentBytes / 4);
    this.#floats = new Float32Array(this.memory.memory.buffer, this.#arguments, argumentBytes / 4);
  }
}

/** An unsigned quotient by a constant. */
export function quotient(value: Code, divisor: number): Code {
  return divisor === 1 ? value : i32.divU(value, i32.const(divisor));
}

/** An unsigned remainder by a constant. */
export function remainder(value: Code, divisor: number): Code {
  return divisor === 1 ? i32.const(0) : i32.remU(value, i32.const(divisor));
}

/** `base + Σ value · factor` over addresses in bytes; factors are constants. */
export function addressOf(base: Code, ...terms: readonly (readonly [Code | Local, number])[]): Code {
  return terms.reduce<Code>((sum, [value, factor]) => {
    const code = "get" in value ? value.get : value;
    return factor === 0 ? sum : i32.add(sum, factor === 1 ? code : i32.mul(code, i32.const(factor)));
  }, base);
}
