/**
 * Expressions of generated code. `Code<"f32">` leaves a 32-bit float; operators are methods, numbers stand for
 * constants, and an operand of another type does not compile: `x.sub(mean).mul(2)`.
 *
 * Opcodes: WebAssembly core specification 2.0, section 5.4.
 *
 * @module
 */

import { constantBytes, isVector, simd, type Truth, type Type, type VectorType } from "./types.ts";

/** Takes the instructions of a function. */
export interface Writer {
  /** Whether the engine multiplies and adds with one rounding. */
  readonly hasFusedMadd: boolean;
  /** The next bytes. */
  write(bytes: readonly number[]): void;
  /** An instruction that has a local variable. */
  writeLocal(opcode: number, local: Local<Type>): void;
  /** Number of a function. */
  functionNumberOf(callee: Callee): number;
  /** Leaves a constant vector. */
  writeVector(vector: VectorBytes): void;
}

/** A constant vector. */
export interface VectorBytes {
  /** Its 16 bytes. */
  readonly bytes: readonly number[];
  /** The same as a text. */
  readonly key: string;
}

/** A function of the module. */
export interface Callee {
  /** Its parameters. */
  readonly parameters: readonly Local<Type>[];
  /** Type of what it returns; undefined for nothing. */
  readonly result: Type | undefined;
  /** What it does. */
  emit(to: Writer): void;
}

/** A value, or a number that stands for a constant. */
export type Operand<T extends Type> = Code<T> | number;

/** Instructions that leave nothing. */
export class Statement {
  /** Apart from {@link Code}, which leaves a value. */
  readonly type = "nothing";
  /** Writes the instructions. */
  readonly emit: (to: Writer) => void;

  /** Of what writes them. */
  constructor(emit: (to: Writer) => void) {
    this.emit = emit;
  }
}

/** Statements one after the other. */
export type Statements = Statement | readonly Statements[];

/** Writes statements. */
export function emitAll(statements: Statements, to: Writer): void {
  if (statements instanceof Statement) statements.emit(to);
  else for (const statement of statements) emitAll(statement, to);
}

type Opcodes = Readonly<Partial<Record<Type, number>>>;

const opcodes = {
  add: { i32: 0x6a, f32: 0x92, f64: 0xa0, f32x4: 0xe4, i32x4: 0xae },
  sub: { i32: 0x6b, f32: 0x93, f64: 0xa1, f32x4: 0xe5, i32x4: 0xb1 },
  mul: { i32: 0x6c, f32: 0x94, f64: 0xa2, f32x4: 0xe6 },
  div: { i32: 0x6e, f32: 0x95, f64: 0xa3, f32x4: 0xe7 },
  rem: { i32: 0x70 },
  and: { i32: 0x71, i32x4: 0x4e },
  or: { i32: 0x72, i32x4: 0x50 },
  xor: { i32: 0x73, i32x4: 0x51 },
  atMost: { f32x4: 0xea },
  atLeast: { f32x4: 0xeb },
  eq: { i32: 0x46, f32: 0x5b, f32x4: 0x41, i32x4: 0x37 },
  lt: { i32: 0x49, f32: 0x5d, f32x4: 0x43, i32x4: 0x3a },
  gt: { i32: 0x4b, f32: 0x5e, f32x4: 0x44, i32x4: 0x3c },
  le: { i32: 0x4d, f32: 0x5f, f32x4: 0x45, i32x4: 0x3e },
  ge: { i32: 0x4f, f32: 0x60, f32x4: 0x46, i32x4: 0x40 },
  abs: { f32x4: 0xe0 },
  neg: { f32x4: 0xe1 },
  sqrt: { f32: 0x91, f64: 0x9f, f32x4: 0xe3 },
  floor: { f32x4: 0x68 },
} as const satisfies Record<string, Opcodes>;

type Operator = keyof typeof opcodes;
/** The types that have an operator. */
type With<O extends Operator> = keyof typeof opcodes[O] & Type;

/** What is known of an integer operation before it runs. */
function fold(operator: Operator, left: Code<Type>, right: Code<Type>): Code<Type> | undefined {
  const [a, b] = [left.constant, right.constant];
  if (left.type !== "i32") return undefined;
  if (a === 0 && operator === "add") return right;
  if (b === undefined) return undefined;
  if (b === 0 && (operator === "add" || operator === "sub")) return left;
  if (b === 1 && (operator === "mul" || operator === "div")) return left;
  if (b === 1 && operator === "rem") return constant("i32", 0);
  if (a === undefined) return undefined;
  const known: Partial<Record<Operator, () => number>> = {
    add: () => a + b,
    sub: () => a - b,
    mul: () => Math.imul(a, b),
    div: () => (a >>> 0) / (b >>> 0) >>> 0,
    rem: () => (a >>> 0) % (b >>> 0),
    and: () => a & b,
  };
  const value = known[operator]?.();
  return value === undefined ? undefined : constant("i32", value);
}

const instruction = (operator: Operator, type: Type): number[] => {
  const opcode = (opcodes[operator] as Opcodes)[type]!;
  return isVector(type) ? simd(opcode) : [opcode];
};

