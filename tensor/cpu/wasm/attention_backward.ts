/**
 * The gradient of attention. Probabilities are computed again, a block of queries at a time.
 *
 * A work item is a batch, since all its queries add to the same keys.
 *
 * @module
 */

import { type Factor, factorsOf, packed, stripProduct, termNames, termPlace } from "./attention_products.ts";
import { addTerm, addTermGradient, gradientOfScores, powersOfScores, scaleRun } from "./attention_scores.ts";
import { type AttentionShape, overBlocks, scoresOf } from "./attention_shape.ts";
import { type Code, declare, f32, f32x4, type Local, loop, repeat, type Statements } from "./emit/mod.ts";
import type { Engine, KernelVariables } from "./engine.ts";
import { packStrip, stripBytes, type Strips, stripsOf } from "./matmul_pack.ts";

/** Sets a run to zero. */
const clear = (at: Code<"i32">, bytes: number): Statements => [
  loop(0, bytes - bytes % 16, 16, (offset) => f32x4.store(at.add(offset), 0)),
  loop(bytes - bytes % 16, bytes, 4, (offset) => f32.store(at.add(offset), 0)),
];

/** Elements of a thread's matrices: what a block of queries has, then what all of them add to. */
function workingSizes(shape: AttentionShape) {
  const { block, channelPitch, tile } = shape;
  const { keyRows } = factorsOf(shape);
  const scores = scoresOf(shape);
  const keys = stripsOf(keyRows) * tile.rows * channelPitch;
  const turned = Math.max(scores, stripsOf(keyRows) * tile.rows * block);
  return { p: scores, ds: scores, turned, dq: block * channelPitch, dk: keys, dv: keys };
}

/** Bytes of a thread. The last strip of keys may read past a block's scores: what it reads there is not used. */
export function backwardBytes(shape: AttentionShape): number {
  return 4 * Object.values(workingSizes(shape)).reduce((sum, n) => sum + n, 0);
}

const factorArrays = { q: "i32", g: "i32", k: "i32", v: "i32" } as const;
const channelArrays = { queryChannels: "i32", gChannels: "i32", keyChannels: "i32" } as const;
const termArrays = { term0: "i32", term1: "i32", term2: "i32" } as const;
const dTermArrays = { dTerm0: "i32", dTerm1: "i32", dTerm2: "i32" } as const;
const resultArrays = { dq: "i32", dk: "i32", dv: "i32", working: "i32" } as const;
const arrays = { ...factorArrays, ...channelArrays, ...termArrays, ...dTermArrays, ...resultArrays } as const;
const gradientNames = ["dTerm0", "dTerm1", "dTerm2"] as const;

/** Packs all strips of a block of scores. */
function packBlock(strips: Strips, step: number) {
  const pack = packStrip(strips, strips.width);
  return (from: Code<"i32">, to: Code<"i32">, count: Code<"i32"> | number): Statements =>
    repeat(count, (r) => pack({ from: from.add(r.mul(step)), to: to.add(r.mul(stripBytes(strips))) }));
}

type Arrays = KernelVariables<typeof arrays>;
/** The places of a thread's matrices. */
type Working = Readonly<Record<keyof ReturnType<typeof workingSizes>, Local<"i32">>>;

/** Sets the places of a thread's matrices, one behind the other. */
function placeWorking(shape: AttentionShape, start: Code<"i32">, at: Working): Statements {
  const sizes = workingSizes(shape);
  let next = start;
  return Object.entries(at).map(([name, local]) => {
    const set = local.set(next);
    next = local.add(4 * sizes[name as keyof Working]);
    return set;
  });
}

/** Makes probabilities of a query's scores, then the gradients of the scores of theirs. */
function overScores(shape: AttentionShape, of: Arrays, at: Working) {
  const { terms, keyPitch } = shape;
  const pitch = 4 * keyPitch;
  const adders = terms.map((term) => addTerm(shape, term));
  const gradientAdders = terms.map((term) => addTermGradient(shape, term));
  const [powers, toScores] = [powersOfScores(shape), gradientOfScores(shape)];
  const { query, row, sum } = declare({ query: "i32", row: "i32", sum: "f32" });
  return (batch: Local<"i32">, first: Local<"i32">, i: Local<"i32">): Statements => {
    const termAt = (values: Local<"i32">, t: number) => termPlace(values, terms[t]!, batch, query, shape);
    return [
      query.set(first.add(i)),
      row.set(at.p.add(i.mul(pitch))),
      adders.map((add, t) => add({ scores: row, values: termAt(of[termNames[t]!], t) })),
      sum.set(powers({ scores: row })),
      scaleRun({ at: row, to: row, bytes: pitch, factor: f32.const(1).div(sum) }),
      row.set(at.ds.add(i.mul(pitch))),
      toScores({ p: at.p.add(i.mul(pitch)), dp: row }),
      gradientAdders.map((add, t) => add({ scores: row, values: termAt(of[gradientNames[t]!], t) })),
    ];
  };
}

