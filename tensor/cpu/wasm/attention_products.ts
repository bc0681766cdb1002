/**
 * The matrix products of an attention: how its arrays become factors, and how these are multiplied.
 *
 * @module
 */

import { type AttentionShape, placeInGrid, type Term } from "./attention_shape.ts";
import {
  type Code,
  i32,
  least,
  type Local,
  loop,
  type Operand,
  repeat,
  type Statements,
} from "./emit/mod.ts";
import { stripBytes, type Strips, stripsOf } from "./matmul_pack.ts";
import { depthOf, tileProduct } from "./matmul_tile.ts";

/** How matrices `[queries,channels]`, `[keys,channels]` and blocks of scores become factors of products. */
export function factorsOf({ tile, queries, keys, channels, block, keyPitch }: AttentionShape) {
  const rows = (lanes: number, inner: number, isInnerLast: boolean): Strips => ({
    width: tile.rows,
    lanes,
    inner,
    isInnerLast,
  });
  const columns = (lanes: number, inner: number, isInnerLast: boolean): Strips => ({
    width: tile.columns,
    lanes,
    inner,
    isInnerLast,
  });
  return {
    /** A factor whose rows are queries. */
    queryRows: rows(queries, channels, true),
    /** A factor whose columns are keys. */
    keyColumns: columns(keys, channels, true),
    /** Factors whose columns are channels, of queries and of keys. */
    queryChannels: columns(channels, queries, false),
    keyChannels: columns(channels, keys, false),
    /** Scores of a block with queries as rows, and with keys as rows. */
    scoreRows: rows(block, keyPitch, true),
    keyRows: rows(keyPitch, block, false),
  };
}

const matrixBytes = (strips: Strips): number => stripsOf(strips) * stripBytes(strips);

/** A packed factor. */
export interface Factor {
  /** Its first strip. */
  readonly at: Code<"i32">;
  /** Bytes from strip to strip. */
  readonly perStrip: number;
  /** How many strips to multiply. */
  readonly strips: Operand<"i32">;
}

/** `c = a · b`, or `c += a · b`, over whole strips. */
export function stripProduct({ tile }: AttentionShape) {
  const multiply = tileProduct(tile), depth = depthOf(tile);
  return (
    a: Factor,
    b: Factor,
    inner: Operand<"i32">,
    c: { readonly at: Code<"i32">; readonly pitch: number; readonly isFirst?: Code<"i32"> },
  ): Statements =>
    loop(0, inner, depth, (k) =>
      repeat(b.strips, (p) =>
        repeat(a.strips, (r) =>
          multiply({
            a: a.at.add(r.mul(a.perStrip)).add(k.mul(4 * tile.rows)),
            b: b.at.add(p.mul(b.perStrip)).add(k.mul(4 * tile.columns)),
            c: c.at.add(r.mul(tile.rows * c.pitch)).add(p.mul(4 * tile.columns)),
            count: least((typeof inner === "number" ? i32.const(inner) : inner).sub(k), depth),
            isFirst: c.isFirst ?? k.eq(0),
            pitch: c.pitch,
          }))));
}

/** A packed matrix of a batch. */
export const packed = (at: Local<"i32">, batch: Code<"i32">, strips: Strips): Factor => ({
  at: at.add(batch.mul(matrixBytes(strips))),
  perStrip: stripBytes(strips),
  strips: stripsOf(strips),
});

/** Where the values of a term begin for a query. */
export function termPlace(
  values: Local<"i32">,
  term: Term,
  batch: Code<"i32">,
  query: Local<"i32">,
  shape: AttentionShape,
) {
  const place = placeInGrid(query, shape.grids.queries, term.queries);
  return values.add(batch.mul(4 * term.perBatch)).add(place.mul(4));
}

/** The parameters of kernels that hold terms. */
export const termNames = ["term0", "term1", "term2"] as const;
