/**
 * Constants, loads and stores of each type. An address is in bytes and may have a constant part.
 *
 * Opcodes: WebAssembly core specification 2.0, section 5.4, and the relaxed-SIMD proposal.
 *
 * @module
 */

import {
  Code,
  constant,
  type Local,
  of,
  type Operand,
  Statement,
  toCode,
  vectorConstant,
  type Writer,
} from "./code.ts";
import { simd, type Type, unsigned, type VectorType } from "./types.ts";

type Address = Operand<"i32">;

/** A memory access: opcode, alignment hint (power of two) and the constant part of the address. */
const access = (opcode: readonly number[], align: number, offset: number): number[] => [
  ...opcode,
  align,
  ...unsigned(offset),
];

function load<T extends Type>(type: T, opcode: readonly number[], align: number) {
  return (address: Address, offset = 0): Code<T> =>
    of(type, [toCode("i32", address)], access(opcode, align, offset));
}

function store<T extends Type>(
  type: T,
  opcode: readonly number[],
  align: number,
  rest: readonly number[] = [],
) {
  return (address: Address, value: Operand<T>, offset = 0): Statement => {
    const [place, code] = [toCode("i32", address), toCode(type, value)];
    const bytes = [...access(opcode, align, offset), ...rest];
    return new Statement((to) => {
      place.emit(to);
      code.emit(to);
      to.write(bytes);
    });
  };
}

const vectorLoads = <T extends VectorType>(type: T) => ({
  /** Four neighbours; addresses need no alignment. */
  load: load(type, simd(0x00), 0),
  /** One element in all four lanes. */
  loadSplat: load(type, simd(0x09), 2),
  /** One element in lane 0, zeros elsewhere. */
  loadFirst: load(type, simd(0x5c), 2),
  /** Writes four neighbours. */
  store: store(type, simd(0x0b), 0),
  /** Writes lane 0 only. */
  storeFirst: store(type, simd(0x5a), 2, [0]),
});

/** 32-bit integers. */
export const i32 = {
  const: (value: number): Code<"i32"> => constant("i32", value),
  load: load("i32", [0x28], 2),
  store: store("i32", [0x36], 2),
} as const;

/** 32-bit floats. */
export const f32 = {
  const: (value: number): Code<"f32"> => constant("f32", value),
  load: load("f32", [0x2a], 2),
  store: store("f32", [0x38], 2),
} as const;

/** 64-bit floats. */
export const f64 = {
  const: (value: number): Code<"f64"> => constant("f64", value),
  load: load("f64", [0x2b], 3),
  store: store("f64", [0x39], 3),
} as const;

/** Four 32-bit floats. */
export const f32x4 = {
  ...vectorLoads("f32x4"),
  const: (value: number): Code<"f32x4"> => constant("f32x4", value),
  /** The same value in all lanes. */
  splat: (value: Operand<"f32">): Code<"f32x4"> =>
    typeof value === "number" ? constant("f32x4", value) : of("f32x4", [value], simd(0x13)),
  /** Another value in one lane. */
  replace: (vector: Code<"f32x4">, lane: number, value: Operand<"f32">): Code<"f32x4"> =>
    of("f32x4", [vector, toCode("f32", value)], [...simd(0x20), lane]),
} as const;

/** Four 32-bit integers. */
export const i32x4 = {
  ...vectorLoads("i32x4"),
  const: (value: number): Code<"i32x4"> => constant("i32x4", value),
  /** The same value in all lanes. */
  splat: (value: Operand<"i32">): Code<"i32x4"> => of("i32x4", [toCode("i32", value)], simd(0x11)),
  /** Four different constants. */
  lanes: (values: readonly [number, number, number, number]): Code<"i32x4"> =>
    vectorConstant("i32x4", [...new Uint8Array(new Int32Array(values).buffer)]),
} as const;

/** Four places of the eight lanes of two vectors. */
export type Lanes = readonly [number, number, number, number];

/** Lanes of a (0–3) and b (4–7). */
export function shuffle(a: Code<"f32x4">, b: Code<"f32x4">, lanes: Lanes): Code<"f32x4"> {
  const bytes = lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]);
  return of("f32x4", [a, b], [...simd(0x0d), ...bytes]);
}

/** One lane of a vector in all four. */
export function broadcast(vector: Code<"f32x4">, lane: number): Code<"f32x4"> {
  return shuffle(vector, vector, [lane, lane, lane, lane]);
}

/** In each lane one of two values, as a mask says. */
export function select<T extends VectorType>(
  mask: Code<"i32x4">,
  ifSet: Operand<T>,
  ifNot: Code<T>,
): Code<T> {
  return of(ifNot.type, [toCode(ifNot.type, ifSet), ifNot, mask], simd(0x52));
}

/** The smaller of two integers, which are evaluated twice. */
export function least(a: Operand<"i32">, b: Operand<"i32">): Code<"i32"> {
  const [left, right] = [toCode("i32", a), toCode("i32", b)];
  const known = left.constant !== undefined && right.constant !== undefined;
  if (known) return constant("i32", Math.min(left.constant >>> 0, right.constant >>> 0));
  return of("i32", [left, right, left.lt(right)], [0x1b]);
}

class Madd extends Code<"f32x4"> {
  constructor(readonly a: Code<"f32x4">, readonly b: Code<"f32x4">, readonly c: Code<"f32x4">) {
    super("f32x4");
  }

  emit(to: Writer): void {
    const { a, b, c } = this;
    if (to.hasFusedMadd) of("f32x4", [a, b, c], simd(0x105)).emit(to);
    else a.mul(b).add(c).emit(to);
  }
}

/** `a · b + c` in four lanes: one rounding where the engine has relaxed SIMD, two elsewhere. */
export function madd(a: Operand<"f32x4">, b: Operand<"f32x4">, c: Operand<"f32x4">): Code<"f32x4"> {
  return new Madd(toCode("f32x4", a), toCode("f32x4", b), toCode("f32x4", c));
}

/** Sum of the four lanes in a fixed order, (0 + 1) + (2 + 3). */
export function sumLanes(vector: Local<"f32x4">): Code<"f32"> {
  return vector.lane(0).add(vector.lane(1)).add(vector.lane(2).add(vector.lane(3)));
}
