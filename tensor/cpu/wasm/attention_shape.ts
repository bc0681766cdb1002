/**
 * What an attention is made of, and how much of it a work item takes at once.
 *
 * @module
 */

import { type AttentionAttributes, scoreAxes } from "../../ops/fused_attention.ts";
import { type Shape, sizeOf, type Triple } from "../../shape.ts";
import { broadcastStrides } from "../../strides.ts";
import { declare, least, type Local, loop, type Operand, type Statements } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { type Tile, tileOf } from "./matmul_tile.ts";

/** A term of the scores: elements from batch to batch, and its strides along the grids of queries and keys. */
export interface Term {
  readonly perBatch: number;
  readonly queries: readonly number[];
  readonly keys: readonly number[];
}

/** Sizes of an attention. */
export interface AttentionShape {
  readonly tile: Tile;
  readonly batches: number;
  /** Queries, keys, and channels of each. */
  readonly queries: number;
  readonly keys: number;
  readonly channels: number;
  /** Grids of queries and keys. */
  readonly grids: AttentionAttributes;
  readonly terms: readonly Term[];
  /** Queries of a block, a multiple of the tile's rows. */
  readonly block: number;
  /** Keys and channels with what the last tile has too many. */
  readonly keyPitch: number;
  readonly channelPitch: number;
}

const upToMultiple = (n: number, of: number): number => Math.ceil(n / of) * of;

/** The sizes, with blocks whose scores take about so many elements. */
export function attentionShape(
  engine: Engine,
  [q, k, , ...terms]: readonly { readonly shape: Shape }[],
  attributes: AttentionAttributes,
  scores: number,
): AttentionShape {
  const tile = tileOf(engine);
  const [batches, queries, channels] = q!.shape as [number, number, number];
  const keys = k!.shape[1]!;
  const keyPitch = upToMultiple(keys, tile.columns);
  const most = Math.max(1, Math.min(12, Math.floor(scores / keyPitch / tile.rows)));
  return {
    tile,
    batches,
    queries,
    keys,
    channels,
    grids: { queries: attributes.queries, keys: attributes.keys },
    terms: terms.map(({ shape }) => {
      const [perBatch, ...strides] = broadcastStrides(shape, scoreAxes(batches, attributes));
      return {
        perBatch: sizeOf(shape) / batches || perBatch!,
        queries: strides.slice(0, 3),
        keys: strides.slice(3),
      };
    }),
    block: Math.min(most, Math.ceil(queries / tile.rows)) * tile.rows,
    keyPitch,
    channelPitch: upToMultiple(channels, tile.columns),
  };
}

/** Elements of a block's scores. */
export function scoresOf({ block, keyPitch }: AttentionShape): number {
  return block * keyPitch;
}

/** Runs a body for each block of queries with its first query, how many there are, and strips of them. */
export function overBlocks(
  { queries, block, tile }: AttentionShape,
  [from, to]: readonly [Operand<"i32">, Operand<"i32">],
  body: (first: Local<"i32">, count: Local<"i32">, strips: Local<"i32">) => Statements,
): Statements {
  const { first, count, strips } = declare({ first: "i32", count: "i32", strips: "i32" });
  return loop(from, to, 1, (index) => [
    first.set(index.mul(block)),
    count.set(least(first.mul(-1).add(queries), block)),
    strips.set(count.add(tile.rows - 1).div(tile.rows)),
    body(first, count, strips),
  ]);
}

/** Point of a grid, in elements of something with these strides. */
export function placeInGrid(index: Local<"i32">, [, h, w]: Triple, strides: readonly number[]) {
  return index.div(h * w).mul(strides[0]!)
    .add(index.div(w).rem(h).mul(strides[1]!))
    .add(index.rem(w).mul(strides[2]!));
}
