/**
 * A reader of Python pickles that runs nothing.
 *
 * A pickle is a program for a stack machine that can name any Python function and call it. This machine knows data
 * alone: numbers, text, lists, dictionaries. A name is looked up in a table of the caller's; a name that is not in
 * it ends the reading, as does any instruction that only programs need.
 *
 * @module
 */

import { ParameterFileError } from "../../tensor/errors.ts";

/** What a pickle can hold here. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleName
  | PickleObject;

/** Anything that a {@link PickleName} makes. */
export interface PickleObject {
  /** What it is. */
  readonly kind: string;
}

/** A known function or class of Python. */
export class PickleName {
  /** `call` makes what the function would return. */
  constructor(readonly name: string, readonly call?: (args: readonly PickleValue[]) => PickleValue) {}
}

/** How names and references out of the pickle are understood. */
export interface PickleReaders {
  /** The meaning of a name, or undefined to refuse the pickle. */
  name(module: string, name: string): PickleName | undefined;
  /** The meaning of a reference to something stored elsewhere. */
  reference(id: PickleValue): PickleValue;
}

const mark: unique symbol = Symbol("mark");
type Slot = PickleValue | typeof mark;

function refuse(code: string, problem: string, fix: string): never {
  throw new ParameterFileError(`weights.${code}`, problem, { fix });
}

const damaged = (problem: string): never =>
  refuse("pickle", `the pickle is damaged: ${problem}`, "Copy or download the file again.");

/** Names of instructions that are refused, for the message. */
const refused: Readonly<Record<number, string>> = {
  0x69: "INST",
  0x6f: "OBJ",
  0x92: "NEWOBJ_EX",
  0x82: "EXT1",
  0x83: "EXT2",
  0x84: "EXT4",
  0x50: "PERSID",
};

/** The machine: a stack, a memory, and a place in the bytes. */
class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #readers: PickleReaders;
  readonly #stack: Slot[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;

  constructor(bytes: Uint8Array, readers: PickleReaders) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#readers = readers;
  }

  run(): PickleValue {
    for (;;) {
      const code = this.number(1);
      if (code === 0x2e) return this.pop(); // STOP
      const step = instructions[code];
      if (step) step(this);
      else {
        const name = refused[code] ?? `0x${code.toString(16)}`;
        refuse("unsafe", `the pickle has the instruction ${name}, which data does not need`, untrusted);
      }
    }
  }

  take(length: number): Uint8Array {
    if (length < 0 || this.#at + length > this.#bytes.length) damaged("it ends in the middle");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  number(size: 1 | 2 | 4 | 8): number {
    const at = this.#at;
    this.take(size);
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at, true);
    if (size === 4) return this.#view.getUint32(at, true);
    const wide = this.#view.getBigUint64(at, true);
    return wide <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(wide) : damaged(`a length of ${wide}`);
  }

  signed(): number {
    return this.number(4) | 0;
  }

  double(): number {
    const at = this.#at;
    this.take(8);
    return this.#view.getFloat64(at);
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) damaged("a line without end");
    const text = this.text(end - this.#at);
    this.#at++;
    return text;
  }

  text(length: number): string {
    return new TextDecoder().decode(this.take(length));
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    return value === undefined || value === mark ? damaged("its stack is empty") : value;
  }

  push(value: Slot): void {
    this.#stack.push(value);
  }

  top(): PickleValue {
    const value = this.#stack.at(-1);
    return value === undefined || value === mark ? damaged("its stack is empty") : value;
  }

  /** Everything above the last mark, and the mark. */
  popMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) damaged("there is no mark");
    const values = this.#stack.splice(at + 1) as PickleValue[];
    this.#stack.pop();
    return values;
  }

  name(module: string, name: string): PickleName {
    const known = this.#readers.name(module, name);
    return known ??
      refuse("unsafe", `the pickle names ${module}.${name}, which is no tensor or plain value`, untrusted);
  }

  reference(id: PickleValue): PickleValue {
    return this.#readers.reference(id);
  }

  put(index: number): void {
    this.#memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(index: number): PickleValue {
    return this.#memo.has(index) ? this.#memo.get(index)! : damaged(`nothing was kept at ${index}`);
  }
}

const untrusted =
  "Loading it in Python could run code. Save the weights alone, torch.save(model.state_dict(), file), or as safetensors.";

