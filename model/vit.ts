/**
 * The Vision Transformer of SAM-Med3D (Wang et al. 2023): patches to tokens, blocks of attention and MLP, a neck
 * to fewer channels. Fields are named as in the authors' files, so that their weights load by name.
 *
 * ```
 * tokens = linear(patches) + pos_embed
 * each block:  x += attention(norm1(x))      within windows, or over the whole grid
 *              x += mlp(norm2(x))
 *              x  = adapter(x)               where there is one
 * neck:        1×1×1 convolution, norm, 3×3×3 convolution, norm
 * ```
 *
 * A window that reaches over the grid is filled with zeros, and these take part in the attention without a mask:
 * after the linear map they are its bias. The published weights were trained so.
 *
 * @module
 */

import { ShapeError } from "../tensor/errors.ts";
import { type Init, LayerNorm, Linear } from "../tensor/layers.ts";
import { Module } from "../tensor/module.ts";
import { type RelativePositionForm, selfAttention } from "../tensor/ops/attention.ts";
import { conv3d } from "../tensor/ops/conv3d.ts";
import { gelu } from "../tensor/ops/elementwise.ts";
import { linear } from "../tensor/ops/matmul.ts";
import { resize3d } from "../tensor/ops/resize3d.ts";
import { scope } from "../tensor/scope.ts";
import { sameShape, shapeText, type Triple } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Adapter, LowRank } from "./adapter.ts";

/** Sizes of a Vision Transformer. */
export interface VitShape {
  /** Edge of a patch, in voxels. */
  readonly patch: number;
  /** Edge of the grid of tokens that the position tables are made for; for other grids they are resampled. */
  readonly grid: number;
  /** Channels of a token. */
  readonly channels: number;
  /** Blocks. */
  readonly depth: number;
  /** Attention heads; they divide the channels. */
  readonly heads: number;
  /** Edge of a window, in tokens. */
  readonly window: number;
  /** Blocks, from 0, whose attention spans the whole grid. */
  readonly globalBlocks: readonly number[];
  /** Channels after the neck. */
  readonly outputs: number;
  /** How relative positions enter: `"axis"`, or `"sam-med3d"` for the published weights. */
  readonly positions: RelativePositionForm;
}

/** What is trained besides the neck. */
export interface VitTuning {
  /** Whether patch embedding, positions and blocks keep their values. */
  readonly isFrozen: boolean;
  /** Bottleneck channels of an adapter after each block; 0 for none. */
  readonly adapterRank: number;
  /** Rank of a correction to each block's query, key and value weights (LoRA); 0 for none. */
  readonly loraRank: number;
}

/** Everything is trained, nothing is added. */
export const plainTuning: VitTuning = { isFrozen: false, adapterRank: 0, loraRank: 0 };

/** The encoder whose weights SAM-Med3D publishes: 92.9 million parameters, 128³ voxels to 384 channels at 8³. */
export const samMed3d: VitShape = {
  patch: 16,
  grid: 8,
  channels: 768,
  depth: 12,
  heads: 12,
  window: 14,
  globalBlocks: [2, 5, 8, 11],
  outputs: 384,
  positions: "sam-med3d",
};

const cube = (n: number): Triple => [n, n, n];

/** A table of relative positions `[2n−1,c]`, resampled linearly to `[rows,c]`. */
function resizedTable(table: Tensor, rows: number): Tensor {
  const [length, c] = table.shape as [number, number];
  if (length === rows) return table;
  const line = table.permute([1, 0]).reshape([1, c, 1, 1, length]);
  return resize3d(line, [1, 1, rows]).reshape([c, rows]).permute([1, 0]);
}

/** Multi-head self-attention with relative positions. */
export class VitAttention extends Module {
  /** To queries, keys and values. */
  readonly qkv: Linear;
  /** Of the joined heads. */
  readonly proj: Linear;
  /** Relative positions along D, `[2n−1, channels of a head]`. */
  readonly rel_pos_d: Tensor;
  /** Along H. */
  readonly rel_pos_h: Tensor;
  /** Along W. */
  readonly rel_pos_w: Tensor;
  /** Correction of the first linear map. */
  readonly lora: LowRank | null;
  readonly #shape: VitShape;
  readonly #window: Triple | null;

