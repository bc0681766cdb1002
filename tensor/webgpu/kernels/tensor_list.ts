/**
 * Dispatches over many tensors at once: as many in each as the adapter can bind.
 *
 * @module
 */

import type { Call, Step } from "../kernel.ts";
import type { Bound } from "../pages.ts";

/** More bindings than this make shaders slow to compile without saving much. */
const mostBindings = 128;

/** Cuts a list of tensors, each of several arrays, so that each part can be bound beside `others` arrays. */
export function cutList<A>(call: Call<A>, list: readonly (readonly Bound[])[], others: number): Bound[][][] {
  const room = Math.min(call.limits.storageBuffers, mostBindings) - others;
  const parts: Bound[][][] = [];
  let used = Infinity;
  for (const arrays of list) {
    if (arrays[0]!.length === 0) continue;
    const bindings = arrays.reduce((sum, array) => sum + call.bindingsOf(array), 0);
    if (used + bindings > room) {
      parts.push([]);
      used = 0;
    }
    parts.at(-1)!.push([...arrays]);
    used += bindings;
  }
  return parts;
}

/** Tensor `tensor` of a dispatch: WGSL for what happens to its element or group `at`. */
export type ListBody = (tensor: number) => string;

/** Picks the tensor that a running number falls into: WGSL in which `at` counts within it. */
export function pickTensor(count: number, number: string, body: ListBody): string {
  const end = (tensor: number) => tensor < 0 ? "0u" : `scalars.end${tensor}`;
  return Array.from(
    { length: count },
    (_, k) => `if (${number} < ${end(k)}) { let at = ${number} - ${end(k - 1)}; ${body(k)} }`,
  ).join("\n  else ");
}

/** The parameters that {@link pickTensor} reads: running totals. */
export function totals(sizes: readonly number[]): Record<string, number> {
  let total = 0;
  return Object.fromEntries(sizes.map((size, k) => [`end${k}`, total += size]));
}

/** One update over lists: `reads` and then `writes` name the arrays of a tensor, `name` + its number in WGSL. */
export function updateSteps<A>(
  call: Call<A>,
  { label, factor, reads, writes, body }: {
    label: string;
    factor: Bound | null;
    reads: readonly string[];
    writes: readonly string[];
    body: ListBody;
  },
): Step[] {
  const start = factor ? 1 : 0;
  const count = (call.inputs.length - start) / reads.length;
  const list = Array.from({ length: count }, (_, k) => [
    ...reads.map((_, r) => call.input(start + r * count + k)),
    ...writes.map((_, w) => call.output(w * count + k)),
  ]);
  return cutList(call, list, start).map((tensors) => {
    const named = (names: readonly string[], skip: number) =>
      Object.fromEntries(
        tensors.flatMap((arrays, k) => names.map((name, i) => [`${name}${k}`, arrays[skip + i]!])),
      );
    const sizes = tensors.map(([first]) => first!.length);
    return {
      label,
      reads: { ...named(reads, 0), ...(factor ? { factor } : {}) },
      writes: named(writes, reads.length),
      threads: sizes.reduce((sum, size) => sum + size, 0),
      counted: true,
      parameters: totals(sizes),
      body: pickTensor(tensors.length, "i", body),
    };
  });
}
