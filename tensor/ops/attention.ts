/**
 * Scaled dot-product attention with decomposed relative positions on a 3D grid (Li et al., MViTv2, 2022, in
 * three dimensions).
 *
 * @module
 */

import { apply } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { shapeText, type Triple } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { attentionOp } from "./fused_attention.ts";
import { gather } from "./gather.ts";
import { cast, slice, split } from "./layout.ts";
import { linear, matmul } from "./matmul.ts";
import { windowPartition, windowReverse } from "./windows.ts";

/**
 * How the three tables enter the score of query (d,h,w) and key (d′,h′,w′), with the unscaled query q:
 *
 * - `"axis"`: `q(d,h,w)·Rd[d−d′] + q(d,h,w)·Rh[h−h′] + q(d,h,w)·Rw[w−w′]`, what the method means.
 * - `"sam-med3d"`: `q(d,h,w)·Rd[d−w′] + q(d,h,d′)·Rh[h−w′] + q(d,h,h′)·Rw[h′−w′]`, what the released
 *   SAM-Med3D code computes and its weights were trained with; it needs a cubic grid.
 */
export type RelativePositionForm = "axis" | "sam-med3d";

/** Learned relative positions. */
export interface RelativePositions {
  /** Tables for D, H, W: `[2n−1, channels of a head]`, row `i − j + n − 1` for query i and key j. */
  readonly tables: readonly [Tensor, Tensor, Tensor];
  /** How they enter. */
  readonly form: RelativePositionForm;
}

/** The tokens and the weights of an attention. */
export interface AttentionOptions {
  /** Heads; they divide the channels. */
  readonly heads: number;
  /** Relative positions, if any. */
  readonly positions?: RelativePositions;
  /**
   * Tokens see those of their own window of this size; all of the grid by default. A window that reaches over the grid
   * is filled with tokens of zeros, which take part: their queries, keys and values are the bias.
   */
  readonly window?: Triple;
}

/**
 * `q(token) · table[i − j + n − 1]` for every token and every j, where i is the token's index on `axis`:
 * from q `[B,D,H,W,c]` to `[B,D,H,W,n]`.
 */
function positionScores(q: Tensor, table: Tensor, axis: 0 | 1 | 2): Tensor {
  const n = q.shape[axis + 1]!;
  const c = q.shape[4]!;
  if (table.shape.length !== 2 || table.shape[0] !== 2 * n - 1 || table.shape[1] !== c) {
    throw new ShapeError(
      "shape.positions",
      `attention: the table of axis ${axis} must be ${shapeText([2 * n - 1, c])}, got ${
        shapeText(table.shape)
      }`,
    );
  }
  const rows = Int32Array.from({ length: n * n }, (_, k) => Math.floor(k / n) - k % n + n - 1);
  const index = Tensor.from(q.device, rows, [n * n], "i32");
  const embeddings = gather(cast(table, q.dtype), index, 0).reshape([n, n, c]);
  // One product for each position on the axis: bring the axis to the front and back.
  const order = [axis + 1, ...[0, 1, 2, 3, 4].filter((a) => a !== axis + 1)];
  const back = order.map((_, a) => order.indexOf(a));
  const moved = q.permute(order);
  const scores = matmul(moved.reshape([n, -1, c]), embeddings, { transposeB: true });
  return scores.reshape([...moved.shape.slice(0, 4), n]).permute(back);
}

/** The terms that relative positions add to the scores, for q `[B,D,H,W,c]`: `[B,…queries,…keys]`, most axes 1. */
function positionTerms(q: Tensor, { tables, form }: RelativePositions, queries: Triple): Tensor[] {
  const [b, d, h, w] = q.shape as [number, number, number, number];
  const [qd, qh, qw] = queries;
  const scores = tables.map((table, axis) => positionScores(q, table, axis as 0 | 1 | 2));
  /** The scores of a box of tokens, with axes of queries and keys. */
  const term = (axis: number, box: Triple, shape: readonly number[]) =>
    slice(scores[axis]!, [0, 0, 0, 0, 0], [b, ...box, scores[axis]!.shape[4]!]).reshape([b, ...shape]);
  if (form === "axis") {
    return [
      term(0, queries, [qd, qh, qw, d, 1, 1]),
      term(1, queries, [qd, qh, qw, 1, h, 1]),
      term(2, queries, [qd, qh, qw, 1, 1, w]),
    ];
  }
  if (d !== h || h !== w) {
    throw new ShapeError("shape.positions", `attention: "sam-med3d" needs a cubic grid, got ${d}×${h}×${w}`);
  }
  // Where the second and third scores have their queries' w and their own axis stand two axes of the key.
  return [
    term(0, queries, [qd, qh, qw, 1, 1, w]),
    term(1, [qd, qh, w], [qd, qh, 1, d, 1, w]),
    term(2, [qd, qh, w], [qd, qh, 1, 1, h, w]),
  ];
}

