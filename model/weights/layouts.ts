/**
 * What published weight files must hold: every name with its shape.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";
import type { Shape } from "../../tensor/shape.ts";

/** The content of a kind of file. */
export interface Layout {
  /** Name on the command line. */
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  /** Where the weights may be inside the file; the file itself is tried last. */
  readonly roots: readonly string[];
  /** Names that belong here, in the file; the first group is the name in the table. Others are left out. */
  readonly pattern: RegExp;
  /** Names that are expected and left out, within the pattern: what no network here reads. */
  readonly unread: RegExp;
  /** Shape of each tensor, all of which the file must hold. */
  readonly table: ReadonlyMap<string, Shape>;
}

type Row = readonly [name: string, shape: Shape];

function* samMed3dRows(): Generator<Row> {
  yield ["patch_embed.proj.weight", [768, 1, 16, 16, 16]];
  yield ["patch_embed.proj.bias", [768]];
  yield ["pos_embed", [1, 8, 8, 8, 768]];
  for (let i = 0; i < 12; i++) {
    const table = [[2, 5, 8, 11].includes(i) ? 15 : 27, 64];
    for (const norm of ["norm1", "norm2"]) {
      yield [`blocks.${i}.${norm}.weight`, [768]];
      yield [`blocks.${i}.${norm}.bias`, [768]];
    }
    yield [`blocks.${i}.attn.qkv.weight`, [2304, 768]];
    yield [`blocks.${i}.attn.qkv.bias`, [2304]];
    yield [`blocks.${i}.attn.proj.weight`, [768, 768]];
    yield [`blocks.${i}.attn.proj.bias`, [768]];
    for (const axis of ["d", "h", "w"]) yield [`blocks.${i}.attn.rel_pos_${axis}`, table];
    yield [`blocks.${i}.mlp.lin1.weight`, [3072, 768]];
    yield [`blocks.${i}.mlp.lin1.bias`, [3072]];
    yield [`blocks.${i}.mlp.lin2.weight`, [768, 3072]];
    yield [`blocks.${i}.mlp.lin2.bias`, [768]];
  }
  yield ["neck.0.weight", [384, 768, 1, 1, 1]];
  yield ["neck.2.weight", [384, 384, 3, 3, 3]];
  for (const norm of [1, 3]) {
    yield [`neck.${norm}.weight`, [384]];
    yield [`neck.${norm}.bias`, [384]];
  }
}

function* convRows(name: string, inputs: number, outputs: number): Generator<Row> {
  yield [`${name}.conv1.weight`, [outputs, inputs, 3, 3, 3]];
  yield [`${name}.conv1.bias`, [outputs]];
  yield [`${name}.bn1.weight`, [outputs]];
  yield [`${name}.bn1.bias`, [outputs]];
}

/** Channels of a level's two convolutions: before, between, after. */
const downs = { 64: [1, 32, 64], 128: [64, 64, 128], 256: [128, 128, 256], 512: [256, 256, 512] } as const;
/** Channels from below, and of the skip. */
const ups = { 256: [512, 256], 128: [256, 128], 64: [128, 64] } as const;

function* encoderRows(prefix: string): Generator<Row> {
  for (const [level, [inputs, between, outputs]] of Object.entries(downs)) {
    yield* convRows(`${prefix}down_tr${level}.ops.0`, inputs, between);
    yield* convRows(`${prefix}down_tr${level}.ops.1`, between, outputs);
  }
}

function* decoderRows(prefix: string): Generator<Row> {
  for (const [level, [below, skip]] of Object.entries(ups)) {
    yield [`${prefix}up_tr${level}.up_conv.weight`, [below, below, 2, 2, 2]];
    yield [`${prefix}up_tr${level}.up_conv.bias`, [below]];
    yield* convRows(`${prefix}up_tr${level}.ops.0`, below + skip, skip);
    yield* convRows(`${prefix}up_tr${level}.ops.1`, skip, skip);
  }
}

function* releasedRows(): Generator<Row> {
  yield* encoderRows("image_encoder.");
  yield* decoderRows("decoder.");
  yield ["decoder.out_tr.conv.conv.weight", [14, 64, 1, 1, 1]];
  yield ["decoder.out_tr.conv.conv.bias", [14]];
  yield ["MIA_module.gamma", [1]];
  yield* convRows("fusion_layer.layer1", 1024, 512);
  yield* convRows("fusion_layer.layer2", 512, 512);
  yield ["conv3d_convert.0.weight", [1024]];
  yield ["conv3d_convert.0.bias", [1024]];
  yield ["conv3d_convert.2.weight", [512, 1024, 1, 1, 1]];
  yield ["conv3d_convert.2.bias", [512]];
}

const batchStatistics = /\.(running_mean|running_var|num_batches_tracked)$/;

/** Layouts by name. */
export const layouts: Readonly<Record<string, Layout>> = {
  "sam-med3d": {
    name: "sam-med3d",
    summary: "image encoder of SAM-Med3D (vit_b_ori), 189 tensors",
    roots: ["model_state_dict"],
    pattern: /^(?:module\.)?image_encoder\.(.+)$/,
    unread: /^$/,
    table: new Map(samMed3dRows()),
  },
  "universal-unet": {
    name: "universal-unet",
    summary: "U-Net of the CLIP-driven Universal Model, without its head",
    roots: ["net", "state_dict"],
    pattern: /^(?:module\.)?backbone\.(.+)$/,
    unread: new RegExp(`${batchStatistics.source}|^out_tr\\.`),
    table: new Map([...encoderRows(""), ...decoderRows("")]),
  },
  "cmc-released": {
    name: "cmc-released",
    summary: "checkpoint of the authors' released code, 14 classes",
    roots: ["state_dict"],
    pattern: /^(?:module\.)?(.+)$/,
    unread: batchStatistics,
    table: new Map(releasedRows()),
  },
};

/**
 * The layout of a name.
 *
 * @throws {CodedError} `weights.layout` for an unknown name, listing the known ones
 */
export function layoutNamed(name: string): Layout {
  if (Object.hasOwn(layouts, name)) return layouts[name]!;
  throw new CodedError("weights.layout", `there is no layout ${JSON.stringify(name)}`, {
    fix: `Use one of ${Object.keys(layouts).join(", ")}.`,
  });
}