  /** `window` is null for attention over the whole grid. */
  constructor(init: Init, shape: VitShape, window: number | null, loraRank: number) {
    super();
    const { channels, heads, grid } = shape;
    const rows = 2 * (window ?? grid) - 1;
    const table = () => Tensor.zeros(init.device, [rows, channels / heads]).asParameter();
    this.qkv = new Linear(init, channels, 3 * channels);
    this.proj = new Linear(init, channels, channels);
    this.rel_pos_d = table();
    this.rel_pos_h = table();
    this.rel_pos_w = table();
    this.lora = loraRank > 0 ? new LowRank(init, channels, 3 * channels, loraRank) : null;
    this.#shape = shape;
    this.#window = window === null ? null : cube(window);
  }

  /** Of tokens `[N,D,H,W,C]`. */
  forward(x: Tensor): Tensor {
    const { heads, positions } = this.#shape, window = this.#window;
    const extent = window ?? x.shape.slice(1, 4);
    const table = (t: Tensor, axis: number) => resizedTable(t, 2 * extent[axis]! - 1);
    const weights = {
      qkvWeight: this.lora ? this.lora.applyTo(this.qkv.weight) : this.qkv.weight,
      qkvBias: this.qkv.bias,
      projWeight: this.proj.weight,
      projBias: this.proj.bias,
    };
    return selfAttention(x, weights, {
      heads,
      positions: {
        form: positions,
        tables: [table(this.rel_pos_d, 0), table(this.rel_pos_h, 1), table(this.rel_pos_w, 2)],
      },
      ...(window && { window }),
    });
  }
}

/** Two linear maps with a GELU between. */
export class Mlp extends Module {
  /** To four times the channels. */
  readonly lin1: Linear;
  /** Back. */
  readonly lin2: Linear;

  /** For tokens of `channels` channels. */
  constructor(init: Init, channels: number) {
    super();
    this.lin1 = new Linear(init, channels, 4 * channels);
    this.lin2 = new Linear(init, 4 * channels, channels);
  }

  /** Keeps the shape `[…,C]`. */
  forward(x: Tensor): Tensor {
    return this.lin2.forward(gelu(this.lin1.forward(x)));
  }
}

/** A Transformer block. */
export class VitBlock extends Module {
  /** Before the attention. */
  readonly norm1: LayerNorm;
  /** Within windows, or over the grid. */
  readonly attn: VitAttention;
  /** Before the MLP. */
  readonly norm2: LayerNorm;
  /** Of each token. */
  readonly mlp: Mlp;
  /** At the end. */
  readonly adapter: Adapter | null;

  /** `window` is null for attention over the whole grid. */
  constructor(init: Init, shape: VitShape, window: number | null, tuning: VitTuning) {
    super();
    const { channels } = shape;
    this.norm1 = new LayerNorm(init, channels);
    this.attn = new VitAttention(init, shape, window, tuning.loraRank);
    this.norm2 = new LayerNorm(init, channels);
    this.mlp = new Mlp(init, channels);
    this.adapter = tuning.adapterRank > 0 ? new Adapter(init, channels, tuning.adapterRank) : null;
  }

  /** Keeps the shape `[N,D,H,W,C]`. */
  forward(x: Tensor): Tensor {
    return scope(() => {
      const seen = x.add(scope(() => this.attn.forward(this.norm1.forward(x))));
      const thought = seen.add(scope(() => this.mlp.forward(this.norm2.forward(seen))));
      return this.adapter ? this.adapter.forward(thought) : thought;
    });
  }
}

/** Weights of a convolution. */
export class ConvWeights extends Module {
  /** `[O,I,k,k,k]` */
  readonly weight: Tensor;
  /** `[O]`, where it has one. */
  readonly bias: Tensor | null;

  /** Keeps the variance of its input; no shift. */
  constructor(
    { device, random }: Init,
    [inputs, outputs]: readonly [number, number],
    kernel: number,
    hasBias: boolean,
  ) {
    super();
    const deviation = Math.sqrt(1 / (inputs * kernel ** 3));
    this.weight = Tensor.normal(device, random, [outputs, inputs, ...cube(kernel)], deviation).asParameter();
    this.bias = hasBias ? Tensor.zeros(device, [outputs]).asParameter() : null;
  }
}

/** Normalises the channels of each voxel, for x `[N,C,D,H,W]`. */
function channelNorm(norm: LayerNorm, x: Tensor): Tensor {
  return norm.forward(x.permute([0, 2, 3, 4, 1])).permute([0, 4, 1, 2, 3]);
}

