/**
 * WebAssembly instructions as byte sequences that nest like expressions: `f32x4.add(a, b)` is the code of
 * a, then of b, then the opcode. Only what the kernels need.
 *
 * Opcodes: WebAssembly core specification 2.0, section 5.4, and the relaxed-SIMD proposal.
 *
 * @module
 */

/** Encoded instructions. */
export type Code = readonly number[];

/** Value types by their binary code. */
export const types = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;

/** Name of a value type. */
export type ValueType = keyof typeof types;

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value > 0 ? low | 0x80 : low);
  } while (value > 0);
  return bytes;
}

/** Signed LEB128 of a 32-bit integer. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  for (value |= 0;;) {
    const low = value & 0x7f;
    value >>= 7;
    const done = (value === 0 && !(low & 0x40)) || (value === -1 && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

const floatBytes = (value: number): number[] => [...new Uint8Array(new Float32Array([value]).buffer)];
const intBytes = (value: number): number[] => [...new Uint8Array(new Int32Array([value]).buffer)];

/** Instructions one after another. */
export function block(...parts: readonly Code[]): Code {
  return parts.flat();
}

const unary = (...opcode: number[]) => (a: Code): Code => [...a, ...opcode];
const binary = (...opcode: number[]) => (a: Code, b: Code): Code => [...a, ...b, ...opcode];
const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
/** A memory access: alignment hint (power of two), then the constant part of the address. */
const memory = (align: number, offset: number): number[] => [align, ...unsigned(offset)];

/** A local variable of a function. */
export interface Local {
  /** Reads it. */
  readonly get: Code;
  /** Writes it. */
  set(value: Code): Code;
  /** Writes it and leaves the value. */
  tee(value: Code): Code;
}

/** The local variable of a number. */
export function localAt(index: number): Local {
  const at = unsigned(index);
  return {
    get: [0x20, ...at],
    set: (value) => [...value, 0x21, ...at],
    tee: (value) => [...value, 0x22, ...at],
  };
}

/** 32-bit integers. */
export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  load: (address: Code, offset = 0): Code => [...address, 0x28, ...memory(2, offset)],
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0x36, ...memory(2, offset)],
  eqz: unary(0x45),
  eq: binary(0x46),
  ltS: binary(0x48),
  ltU: binary(0x49),
  gtU: binary(0x4b),
  geU: binary(0x4f),
  add: binary(0x6a),
  sub: binary(0x6b),
  mul: binary(0x6c),
  divU: binary(0x6e),
  remU: binary(0x70),
  and: binary(0x71),
  or: binary(0x72),
  shl: binary(0x74),
} as const;

/** 32-bit floats. */
export const f32 = {
  const: (value: number): Code => [0x43, ...floatBytes(value)],
  load: (address: Code, offset = 0): Code => [...address, 0x2a, ...memory(2, offset)],
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0x38, ...memory(2, offset)],
  eq: binary(0x5b),
  gt: binary(0x5e),
  sqrt: unary(0x91),
  add: binary(0x92),
  sub: binary(0x93),
  mul: binary(0x94),
  div: binary(0x95),
  demote: unary(0xb6),
} as const;

/** 64-bit floats. */
export const f64 = {
  const: (value: number): Code => [0x44, ...new Uint8Array(new Float64Array([value]).buffer)],
  load: (address: Code, offset = 0): Code => [...address, 0x2b, ...memory(3, offset)],
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0x39, ...memory(3, offset)],
  sqrt: unary(0x9f),
  add: binary(0xa0),
  sub: binary(0xa1),
  mul: binary(0xa2),
  div: binary(0xa3),
  promote: unary(0xbb),
} as const;

/** Vectors as 128 bits. Addresses need no alignment. */
export const v128 = {
  load: (address: Code, offset = 0): Code => [...address, ...simd(0x00), ...memory(0, offset)],
  /** One 32-bit element in all four lanes. */
  loadSplat: (address: Code, offset = 0): Code => [...address, ...simd(0x09), ...memory(2, offset)],
  /** One 32-bit element in lane 0, zeros elsewhere. */
  loadFirst: (address: Code, offset = 0): Code => [...address, ...simd(0x5c), ...memory(2, offset)],
  store: (address: Code, value: Code, offset = 0): Code => [
    ...address,
    ...value,
    ...simd(0x0b),
    ...memory(0, offset),
  ],
  /** Stores lane 0 only. */
  storeFirst: (address: Code, value: Code, offset = 0): Code => [
    ...address,
    ...value,
    ...simd(0x5a),
    ...memory(2, offset),
    0,
  ],
  /** Lanes of a (0–3) and b (4–7). */
  shuffle: (a: Code, b: Code, lanes: readonly [number, number, number, number]): Code => [
    ...a,
    ...b,
    ...simd(0x0d),
    ...lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]),
  ],
  not: unary(...simd(0x4d)),
  and: binary(...simd(0x4e)),
  /** a and not b. */
  andNot: binary(...simd(0x4f)),
  or: binary(...simd(0x50)),
  xor: binary(...simd(0x51)),
  /** Bits of a where the mask is 1, of b elsewhere. */
  select: (a: Code, b: Code, mask: Code): Code => [...a, ...b, ...mask, ...simd(0x52)],
  zero: [...simd(0x0c), ...new Array<number>(16).fill(0)] as Code,
} as const;