function unary<R extends Type>(operator: Operator, a: Code<Type>, result: R): Code<R> {
  return of(result, [a], instruction(operator, a.type));
}

function binary<R extends Type>(operator: Operator, a: Code<Type>, b: Operand<Type>, result: R): Code<R> {
  const right = toCode(a.type, b);
  return (fold(operator, a, right) ?? of(result, [a, right], instruction(operator, a.type))) as Code<R>;
}

function compare<T extends Type>(operator: Operator, a: Code<T>, b: Operand<Type>): Code<Truth<T>> {
  return binary(operator, a, b, (isVector(a.type) ? "i32x4" : "i32") as Truth<T>);
}

/** Instructions that leave a value. */
export abstract class Code<T extends Type> {
  /** Its type. */
  readonly type: T;
  /** Its value where that is known: integers only. */
  readonly constant: number | undefined;

  /** Of a type. */
  constructor(type: T, constant?: number) {
    this.type = type;
    this.constant = constant;
  }

  /** Writes the instructions. */
  abstract emit(to: Writer): void;

  /** Sum. */
  add(other: Operand<T>): Code<T> {
    return binary("add", this, other, this.type);
  }
  /** Difference. */
  sub(other: Operand<T>): Code<T> {
    return binary("sub", this, other, this.type);
  }
  /** Product. */
  mul(this: Code<T & With<"mul">>, other: Operand<T>): Code<T> {
    return binary("mul", this, other, this.type);
  }
  /** Quotient; of integers the unsigned one, rounded down. */
  div(this: Code<T & With<"div">>, other: Operand<T>): Code<T> {
    return binary("div", this, other, this.type);
  }
  /** Unsigned remainder. */
  rem(this: Code<"i32">, other: Operand<"i32">): Code<"i32"> {
    return binary("rem", this, other, this.type);
  }
  /** Itself, or the other where that is less; a NaN stays itself, and no other takes its place. */
  atMost(this: Code<"f32x4">, other: Operand<"f32x4">): Code<"f32x4"> {
    return binary("atMost", this, other, this.type);
  }
  /** Itself, or the other where that is greater; a NaN stays itself, and no other takes its place. */
  atLeast(this: Code<"f32x4">, other: Operand<"f32x4">): Code<"f32x4"> {
    return binary("atLeast", this, other, this.type);
  }
  /** Bits that both have. */
  and(this: Code<T & With<"and">>, other: Operand<T>): Code<T> {
    return binary("and", this, other, this.type);
  }
  /** Bits that one has. */
  or(this: Code<T & With<"or">>, other: Operand<T>): Code<T> {
    return binary("or", this, other, this.type);
  }
  /** Bits that only one has. */
  xor(this: Code<T & With<"xor">>, other: Operand<T>): Code<T> {
    return binary("xor", this, other, this.type);
  }
  /** Whether equal: no NaN is. */
  eq(this: Code<T & With<"eq">>, other: Operand<T>): Code<Truth<T>> {
    return compare("eq", this, other);
  }
  /** Whether less. */
  lt(this: Code<T & With<"lt">>, other: Operand<T>): Code<Truth<T>> {
    return compare("lt", this, other);
  }
  /** Whether greater. */
  gt(this: Code<T & With<"gt">>, other: Operand<T>): Code<Truth<T>> {
    return compare("gt", this, other);
  }
  /** Whether at most. */
  le(this: Code<T & With<"le">>, other: Operand<T>): Code<Truth<T>> {
    return compare("le", this, other);
  }
  /** Whether at least. */
  ge(this: Code<T & With<"ge">>, other: Operand<T>): Code<Truth<T>> {
    return compare("ge", this, other);
  }
  /** Size without sign. */
  abs(this: Code<"f32x4">): Code<"f32x4"> {
    return unary("abs", this, this.type);
  }
  /** Other sign. */
  neg(this: Code<"f32x4">): Code<"f32x4"> {
    return unary("neg", this, this.type);
  }
  /** Square root. */
  sqrt(this: Code<T & With<"sqrt">>): Code<T> {
    return unary("sqrt", this, this.type);
  }
  /** Rounded down. */
  floor(this: Code<"f32x4">): Code<"f32x4"> {
    return unary("floor", this, this.type);
  }

  /** As a 64-bit float. */
  promote(this: Code<"f32">): Code<"f64"> {
    return of("f64", [this], [0xbb]);
  }
  /** Rounded to a 32-bit float. */
  demote(this: Code<"f64">): Code<"f32"> {
    return of("f32", [this], [0xb6]);
  }
  /** Integers, rounded toward zero, as far as they reach; NaN gives 0. */
  toInteger(this: Code<"f32x4">): Code<"i32x4"> {
    return of("i32x4", [this], simd(0xf8));
  }
  /** Floats of signed integers. */
  toFloat(this: Code<"i32x4">): Code<"f32x4"> {
    return of("f32x4", [this], simd(0xfa));
  }
  /** The bits of floats. */
  bits(this: Code<"f32x4">): Code<"i32x4"> {
    return of("i32x4", [this], []);
  }
  /** The floats that have these bits. */
  asFloat(this: Code<"i32x4">): Code<"f32x4"> {
    return of("f32x4", [this], []);
  }

