/**
 * Arrays that steps bind, and the pages they are bound as where they are larger than a binding may be.
 *
 * @module
 */

import { bytesOf, type DType } from "../device.ts";

/** An array that a step binds. */
export interface Bound {
  /** Where it comes from: an input or output of the op, or memory that lives only during the op. */
  readonly from: "input" | "output" | "scratch";
  /** Its position there. */
  readonly at: number;
  /** Element type of the buffer; f16 elements are f32 to WGSL. */
  readonly dtype: DType;
  /** Number of elements of the buffer. */
  readonly length: number;
}

/** Bytes of a binding: never empty, and a multiple of 16, which every element type divides. */
function bindingBytes({ length, dtype }: Bound): number {
  return Math.max(16, Math.ceil(length * bytesOf[dtype] / 16) * 16);
}

/** Bytes of a page: offsets of bindings must divide by 256. */
export const pageBytesOf = (maxBindingBytes: number): number => Math.floor(maxBindingBytes / 256) * 256;

/** The pages of an array under the limit of a binding: byte offset and size of each. */
export function pagesOf(bound: Bound, maxBindingBytes: number): { offset: number; size: number }[] {
  const pageBytes = pageBytesOf(maxBindingBytes);
  const bytes = bindingBytes(bound);
  const pages = [];
  for (let offset = 0; offset < bytes; offset += pageBytes) {
    pages.push({ offset, size: Math.min(pageBytes, bytes - offset) });
  }
  return pages;
}
