/**
 * Attention and its gradient, query by query.
 *
 * @module
 */

import { type AttentionAttributes, scoreAxes } from "../../ops/fused_attention.ts";
import { sizeOf, type Triple } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { broadcast } from "./strided.ts";

/** Where a term has its value for each query and each key, relative to the start of a batch. */
interface Places {
  readonly perBatch: number;
  readonly queries: Int32Array;
  readonly keys: Int32Array;
}

function gridPlaces([d, h, w]: Triple, strides: readonly number[]): Int32Array {
  return Int32Array.from(
    { length: d * h * w },
    (_, i) =>
      Math.floor(i / (h * w)) * strides[0]! + Math.floor(i / w) % h * strides[1]! + i % w * strides[2]!,
  );
}

function placesOf({ shape }: CpuArray, attributes: AttentionAttributes): Places {
  const { strides } = broadcast(shape, scoreAxes(shape[0]!, attributes));
  return {
    perBatch: strides[0]!,
    queries: gridPlaces(attributes.queries, strides.slice(1, 4)),
    keys: gridPlaces(attributes.keys, strides.slice(4)),
  };
}

function dot(x: ArrayLike<number>, i: number, y: ArrayLike<number>, j: number, c: number): number {
  let sum = 0;
  for (let n = 0; n < c; n++) sum += x[i * c + n]! * y[j * c + n]!;
  return sum;
}

/** Calls back with the probabilities of the keys for each query; queries and keys are numbered over all batches. */
function forQueries(
  [q, k, , ...terms]: readonly CpuArray[],
  attributes: AttentionAttributes,
  visit: (query: number, firstKey: number, probabilities: Float64Array, batch: number) => void,
): void {
  const [batches, asked, c] = q!.shape as [number, number, number];
  const given = sizeOf(attributes.keys);
  const places = terms.map((term) => placesOf(term, attributes));
  const scores = new Float64Array(given);
  for (let b = 0; b < batches; b++) {
    for (let i = 0; i < asked; i++) {
      for (let j = 0; j < given; j++) {
        scores[j] = dot(q!.data, b * asked + i, k!.data, b * given + j, c);
        places.forEach(({ perBatch, queries, keys }, t) => {
          scores[j]! += terms[t]!.data[b * perBatch + queries[i]! + keys[j]!]!;
        });
      }
      const top = scores.reduce((most, score) => Math.max(most, score), -Infinity);
      const powers = scores.map((score) => Math.exp(score - top));
      const sum = powers.reduce((total, power) => total + power, 0);
      visit(b * asked + i, b * given, powers.map((power) => power / sum), b);
    }
  }
}

/** `target[row] += factor · source[from]`, rows of c. */
function addRow(
  target: Float64Array,
  row: number,
  factor: number,
  source: ArrayLike<number>,
  from: number,
  c: number,
): void {
  for (let n = 0; n < c; n++) target[row * c + n]! += factor * source[from * c + n]!;
}

/** The attention kernels. */
export const attentionKernels: Pick<CpuKernels, "attention" | "attentionGrad"> = {
  attention(inputs, [out], attributes) {
    const [, , v] = inputs;
    const c = v!.shape[2]!;
    const result = new Float64Array(out!.data.length);
    forQueries(inputs, attributes, (i, first, p) => {
      p.forEach((weight, j) => addRow(result, i, weight, v!.data, first + j, c));
    });
    out!.data.set(result);
  },
  attentionGrad([g, ...inputs], outputs, attributes) {
    const [q, k, v, ...terms] = inputs;
    const [c, asked] = [q!.shape[2]!, q!.shape[1]!];
    const [dq, dk, dv, ...dTerms] = outputs.map(({ data }) => new Float64Array(data.length));
    const places = terms.map((term) => placesOf(term, attributes));
    forQueries(inputs, attributes, (i, first, p, b) => {
      const dp = p.map((_, j) => dot(g!.data, i, v!.data, first + j, c));
      const mean = p.reduce((sum, weight, j) => sum + weight * dp[j]!, 0);
      p.forEach((weight, j) => {
        const ds = weight * (dp[j]! - mean);
        addRow(dq!, i, ds, k!.data, first + j, c);
        addRow(dk!, first + j, ds, q!.data, i, c);
        addRow(dv!, first + j, weight, g!.data, i, c);
        places.forEach(({ perBatch, queries, keys }, t) => {
          dTerms[t]![b * perBatch + queries[i % asked]! + keys[j]!]! += ds;
        });
      });
    });
    [dq!, dk!, dv!, ...dTerms].forEach((values, i) => outputs[i]!.data.set(values));
  },
};