/**
 * `softmax(q kᵀ / √c + positions) v` for q, k, v `[B,D,H,W,c]`, B counting heads, c channels of a head.
 *
 * @param options.queries only the queries of this box at the low end of the grid are computed; the others, such as
 * padding, still serve as keys
 * @returns `[B,...queries,c]`
 * @throws {ShapeError} `shape.positions` when a table does not fit the grid
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { positions, queries }: { readonly positions?: RelativePositions; readonly queries?: Triple } = {},
): Tensor {
  const [b, d, h, w, c] = q.shape as [number, number, number, number, number];
  const box = queries ?? [d, h, w];
  const kept = queries ? slice(q, [0, 0, 0, 0, 0], [b, ...box, c]) : q;
  const flat = (t: Tensor) => t.reshape([b, -1, c]);
  const terms = positions ? positionTerms(q, positions, box) : [];
  const inputs = [flat(kept).mul(1 / Math.sqrt(c)), flat(k), flat(v), ...terms];
  return apply(attentionOp, inputs, { queries: box, keys: [d, h, w] }).reshape([b, ...box, c]);
}

/** Weights of a multi-head self-attention; a weight is `[out,in]`. */
export interface SelfAttentionWeights {
  /** `[3C,C]`, rows for q, k and v, each in the order of the heads. */
  readonly qkvWeight: Tensor;
  /** `[3C]` */
  readonly qkvBias: Tensor;
  /** `[C,C]` */
  readonly projWeight: Tensor;
  /** `[C]` */
  readonly projBias: Tensor;
}

/**
 * Multi-head self-attention of tokens `[N,D,H,W,C]` with its projections, over the whole grid or within windows.
 *
 * @returns the shape of x
 * @throws {ShapeError} `shape.heads` when the heads do not divide the channels; see {@link attention}
 */
export function selfAttention(x: Tensor, weights: SelfAttentionWeights, options: AttentionOptions): Tensor {
  const [n, d, h, w, channels] = x.shape as [number, number, number, number, number];
  const { heads, positions, window } = options;
  const grid: Triple = [d, h, w], c = channels / heads;
  if (!Number.isInteger(c)) {
    throw new ShapeError("shape.heads", `attention: ${heads} heads do not divide ${channels} channels`);
  }
  const { qkvWeight, qkvBias, projWeight, projBias } = weights;
  // Padded after the projection, tokens of zeros cost no product: what is left of them is the bias.
  const projected = window
    ? windowPartition(linear(x, qkvWeight, null), window).add(cast(qkvBias, x.dtype))
    : linear(x, qkvWeight, qkvBias);
  const [count, ...box] = projected.shape.slice(0, 4) as [number, number, number, number];
  const qkv = projected.reshape([count, -1, 3, heads, c]).permute([2, 0, 3, 1, 4]); // [3,N,heads,tokens,c]
  const [q, k, v] = split(qkv, [1, 1, 1], 0).map((part) => part.reshape([count * heads, ...box, c]));
  // In a lone window what the padding asks for is never read.
  const isLone = window !== undefined && count === n;
  const result = attention(q!, k!, v!, {
    ...(positions && { positions }),
    ...(isLone && { queries: grid }),
  });
  const seen = result.reshape([count, heads, -1, c]).permute([0, 2, 1, 3])
    .reshape([count, ...result.shape.slice(1, 4), channels]);
  return linear(window && !isLone ? windowReverse(seen, grid) : seen, projWeight, projBias);
}
