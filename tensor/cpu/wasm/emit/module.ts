/**
 * Writes functions into a WebAssembly module that imports one memory.
 *
 * @module
 */

import { initialPages } from "../memory.ts";
import { type Callee, Local, type VectorBytes, type Writer } from "./code.ts";
import { binaryTypes, constantBytes, simd, type Type, unsigned } from "./types.ts";

/** What a module is written for. */
export interface Target {
  /** Whether its memory is shared between threads. */
  readonly isShared: boolean;
  /** Whether the engine has relaxed SIMD. */
  readonly hasFusedMadd: boolean;
  /** Address of a constant vector in the memory. */
  addressOf(vector: VectorBytes): number;
}

type Bytes = Uint8Array<ArrayBuffer>;
type Part = ArrayLike<number>;

/** Parts one after the other. */
function join(parts: readonly Part[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A part after its length. */
const sized = (part: Part): Bytes => join([unsigned(part.length), part]);
const text = (value: string): Bytes => sized(new TextEncoder().encode(value));
const vector = (items: readonly Part[]): Bytes => join([unsigned(items.length), ...items]);
const section = (id: number, content: Part): Bytes => join([[id], sized(content)]);

/** The functions of a module in the order in which they are first called. */
class Functions {
  readonly list: Callee[];
  /** The function that each variable belongs to. */
  readonly owners = new Map<Local<Type>, Callee>();
  readonly #numbers: Map<Callee, number>;

  constructor(first: Callee) {
    this.list = [first];
    this.#numbers = new Map([[first, 0]]);
  }

  numberOf(callee: Callee): number {
    const known = this.#numbers.get(callee);
    if (known !== undefined) return known;
    const next = this.list.push(callee) - 1;
    this.#numbers.set(callee, next);
    return next;
  }
}

/** Writes one function; numbers its variables in the order in which they appear. */
class FunctionWriter implements Writer {
  readonly #bytes: number[] = [];
  readonly #locals = new Map<Local<Type>, number>();
  /** Constant vectors, by their bytes. */
  readonly #vectors = new Map<
    string,
    { readonly local: Local<"f32x4">; readonly vector: VectorBytes }
  >();

  constructor(readonly functions: Functions, readonly callee: Callee, readonly target: Target) {
    for (const parameter of callee.parameters) this.numberOf(parameter);
  }

  write(bytes: readonly number[]): void {
    for (const byte of bytes) this.#bytes.push(byte);
  }

  writeLocal(opcode: number, local: Local<Type>): void {
    const number = this.numberOf(local);
    this.#bytes.push(opcode);
    if (number < 128) this.#bytes.push(number);
    else this.write(unsigned(number));
  }

  numberOf(local: Local<Type>): number {
    const known = this.#locals.get(local);
    if (known !== undefined) return known;
    const { owners } = this.functions;
    if (owners.has(local)) throw new Error("a generated function uses a variable of another");
    owners.set(local, this.callee);
    this.#locals.set(local, this.#locals.size);
    return this.#locals.size - 1;
  }

  functionNumberOf(callee: Callee): number {
    return this.functions.numberOf(callee);
  }

  get hasFusedMadd(): boolean {
    return this.target.hasFusedMadd;
  }

  /**
   * The engine makes a constant anew wherever it is used, in three instructions. One that a function loads when
   * it starts stays in a register, or is read from the stack.
   */
  writeVector(vector: VectorBytes): void {
    const { bytes, key } = vector;
    if (bytes.every((byte) => byte === bytes[0]) && (bytes[0] === 0 || bytes[0] === 255)) {
      this.write([...simd(0x0c), ...bytes]); // these take one
      return;
    }
    const known = this.#vectors.get(key)?.local;
    const local = known ?? new Local("f32x4");
    if (!known) this.#vectors.set(key, { local, vector });
    local.emit(this);
  }

  /** Loads the constant vectors; as copies of one number where they are, which V8 can widen to 256 bits. */
  #prologue(): number[] {
    return [...this.#vectors.values()].flatMap(({ local, vector }) => [
      ...constantBytes("i32", this.target.addressOf(vector)),
      ...simd(vector.bytes.every((byte, i) => byte === vector.bytes[i % 4]) ? 0x09 : 0x00),
      ...[0, 0], // alignment and offset
      0x21,
      ...unsigned(this.numberOf(local)),
    ]);
  }

  /** Declarations and instructions, as the code section wants them. */
  encode(): Bytes {
    this.callee.emit(this);
    const own = [...this.#locals.keys()].slice(this.callee.parameters.length);
    const declared = own.flatMap(({ type }) => [1, binaryTypes[type]]);
    return sized(join([unsigned(own.length), declared, this.#prologue(), this.#bytes, [0x0b]]));
  }
}

const signature = ({ parameters, result }: Callee): Bytes =>
  join([
    [0x60],
    vector(parameters.map(({ type }) => [binaryTypes[type]])),
    result ? [1, binaryTypes[result]] : [0],
  ]);

/** The binary module with a function and all that it calls. It imports `env.memory` and exports `run`. */
export function encodeModule(run: Callee, target: Target): Bytes {
  const functions = new Functions(run);
  const bodies: Bytes[] = [];
  for (let i = 0; i < functions.list.length; i++) {
    bodies.push(new FunctionWriter(functions, functions.list[i]!, target).encode());
  }
  // Limits with a maximum of 65,536 pages of 64 KiB; a shared memory must declare one.
  const limits = [target.isShared ? 0x03 : 0x01, ...unsigned(initialPages), ...unsigned(65536)];
  return join([
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, vector(functions.list.map(signature))),
    section(2, vector([join([text("env"), text("memory"), [0x02], limits])])),
    section(3, vector(functions.list.map((_, i) => unsigned(i)))),
    section(7, vector([join([text("run"), [0x00, 0]])])),
    section(10, vector(bodies)),
  ]);
}