/** An integer of any length, little endian, two's complement. */
function long(bytes: Uint8Array): number | bigint {
  if (bytes.length > 64) damaged(`an integer of ${bytes.length} bytes`);
  let value = 0n;
  bytes.forEach((byte, i) => value |= BigInt(byte) << BigInt(8 * i));
  value = BigInt.asIntN(Math.max(8 * bytes.length, 1), value);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function setItems(target: PickleValue, items: readonly PickleValue[]): void {
  if (!(target instanceof Map) || items.length % 2 !== 0) damaged("items for what is no dictionary");
  for (let i = 0; i < items.length; i += 2) {
    (target as Map<PickleValue, PickleValue>).set(items[i]!, items[i + 1]!);
  }
}

function append(target: PickleValue, items: readonly PickleValue[]): void {
  if (!Array.isArray(target)) damaged("elements for what is no list");
  for (const item of items) (target as PickleValue[]).push(item);
}

function call(callee: PickleValue, args: PickleValue): PickleValue {
  if (!(callee instanceof PickleName) || !callee.call || !Array.isArray(args)) {
    return refuse("unsafe", "the pickle calls what is no function of tensors or plain values", untrusted);
  }
  return callee.call(args);
}

const tuple = (length: number) => (m: Machine): void => {
  const values = Array.from({ length }, () => m.pop());
  m.push(values.reverse());
};

/** What each instruction does. */
const instructions: Readonly<Record<number, (m: Machine) => void>> = {
  0x80: (m) => {
    const protocol = m.number(1);
    if (protocol > 5) damaged(`protocol ${protocol}`);
  }, // PROTO
  0x95: (m) => void m.number(8), // FRAME
  0x28: (m) => m.push(mark), // MARK
  0x30: (m) => void m.pop(), // POP
  0x31: (m) => void m.popMark(), // POP_MARK
  0x32: (m) => m.push(m.top()), // DUP
  0x4e: (m) => m.push(null), // NONE
  0x88: (m) => m.push(true), // NEWTRUE
  0x89: (m) => m.push(false), // NEWFALSE
  0x4a: (m) => m.push(m.signed()), // BININT
  0x4b: (m) => m.push(m.number(1)), // BININT1
  0x4d: (m) => m.push(m.number(2)), // BININT2
  0x8a: (m) => m.push(long(m.take(m.number(1)))), // LONG1
  0x8b: (m) => m.push(long(m.take(m.signed()))), // LONG4
  0x47: (m) => m.push(m.double()), // BINFLOAT
  0x58: (m) => m.push(m.text(m.number(4))), // BINUNICODE
  0x8c: (m) => m.push(m.text(m.number(1))), // SHORT_BINUNICODE
  0x8d: (m) => m.push(m.text(m.number(8))), // BINUNICODE8
  0x54: (m) => m.push(m.text(m.number(4))), // BINSTRING
  0x55: (m) => m.push(m.text(m.number(1))), // SHORT_BINSTRING
  0x42: (m) => m.push(m.take(m.number(4))), // BINBYTES
  0x43: (m) => m.push(m.take(m.number(1))), // SHORT_BINBYTES
  0x5d: (m) => m.push([]), // EMPTY_LIST
  0x61: (m) => {
    const item = m.pop();
    append(m.top(), [item]);
  }, // APPEND
  0x65: (m) => {
    const items = m.popMark();
    append(m.top(), items);
  }, // APPENDS
  0x6c: (m) => m.push(m.popMark()), // LIST
  0x29: (m) => m.push([]), // EMPTY_TUPLE
  0x74: (m) => m.push(m.popMark()), // TUPLE
  0x85: tuple(1), // TUPLE1
  0x86: tuple(2), // TUPLE2
  0x87: tuple(3), // TUPLE3
  0x7d: (m) => m.push(new Map()), // EMPTY_DICT
  0x64: (m) => {
    const items = m.popMark();
    const map = new Map<PickleValue, PickleValue>();
    setItems(map, items);
    m.push(map);
  }, // DICT
  0x73: (m) => {
    const value = m.pop();
    const key = m.pop();
    setItems(m.top(), [key, value]);
  }, // SETITEM
  0x75: (m) => {
    const items = m.popMark();
    setItems(m.top(), items);
  }, // SETITEMS
  0x71: (m) => m.put(m.number(1)), // BINPUT
  0x72: (m) => m.put(m.number(4)), // LONG_BINPUT
  0x94: (m) => m.memoize(), // MEMOIZE
  0x68: (m) => m.push(m.get(m.number(1))), // BINGET
  0x6a: (m) => m.push(m.get(m.number(4))), // LONG_BINGET
  0x63: (m) => {
    const module = m.line();
    m.push(m.name(module, m.line()));
  }, // GLOBAL
  0x93: (m) => {
    const name = m.pop();
    const module = m.pop();
    m.push(m.name(String(module), String(name)));
  }, // STACK_GLOBAL
  0x51: (m) => m.push(m.reference(m.pop())), // BINPERSID
  0x52: (m) => {
    const args = m.pop();
    m.push(call(m.pop(), args));
  }, // REDUCE
  0x81: (m) => {
    const args = m.pop();
    m.push(call(m.pop(), args));
  }, // NEWOBJ
  // Attributes of an object; none that is kept here has any that matter.
  0x62: (m) => void m.pop(), // BUILD
};

/**
 * Reads a pickle.
 *
 * @throws {ParameterFileError} `weights.unsafe` for a name that is not known or an instruction that only programs
 * need, `weights.pickle` for one that is damaged
 */
export function unpickle(bytes: Uint8Array, readers: PickleReaders): PickleValue {
  return new Machine(bytes, readers).run();
}