/** Cuts volumes into patches and maps each to a token. */
export class PatchEmbedding extends Module {
  /** Of a convolution whose kernel is its stride. */
  readonly proj: ConvWeights;

  /** For images of one channel. */
  constructor(init: Init, { patch, channels }: VitShape) {
    super();
    this.proj = new ConvWeights(init, [1, channels], patch, true);
  }

  /**
   * `[N,1,D,H,W]` to `[N,D/p,H/p,W/p,C]`. Patches do not overlap, so the convolution is a matrix product.
   *
   * @throws {ShapeError} `model.patch` when a size is no multiple of the patch
   */
  forward(x: Tensor): Tensor {
    const { weight, bias } = this.proj;
    const p = weight.shape[2]!;
    const [n, channels, ...size] = x.shape as [number, number, ...number[]];
    if (channels !== 1 || size.length !== 3 || size.some((voxels) => voxels % p !== 0)) {
      throw new ShapeError(
        "model.patch",
        `images of ${shapeText(x.shape)} do not divide into patches of ${p}³ voxels`,
        { fix: `Use [N,1,${size.map((voxels) => Math.ceil(voxels / p) * p).join(",")}].` },
      );
    }
    const [d, h, w] = size.map((voxels) => voxels / p) as [number, number, number];
    const patches = x.reshape([n, d, p, h, p, w, p])
      .permute([0, 1, 3, 5, 2, 4, 6])
      .reshape([n, d, h, w, p ** 3]);
    return linear(patches, weight.reshape([-1, p ** 3]), bias);
  }
}

/** Vision Transformer for volumes. */
export class Vit extends Module {
  /** Voxels to tokens. */
  readonly patch_embed: PatchEmbedding;
  /** Of each token of the grid, `[1,D,H,W,C]`. */
  readonly pos_embed: Tensor;
  /** In order. */
  readonly blocks: VitBlock[];
  /** Convolutions and normalisations in turn. */
  readonly neck: readonly [ConvWeights, LayerNorm, ConvWeights, LayerNorm];

  /** Initialises from the stream; the positions start at 0. */
  constructor(init: Init, shape: VitShape, tuning: VitTuning) {
    super();
    const { channels, grid, depth, window, globalBlocks, outputs } = shape;
    this.patch_embed = new PatchEmbedding(init, shape);
    this.pos_embed = Tensor.zeros(init.device, [1, ...cube(grid), channels]).asParameter();
    this.blocks = Array.from(
      { length: depth },
      (_, i) => new VitBlock(init, shape, globalBlocks.includes(i) ? null : window, tuning),
    );
    this.neck = [
      new ConvWeights(init, [channels, outputs], 1, false),
      new LayerNorm(init, outputs),
      new ConvWeights(init, [outputs, outputs], 3, false),
      new LayerNorm(init, outputs),
    ];
    if (tuning.isFrozen) this.#freeze();
  }

  /** Leaves only the adapters, the corrections and the neck to train. */
  #freeze(): void {
    for (const [name, tensor] of this.namedTensors()) {
      tensor.requiresGrad = /^neck\.|\.adapter\.|\.lora\./.test(name);
    }
  }

  /**
   * Encodes images `[N,1,D,H,W]`.
   *
   * @returns `[N,outputs,D/p,H/p,W/p]`
   * @throws {ShapeError} `model.patch` when a size is no multiple of the patch; `shape.positions` when the grid is
   * not cubic and the positions are in the form of SAM-Med3D
   */
  forward(images: Tensor): Tensor {
    return scope(() => {
      const embedded = this.patch_embed.forward(images);
      const tokens = embedded.add(this.#positions(embedded.shape.slice(1, 4) as unknown as Triple));
      const seen = this.blocks.reduce((x, block) => block.forward(x), tokens);
      const [reduce, norm1, mix, norm2] = this.neck;
      const reduced = channelNorm(norm1, conv3d(seen.permute([0, 4, 1, 2, 3]), reduce.weight));
      return channelNorm(norm2, conv3d(reduced, mix.weight, null, { padding: 1 }));
    });
  }

  /** The absolute positions for a grid. */
  #positions(grid: Triple): Tensor {
    if (sameShape(this.pos_embed.shape.slice(1, 4), grid)) return this.pos_embed;
    return resize3d(this.pos_embed.permute([0, 4, 1, 2, 3]), grid).permute([0, 2, 3, 4, 1]);
  }
}