/** Copies rows of channels to where they lie without gaps. */
const copyRows = (
  { channels, channelPitch }: AttentionShape,
  from: Local<"i32">,
  to: Code<"i32">,
  count: Code<"i32"> | number,
): Statements =>
  repeat(count, (i) =>
    scaleRun({
      at: from.add(i.mul(4 * channelPitch)),
      to: to.add(i.mul(4 * channels)),
      bytes: 4 * channels,
      factor: 1,
    }));

/** Adds what all queries of a batch give, a block at a time. */
function overQueries(shape: AttentionShape, of: Arrays, at: Working) {
  const { queries, channels, keys, keyPitch, channelPitch, block, tile } = shape;
  const factors = factorsOf(shape);
  const product = stripProduct(shape);
  const eachScore = overScores(shape, of, at);
  const packRows = packBlock(factors.scoreRows, 4 * tile.rows * keyPitch);
  const packKeys = packBlock(factors.keyRows, 4 * tile.rows);
  const keyStrips = Math.ceil(keys / tile.rows);
  const turned = (strips: Strips, count: Factor["strips"]): Factor => ({
    at: at.turned,
    perStrip: stripBytes(strips),
    strips: count,
  });
  const [scoresPitch, resultPitch] = [4 * keyPitch, 4 * channelPitch];
  return (batch: Local<"i32">): Statements =>
    overBlocks(shape, [0, Math.ceil(queries / block)], (first, count, strips) => {
      const asRows = (array: Local<"i32">): Factor => {
        const factor = packed(array, batch, factors.queryRows);
        return { ...factor, at: factor.at.add(first.mul(4 * channels)), strips };
      };
      const asColumns = (array: Local<"i32">): Factor => {
        const factor = packed(array, batch, factors.queryChannels);
        return { ...factor, at: factor.at.add(first.mul(4 * tile.columns)) };
      };
      const [k, v] = [of.k, of.v].map((array) => packed(array, batch, factors.keyColumns)) as [
        Factor,
        Factor,
      ];
      const keyChannels = packed(of.keyChannels, batch, factors.keyChannels);
      const turnedKeys = turned(factors.keyRows, keyStrips);
      const added = { pitch: resultPitch, isFirst: first.eq(0) };
      return [
        product(asRows(of.q), k, channels, { at: at.p, pitch: scoresPitch }),
        product(asRows(of.g), v, channels, { at: at.ds, pitch: scoresPitch }),
        repeat(count, (i) => eachScore(batch, first, i)),
        packRows(at.ds, at.turned, strips),
        product(turned(factors.scoreRows, strips), keyChannels, keys, { at: at.dq, pitch: resultPitch }),
        copyRows(shape, at.dq, of.dq.add(batch.mul(queries).add(first).mul(4 * channels)), count),
        packKeys(at.ds, at.turned, keyStrips),
        product(turnedKeys, asColumns(of.queryChannels), count, { at: at.dk, ...added }),
        packKeys(at.p, at.turned, keyStrips),
        product(turnedKeys, asColumns(of.gChannels), count, { at: at.dv, ...added }),
      ];
    });
}

/** A work item is a batch. */
export function backwardKernel(engine: Engine, shape: AttentionShape) {
  const { channels, keys, terms } = shape;
  const key = `attentionGrad ${JSON.stringify({ ...shape, batches: 0 })}`;
  return engine.compile(key, arrays, (of, { each, thread }) => {
    const at = declare({ p: "i32", ds: "i32", turned: "i32", dq: "i32", dk: "i32", dv: "i32" });
    const addQueries = overQueries(shape, of, at);
    return each((batch) => [
      placeWorking(shape, of.working.add(thread.mul(backwardBytes(shape))), at),
      terms.map((term, t) =>
        clear(of[gradientNames[t]!].add(batch.mul(4 * term.perBatch)), 4 * term.perBatch)
      ),
      addQueries(batch),
      copyRows(shape, at.dk, of.dk.add(batch.mul(4 * keys * channels)), keys),
      copyRows(shape, at.dv, of.dv.add(batch.mul(4 * keys * channels)), keys),
    ]);
  });
}