/** Four 32-bit integers. */
export const i32x4 = {
  const: (value: number): Code => [...simd(0x0c), ...[0, 1, 2, 3].flatMap(() => intBytes(value))],
  /** Four different values. */
  lanes: (values: readonly number[]): Code => [...simd(0x0c), ...values.flatMap(intBytes)],
  splat: unary(...simd(0x11)),
  extract: (a: Code, lane: number): Code => [...a, ...simd(0x1b), lane],
  add: binary(...simd(0xae)),
  eq: binary(...simd(0x37)),
  gtS: binary(...simd(0x3b)),
  ltU: binary(...simd(0x3a)),
  shl: (a: Code, bits: number): Code => [...a, ...i32.const(bits), ...simd(0xab)],
  shrS: (a: Code, bits: number): Code => [...a, ...i32.const(bits), ...simd(0xac)],
  shrU: (a: Code, bits: number): Code => [...a, ...i32.const(bits), ...simd(0xad)],
  sub: binary(...simd(0xb1)),
  /** Rounds toward zero; NaN gives 0. */
  fromFloat: unary(...simd(0xf8)),
} as const;

/** Four 32-bit floats. */
export const f32x4 = {
  const: (value: number): Code => [...simd(0x0c), ...[0, 1, 2, 3].flatMap(() => floatBytes(value))],
  splat: unary(...simd(0x13)),
  extract: (a: Code, lane: number): Code => [...a, ...simd(0x1f), lane],
  replace: (a: Code, lane: number, value: Code): Code => [...a, ...value, ...simd(0x20), lane],
  eq: binary(...simd(0x41)),
  lt: binary(...simd(0x43)),
  gt: binary(...simd(0x44)),
  le: binary(...simd(0x45)),
  ge: binary(...simd(0x46)),
  floor: unary(...simd(0x68)),
  nearest: unary(...simd(0x6a)),
  abs: unary(...simd(0xe0)),
  neg: unary(...simd(0xe1)),
  sqrt: unary(...simd(0xe3)),
  add: binary(...simd(0xe4)),
  sub: binary(...simd(0xe5)),
  mul: binary(...simd(0xe6)),
  div: binary(...simd(0xe7)),
  min: binary(...simd(0xe8)),
  max: binary(...simd(0xe9)),
  fromInt: unary(...simd(0xfa)),
  /** The two low lanes as doubles. */
  promoteLow: unary(...simd(0x5f)),
} as const;

/** Two 64-bit floats. */
export const f64x2 = {
  splat: unary(...simd(0x14)),
  extract: (a: Code, lane: number): Code => [...a, ...simd(0x21), lane],
  add: binary(...simd(0xf0)),
  mul: binary(...simd(0xf2)),
} as const;

const relaxedMadd = binary(...simd(0x105));
let fused = false;

/** `a · b + c` in four lanes: one rounding where the engine has relaxed SIMD, two elsewhere. */
export function madd(a: Code, b: Code, c: Code): Code {
  return fused ? relaxedMadd([...a, ...b], c) : f32x4.add(f32x4.mul(a, b), c);
}

/** Chooses what {@link madd} becomes; set once, when the engine has been asked. */
export function useFusedMadd(available: boolean): void {
  fused = available;
}

/** Sum of the four lanes in a fixed order, (0 + 1) + (2 + 3), as a scalar. `vector` is evaluated twice. */
export function sumLanes(vector: Local): Code {
  const lane = (at: number) => f32x4.extract(vector.get, at);
  return f32.add(f32.add(lane(0), lane(1)), f32.add(lane(2), lane(3)));
}

/** Runs the body while the counter, taken as unsigned, is below the limit. */
export function loop(counter: Local, from: Code, limit: Code, step: number, body: Code): Code {
  return [
    ...counter.set(from),
    0x02,
    0x40, // block: leave at once when there is nothing to do
    ...i32.geU(counter.get, limit),
    0x0d,
    0,
    0x03,
    0x40, // loop
    ...body,
    ...i32.ltU(counter.tee(i32.add(counter.get, i32.const(step))), limit),
    0x0d,
    0,
    0x0b,
    0x0b,
  ];
}

/** Runs one of two bodies. */
export function when(condition: Code, then: Code, otherwise: Code = []): Code {
  return [...condition, 0x04, 0x40, ...then, ...(otherwise.length > 0 ? [0x05, ...otherwise] : []), 0x0b];
}

/** Calls a function by its index. */
export function call(index: number, ...inputs: readonly Code[]): Code {
  return [...inputs.flat(), 0x10, ...unsigned(index)];
}
