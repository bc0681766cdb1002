/**
 * Puts functions together into a WebAssembly module that imports one shared memory.
 *
 * @module
 */

import { type Code, type Local, localAt, types, unsigned, type ValueType } from "./instructions.ts";
import { initialPages } from "./memory.ts";

/** A function under construction: hands out local variables. */
export class FunctionBuilder {
  readonly #parameters: number;
  readonly #locals: ValueType[] = [];

  /** For a function of so many parameters. */
  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** A new local variable, 0 at first. */
  local(type: ValueType): Local {
    return localAt(this.#parameters + this.#locals.push(type) - 1);
  }

  /** Several new local variables. */
  locals(type: ValueType, count: number): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  /** The declarations and the code, as the code section wants them. */
  encode(code: Code): number[] {
    const declared = this.#locals.flatMap((type) => [1, types[type]]);
    const body = [...unsigned(this.#locals.length), ...declared, ...code, 0x0b];
    return [...unsigned(body.length), ...body];
  }
}

interface Built {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly result: ValueType | undefined;
  readonly body: readonly number[];
}

const text = (value: string): number[] => {
  const bytes = [...new TextEncoder().encode(value)];
  return [...unsigned(bytes.length), ...bytes];
};
const vector = (items: readonly (readonly number[])[]): number[] => [
  ...unsigned(items.length),
  ...items.flat(),
];
const section = (id: number, content: readonly number[]): number[] => [
  id,
  ...unsigned(content.length),
  ...content,
];

/** Collects functions; most have no result and work on memory. */
export class ModuleBuilder {
  readonly #functions: Built[] = [];

  /**
   * Adds a function and exports it.
   *
   * @returns its index, for {@link call}
   */
  add(
    name: string,
    parameters: readonly ValueType[],
    body: (builder: FunctionBuilder, parameters: Local[]) => Code,
    result?: ValueType,
  ): number {
    const builder = new FunctionBuilder(parameters.length);
    const code = body(builder, parameters.map((_, i) => localAt(i)));
    return this.#functions.push({ name, parameters, result, body: builder.encode(code) }) - 1;
  }

  /** The binary module. It imports `env.memory`: shared or not, up to 4 GiB. */
  encode(shared: boolean): Uint8Array<ArrayBuffer> {
    const functions = this.#functions;
    const signatures = functions.map(({ parameters, result }) => [
      0x60,
      ...unsigned(parameters.length),
      ...parameters.map((type) => types[type]),
      ...(result ? [1, types[result]] : [0]),
    ]);
    // Limits with a maximum of 65,536 pages of 64 KiB; a shared memory must declare one.
    const limits = [shared ? 0x03 : 0x01, ...unsigned(initialPages), ...unsigned(65536)];
    return new Uint8Array([
      ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, vector(signatures)),
      ...section(2, vector([[...text("env"), ...text("memory"), 0x02, ...limits]])),
      ...section(3, vector(functions.map((_, i) => unsigned(i)))),
      ...section(7, vector(functions.map(({ name }, i) => [...text(name), 0x00, ...unsigned(i)]))),
      ...section(10, vector(functions.map(({ body }) => body))),
    ]);
  }
}