  /** Bits moved up. */
  shl(this: Code<"i32x4">, bits: number): Code<"i32x4"> {
    return of("i32x4", [this, constant("i32", bits)], simd(0xab));
  }
  /** Bits moved down, the sign repeated. */
  shrSigned(this: Code<"i32x4">, bits: number): Code<"i32x4"> {
    return of("i32x4", [this, constant("i32", bits)], simd(0xac));
  }
  /** Bits moved down. */
  shr(this: Code<"i32x4">, bits: number): Code<"i32x4"> {
    return of("i32x4", [this, constant("i32", bits)], simd(0xad));
  }

  /** Itself where a mask is set, 0 elsewhere. */
  where(this: Code<"f32x4">, mask: Code<"i32x4">): Code<"f32x4"> {
    if (mask.constant === -1) return this;
    return of("f32x4", [this, mask], simd(0x4e));
  }
  /** Itself where a mask is not set, 0 elsewhere. */
  unless(this: Code<T & VectorType>, mask: Code<"i32x4">): Code<T> {
    return of(this.type, [this, mask], simd(0x4f));
  }
  /** One lane of integers. */
  integerLane(this: Code<"i32x4">, lane: number): Code<"i32"> {
    return of("i32", [this], [...simd(0x1b), lane]);
  }
  /** One lane of floats. */
  lane(this: Code<"f32x4">, lane: number): Code<"f32"> {
    return of("f32", [this], [...simd(0x1f), lane]);
  }
}

/** Parts one after the other, then an instruction. */
class Operation<T extends Type> extends Code<T> {
  readonly #parts: readonly Code<Type>[];
  readonly #bytes: readonly number[];

  constructor(type: T, parts: readonly Code<Type>[], bytes: readonly number[], constant?: number) {
    super(type, constant);
    this.#parts = parts;
    this.#bytes = bytes;
  }

  emit(to: Writer): void {
    for (const part of this.#parts) part.emit(to);
    to.write(this.#bytes);
  }
}

/** The value of an instruction that takes what its parts leave. */
export function of<T extends Type>(type: T, parts: readonly Code<Type>[], bytes: readonly number[]): Code<T> {
  return new Operation(type, parts, bytes);
}

class VectorConstant<T extends VectorType> extends Code<T> {
  readonly #vector: VectorBytes;

  constructor(type: T, bytes: readonly number[], constant?: number) {
    super(type, constant);
    this.#vector = { bytes, key: bytes.join() };
  }

  emit(to: Writer): void {
    to.writeVector(this.#vector);
  }
}

/** A constant vector of 16 bytes. */
export function vectorConstant<T extends VectorType>(
  type: T,
  bytes: readonly number[],
  constant?: number,
): Code<T> {
  return new VectorConstant(type, bytes, constant);
}

/** A constant, in all lanes of a vector. */
export function constant<T extends Type>(type: T, value: number): Code<T> {
  const bytes = constantBytes(type, value);
  const known = type === "i32" || type === "i32x4" ? value | 0 : undefined;
  if (isVector(type)) return vectorConstant(type as T & VectorType, bytes, known) as Code<Type> as Code<T>;
  return new Operation(type, [], bytes, known);
}

/** The code of an operand. */
export function toCode<T extends Type>(type: T, operand: Operand<T>): Code<T> {
  return typeof operand === "number" ? constant(type, operand) : operand;
}

/** A local variable of the function that uses it; 0 at first. */
export class Local<T extends Type> extends Code<T> {
  /** Reads it. */
  emit(to: Writer): void {
    to.writeLocal(0x20, this);
  }

  /** Writes it. */
  set(value: Operand<T>): Statement {
    const code = toCode(this.type, value);
    return new Statement((to) => {
      code.emit(to);
      to.writeLocal(0x21, this);
    });
  }

  /** Adds to it. */
  increase(by: Operand<T>): Statement {
    return this.set(this.add(by));
  }
}

/** Local variables by name: `"f32x4"` is one, `["f32x4", 4]` a list of four. */
export type Declarations = Readonly<Record<string, Type | readonly [Type, number]>>;

/** The local variables of declarations. */
export type Declared<D extends Declarations> = {
  readonly [K in keyof D]: D[K] extends readonly [infer T extends Type, number] ? readonly Local<T>[]
    : D[K] extends Type ? Local<D[K]>
    : never;
};

/** Several local variables of one type. */
export function locals<T extends Type>(type: T, count: number): Local<T>[] {
  return Array.from({ length: count }, () => new Local(type));
}

/** Declares local variables. */
export function declare<const D extends Declarations>(declarations: D): Declared<D> {
  const entries = Object.entries(declarations).map(([name, type]) => [
    name,
    typeof type === "string" ? new Local(type) : locals(type[0], type[1]),
  ]);
  return Object.fromEntries(entries);
}
