/**
 * The weight gradient of conv3d with 3 × 3 × 3 or 1 × 3 × 3 weights in Winograd's transformed domain:
 * `dW = Gᵀ[Σ (A dY) ⊙ (Bᵀ d)]`, summed over the tiles before the last transform.
 *
 * The four lanes of a vector are four channels of one tile, so the sum over the tiles is a product of
 * matrices at each position. A work item is a part of the tiles and a slice of the output channels,
 * with sums of its own; the parts are added in a fixed order.
 *
 * A NaN or an infinity may make NaN of all taps of its pairs of channels.
 *
 * @module
 */

import { blockChannels, blockedBytes, type BlockedLayout, channelVectors } from "./blocked_layout.ts";
import {
  type Code,
  declare,
  f32x4,
  i32,
  least,
  type Local,
  loop,
  type Operand,
  repeat,
  type Statements,
  unroll,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { runTogether } from "./joint_launch.ts";
import { prefetch } from "./prefetch.ts";
import {
  inputPlanes,
  outputPlanes,
  positionBytes,
  positionsOf,
  tilesOf,
  type WinogradShape,
} from "./winograd.ts";
import { tileProducts } from "./winograd_products.ts";
import { gradientStage, inputStage, type Place } from "./winograd_stages.ts";
import { sumBytes, weightGradientKernel } from "./winograd_weights.ts";

interface Plan {
  /** Where inputs and the gradients of outputs lie. */
  readonly inputs: BlockedLayout;
  readonly outputs: BlockedLayout;
  /** Tiles of all samples, of a block, and blocks. */
  readonly total: number;
  readonly block: number;
  readonly blocks: number;
  /** Blocks are dealt out to so many parts. */
  readonly parts: number;
  /** Vectors of output channels of a slice, and slices. */
  readonly slice: number;
  readonly slices: number;
  /** Bytes from position to position of transformed inputs and gradients. */
  readonly perInput: number;
  readonly perOutput: number;
}

function planOf(shape: WinogradShape): Plan {
  const { depth, samples, groups, inputs, outputs, source, before, size } = shape;
  const positions = positionsOf(depth);
  const [planes, rows, columns] = tilesOf(shape);
  const [ins, outs] = [channelVectors(inputs), channelVectors(outputs)];
  const total = samples * planes * rows * columns;
  // Half a mebibyte of transformed tiles stays in the second-level cache.
  const fittingTiles = 4 * Math.floor(2 ** 12 / positions / (ins + outs));
  const block = Math.min(total, Math.max(16, Math.min(32, fittingTiles)));
  const blocks = Math.ceil(total / block);
  // Enough items for many threads: parts of the tiles while their sums are small, else slices of channels.
  const fitting = Math.floor(2 ** 23 / (groups * positions * sumBytes(shape)));
  const parts = Math.max(1, Math.min(32, Math.ceil(blocks / 4), fitting));
  const slice = Math.ceil(outs / Math.ceil(8 / parts));
  return {
    inputs: {
      channels: inputs,
      size: source,
      before,
      padded: [outputPlanes(depth) * planes + depth - 1, 2 * rows + 2, 2 * columns + 2],
    },
    outputs: {
      channels: outputs,
      size,
      before: [0, 0, 0],
      padded: [outputPlanes(depth) * planes, 2 * rows, 2 * columns],
    },
    total,
    block,
    blocks,
    parts,
    slice,
    slices: Math.ceil(outs / slice),
    perInput: positionBytes(block * ins),
    perOutput: positionBytes(block * slice),
  };
}

/** Places in tiles of a blocked layout. */
const placeIn = ({ padded: [, rows, columns] }: BlockedLayout): Place => (z, y, x) =>
  16 * ((z * rows + y) * columns + x);

type Words<K extends string> = Readonly<Record<K, Local<"i32">>>;

/** What a stage transforms: tiles of an array in the blocked layout. */
interface Stage {
  readonly layout: BlockedLayout;
  readonly transform: (inputs: { source: Operand<"i32">; target: Operand<"i32"> }) => Statements;
  /** Planes of a tile, and rows and columns. */
  readonly planes: number;
  readonly reach: number;
  /** The array, and the vectors of channels of which a block's tiles are transformed. */
  readonly from: Local<"i32">;
  readonly channels: readonly [first: Operand<"i32">, last: Operand<"i32">];
  /** Where transformed tiles go, and bytes from tile to tile. */
  readonly to: Local<"i32">;
  readonly pitch: number;
}

/** Sets the address of a tile's voxels in a vector of channels. */
function findTile(
  shape: WinogradShape,
  { layout, from, channels: [channel] }: Stage,
  { source, group }: Words<"source" | "group">,
  tile: Code<"i32">,
): Statements {
  const [planes, rows, columns] = tilesOf(shape);
  const { index } = declare({ index: "i32" });
  const [place, volumes] = [placeIn(layout), channelVectors(layout.channels)];
  const vector = typeof channel === "number" ? i32.const(channel) : channel;
  return [
    // Neighbouring tiles are neighbours along x, then along y: they read the same rows.
    index.set(tile),
    source.set(
      from.add(index.div(columns * rows * planes).mul(shape.groups * volumes * blockedBytes(layout)))
        .add(group.mul(volumes * blockedBytes(layout)))
        .add(vector.mul(blockedBytes(layout)))
        .add(index.div(columns * rows).rem(planes).mul(place(outputPlanes(shape.depth), 0, 0)))
        .add(index.div(columns).rem(rows).mul(place(0, 2, 0)))
        .add(index.rem(columns).mul(place(0, 0, 2))),
    ),
  ];
}

/** Brings what a block of tiles reads into the cache, then transforms it. */
function transformBlock(
  shape: WinogradShape,
  stage: Stage,
  { group, first, count }: Words<"group" | "first" | "count">,
): Statements {
  const { layout, transform, planes, reach, channels: [start, end], to, pitch } = stage;
  const [, , columns] = tilesOf(shape);
  const place = placeIn(layout);
  const { source, target, bytes, seen } = declare({
    source: "i32",
    target: "i32",
    bytes: "i32",
    seen: "i32",
  });
  const rowsApart = first.add(count).sub(1).div(columns).sub(first.div(columns));
  return [
    findTile(shape, stage, { source, group }, first),
    bytes.set(rowsApart.mul(place(0, 2, 0)).add(place(0, reach, 0))),
    loop(start, end, 1, () => [
      prefetch(seen, source, bytes, unroll(planes, (z) => place(z, 0, 0))),
      source.increase(blockedBytes(layout)),
    ]),
    i32.store(to, seen),
    repeat(count, (tile) => [
      findTile(shape, stage, { source, group }, first.add(tile)),
      target.set(to.add(tile.mul(pitch))),
      loop(start, end, 1, () => [
        transform({ source, target }),
        source.increase(blockedBytes(layout)),
        target.increase(16),
      ]),
    ]),
  ];
}

/** The stages of inputs and of gradients. */
function stagesOf(
  shape: WinogradShape,
  plan: Plan,
  { x, g, v, u, from, to }: Words<"x" | "g" | "v" | "u" | "from" | "to">,
): readonly [Stage, Stage] {
  const { inputs, outputs, perInput, perOutput, slice } = plan;
  const ins = channelVectors(shape.inputs);
  return [{
    ...{ layout: inputs, planes: inputPlanes(shape.depth), reach: 4, from: x, to: v, pitch: 16 * ins },
    channels: [0, ins],
    transform: inputStage(shape, { place: placeIn(inputs), perPosition: perInput }),
  }, {
    ...{ layout: outputs, planes: outputPlanes(shape.depth), reach: 2, from: g, to: u, pitch: 16 * slice },
    channels: [from, to],
    transform: gradientStage(shape, { place: placeIn(outputs), perPosition: perOutput }),
  }];
}

/** An item is a part of the tiles and a slice of a group's output channels, vectors `from` to `to`. */
function sumKernel(engine: Engine, shape: WinogradShape, plan: Plan) {
  const { depth, groups } = shape;
  const { total, block, blocks, parts, slice, slices, perInput, perOutput } = plan;
  const [ins, outs] = [channelVectors(shape.inputs), channelVectors(shape.outputs)];
  const [positions, perPosition] = [positionsOf(depth), sumBytes(shape)];
  const parameters = { x: "i32", g: "i32", allSums: "i32", scratch: "i32" } as const;
  const key = `winograd weight gradient sums ${JSON.stringify(shape)}`;
  return engine.compile(key, parameters, ({ x, g, allSums, scratch }, { each, thread }) => {
    const { part, group, from, to } = declare({ part: "i32", group: "i32", from: "i32", to: "i32" });
    const { v, u, sums, first, count } = declare({
      v: "i32",
      u: "i32",
      sums: "i32",
      first: "i32",
      count: "i32",
    });
    const stages = stagesOf(shape, plan, { x, g, v, u, from, to });
    const products = tileProducts({ vectors: ins, outputs: slice });
    return each((item) => [
      from.set(item.rem(slices).mul(slice)),
      to.set(least(from.add(slice), outs)),
      group.set(item.div(slices).rem(groups)),
      part.set(item.div(slices * groups)),
      v.set(scratch.add(thread.mul(positions * (perInput + perOutput)))),
      u.set(v.add(positions * perInput)),
      sums.set(allSums.add(part.mul(groups).add(group).mul(positions * perPosition))),
      repeat(
        positions,
        (position) =>
          loop(
            from.mul(64 * ins),
            to.mul(64 * ins),
            16,
            (at) => f32x4.store(sums.add(at).add(position.mul(perPosition)), 0),
          ),
      ),
      loop(part.mul(blocks).div(parts), part.add(1).mul(blocks).div(parts), 1, (chunk) => [
        first.set(chunk.mul(block)),
        count.set(least(i32.const(total).sub(first), block)),
        stages.map((stage) => transformBlock(shape, stage, { group, first, count })),
        repeat(positions, (position) =>
          loop(from, to, 1, (channel) =>
            products({
              v: v.add(position.mul(perInput)),
              g: u.add(position.mul(perOutput)).add(channel.sub(from).mul(16)),
              target: sums.add(position.mul(perPosition)).add(channel.mul(64 * ins)),
              tiles: count,
            }))),
      ]),
    ]);
  });
}

/** `[O,I/groups,3,3,3]` from x and the gradient of the output. */
export function winogradWeightGrad(
  engine: Engine,
  shape: WinogradShape,
  { x, g, out }: { x: number; g: number; out: number },
): void {
  const { depth, samples, groups, inputs, outputs } = shape;
  const positions = positionsOf(depth);
  const plan = planOf(shape);
  const { parts, slices, perInput, perOutput } = plan;
  const bytesOf = (layout: BlockedLayout) =>
    samples * groups * channelVectors(layout.channels) * blockedBytes(layout);
  const bytes = {
    x: bytesOf(plan.inputs),
    g: bytesOf(plan.outputs),
    allSums: parts * groups * positions * sumBytes(shape),
    scratch: engine.threads * positions * (perInput + perOutput),
  };
  engine.scratch(bytes, (places) => {
    runTogether(engine, [
      blockChannels(plan.inputs, samples * groups, x, places.x),
      blockChannels(plan.outputs, samples * groups, g, places.g),
    ]);
    engine.run(sumKernel(engine, shape, plan), parts * groups * slices, places);
    const finish = weightGradientKernel(engine, shape, { groups, parts });
    const filters = groups * outputs * channelVectors(inputs);
    engine.run(finish, filters, { sums: places.allSums, out });
  });
}
