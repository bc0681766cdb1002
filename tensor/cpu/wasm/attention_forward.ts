/**
 * Attention: scores, their powers, and the values they weigh, a block of queries at a time.
 *
 * @module
 */

import { factorsOf, packed, stripProduct, termNames, termPlace } from "./attention_products.ts";
import { addTerm, powersOfScores, scaleRun } from "./attention_scores.ts";
import { type AttentionShape, overBlocks, scoresOf } from "./attention_shape.ts";
import { declare, f32, type Local, repeat, type Statements } from "./emit/mod.ts";
import type { Engine, KernelVariables } from "./engine.ts";
import { packStrip, stripBytes } from "./matmul_pack.ts";

const arrays = { q: "i32", k: "i32", v: "i32", out: "i32", working: "i32" } as const;
const parameters = { ...arrays, term0: "i32", term1: "i32", term2: "i32" } as const;

/** Makes powers of a query's scores and keeps their sum. */
function overScores(
  shape: AttentionShape,
  of: KernelVariables<typeof parameters>,
  { batch, scores, sums }: Readonly<Record<"batch" | "scores" | "sums", Local<"i32">>>,
) {
  const { keyPitch, terms } = shape;
  const adders = terms.map((term) => addTerm(shape, term));
  const powers = powersOfScores(shape);
  const { query } = declare({ query: "i32" });
  return (first: Local<"i32">, i: Local<"i32">): Statements => {
    const row = scores.add(i.mul(4 * keyPitch));
    return [
      query.set(first.add(i)),
      adders.map((add, t) =>
        add({ scores: row, values: termPlace(of[termNames[t]!], terms[t]!, batch, query, shape) })
      ),
      f32.store(sums.add(i.mul(4)), powers({ scores: row })),
    ];
  };
}

/** A work item is a block of queries of a batch. */
export function forwardKernel(engine: Engine, shape: AttentionShape) {
  const { queries, channels, keys, keyPitch, channelPitch, block } = shape;
  const [blocks, factors, scoreBytes] = [Math.ceil(queries / block), factorsOf(shape), 4 * scoresOf(shape)];
  const key = `attention ${JSON.stringify({ ...shape, batches: 0 })}`;
  return engine.compile(key, parameters, (of, { each, thread }) => {
    const [product, packScores] = [stripProduct(shape), packStrip(factors.scoreRows, shape.tile.rows)];
    const places = { batch: "i32", scores: "i32", packedScores: "i32", result: "i32", sums: "i32" } as const;
    const { batch, scores, packedScores, result, sums } = declare(places);
    const eachScore = overScores(shape, of, { batch, scores, sums });
    const perStrip = stripBytes(factors.scoreRows);
    return each((item) => [
      batch.set(item.div(blocks)),
      scores.set(of.working.add(thread.mul(forwardBytes(shape)))),
      packedScores.set(scores.add(scoreBytes)),
      result.set(packedScores.add(scoreBytes)),
      sums.set(result.add(4 * block * channelPitch)),
      overBlocks(shape, [item.rem(blocks), item.rem(blocks).add(1)], (first, count, strips) => {
        const asked = packed(of.q, batch, factors.queryRows);
        const rows = { ...asked, at: asked.at.add(first.mul(4 * channels)), strips };
        const k = packed(of.k, batch, factors.keyColumns);
        const v = packed(of.v, batch, factors.keyChannels);
        return [
          product(rows, k, channels, { at: scores, pitch: 4 * keyPitch }),
          repeat(count, (i) => eachScore(first, i)),
          repeat(strips, (r) => {
            const place = r.mul(perStrip);
            return packScores({ from: scores.add(place), to: packedScores.add(place) });
          }),
          product({ at: packedScores, perStrip, strips }, v, keys, { at: result, pitch: 4 * channelPitch }),
          repeat(count, (i) =>
            scaleRun({
              at: result.add(i.mul(4 * channelPitch)),
              to: of.out.add(batch.mul(queries).add(first).add(i).mul(4 * channels)),
              bytes: 4 * channels,
              factor: f32.const(1).div(f32.load(sums.add(i.mul(4)))),
            })),
        ];
      }),
    ]);
  });
}

/** Bytes of a thread: scores, the same packed, the result and the sums of a block. */
export function forwardBytes(shape: AttentionShape): number {
  return 4 * (2 * scoresOf(shape) + shape.block * shape.channelPitch + shape.block);
}
