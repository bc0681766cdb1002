/**
 * The types of values in generated code, and how numbers are written in a WebAssembly module.
 *
 * @module
 */

/** Types by their binary code; to WebAssembly, vectors are 128 bits of any kind. */
export const binaryTypes = { i32: 0x7f, f32: 0x7d, f64: 0x7c, f32x4: 0x7b, i32x4: 0x7b } as const;

/** The type of a value. 32-bit integers, addresses and counts, are unsigned. */
export type Type = keyof typeof binaryTypes;

/** Four values side by side. */
export type VectorType = "f32x4" | "i32x4";

/** What a comparison of two values gives: 0 or 1, or in each lane all bits or none. */
export type Truth<T extends Type> = T extends VectorType ? "i32x4" : "i32";

/** Whether values of a type are vectors. */
export function isVector(type: Type): boolean {
  return type === "f32x4" || type === "i32x4";
}

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

/** The bytes of a vector instruction. */
export function simd(opcode: number): number[] {
  return [0xfd, ...unsigned(opcode)];
}

const bytesOf = (array: { readonly buffer: ArrayBuffer }): number[] => [...new Uint8Array(array.buffer)];

/** The instruction that leaves a constant; of vectors the bytes alone. */
export function constantBytes(type: Type, value: number): number[] {
  switch (type) {
    case "i32":
      return [0x41, ...signed(value)];
    case "f32":
      return [0x43, ...bytesOf(new Float32Array([value]))];
    case "f64":
      return [0x44, ...bytesOf(new Float64Array([value]))];
    case "f32x4":
      return bytesOf(new Float32Array(4).fill(value));
    case "i32x4":
      return bytesOf(new Int32Array(4).fill(value));
  }
}
