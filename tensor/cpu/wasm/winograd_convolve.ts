/**
 * conv3d with 3 × 3 × 3 or 1 × 3 × 3 weights and the gradient of its input by Winograd's minimal filtering.
 *
 * A work item is a block of tiles; it passes through three stages: transform the inputs, `V = Bᵀ d`, to
 * `[position][tile][inputs / 4][4]`; multiply, `M = V U`, to `[position][tile][outputs / 4][4]`; transform the
 * products, `Y = Aᵀ M`, to voxels.
 *
 * A NaN or an infinity in the input reaches the outputs that read it, maybe others of the same tile, and no more;
 * an infinity may become a NaN, since infinities are subtracted from each other.
 *
 * @module
 */

import { blockChannels, blockedBytes, channelVectors } from "./blocked_layout.ts";
import { declare, i32, least, loop, repeat, type Statements } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { runTogether } from "./joint_launch.ts";
import {
  positionBytes,
  positionPlanes,
  positionsOf,
  tileSize,
  tilesOf,
  type WinogradShape,
} from "./winograd.ts";
import { channelProducts } from "./winograd_products.ts";
import { inputStage, outputStage } from "./winograd_stages.ts";
import {
  inputLayout,
  offsetIn,
  type Stage,
  tilePlace,
  transformBlock,
  type Words,
} from "./winograd_tiles.ts";
import { transformedWeights, weightBytes } from "./winograd_weights.ts";

interface Plan {
  /** Tiles of all samples, of a block, and blocks. */
  readonly total: number;
  readonly block: number;
  readonly blocks: number;
  /** Bytes from position to position of transformed inputs and of products. */
  readonly perInput: number;
  readonly perOutput: number;
}

function planOf(shape: WinogradShape): Plan {
  const { depth, samples, inputs, outputs } = shape;
  const [planes, rows, columns] = tilesOf(shape);
  const [ins, outs] = [channelVectors(inputs), channelVectors(outputs)];
  const total = samples * planes * rows * columns;
  // Half a mebibyte of transformed inputs and products fits into the second-level cache beside the weights.
  const fitting = 4 * Math.floor(2 ** 13 / positionsOf(depth) / (ins + outs));
  // At least eight items where there are as many fours of tiles.
  const block = Math.max(4, Math.min(32, fitting, 4 * Math.ceil(total / 32)));
  return {
    total,
    block,
    blocks: Math.ceil(total / block),
    perInput: positionBytes(block * ins),
    perOutput: positionBytes(block * outs),
  };
}

/** Second stage: a product of matrices at each position. */
function multiply(
  { u, v, m, count }: Words<"u" | "v" | "m" | "count">,
  shape: WinogradShape,
  { perInput, perOutput }: Plan,
): Statements {
  const { depth, inputs, outputs } = shape;
  const vectors = channelVectors(outputs);
  const [pair, single] = ([2, 1] as const).map((width) => channelProducts({ inputs, vectors }, width));
  const at = (vector: number) => ({ v: from, u: by.add(16 * vector), m: to.add(16 * vector), tiles: count });
  const { from, by, to } = declare({ from: "i32", by: "i32", to: "i32" });
  return repeat(positionsOf(depth), (position) => [
    from.set(v.add(position.mul(perInput))),
    by.set(u.add(position.mul(weightBytes(shape)))),
    to.set(m.add(position.mul(perOutput))),
    repeat(vectors >> 1, () => [pair!(at(0)), by.increase(32), to.increase(32)]),
    vectors % 2 === 1 ? single!(at(0)) : [],
  ]);
}

/** Last stage: products to voxels. */
function transformOutputs(
  { m, b, y, group, first, count }: Words<"m" | "b" | "y" | "group" | "first" | "count">,
  shape: WinogradShape,
  { perOutput }: Plan,
  hasBias: boolean,
): Statements {
  const { depth, groups, outputs, size: [D, H, W] } = shape;
  const [tilePlanes, tileRows, tileColumns] = tileSize(depth);
  const vectors = channelVectors(outputs);
  const transform = outputStage(shape, { perPosition: perOutput, hasBias });
  const { index, target, from } = declare({ index: "i32", target: "i32", from: "i32" });
  const { planes, rows, columns } = declare({ planes: "i32", rows: "i32", columns: "i32" });
  const { sample, plane, row, column } = tilePlace(shape, index);
  return repeat(count, (tile) => [
    index.set(first.add(tile)),
    target.set(
      y.add(sample.mul(groups).add(group).mul(4 * outputs * D * H * W))
        .add(plane.mul(4 * tilePlanes * H * W)).add(row.mul(4 * tileRows * W)).add(
          column.mul(4 * tileColumns),
        ),
    ),
    planes.set(i32.const(D).sub(plane.mul(tilePlanes))),
    rows.set(i32.const(H).sub(row.mul(tileRows))),
    columns.set(i32.const(W).sub(column.mul(tileColumns))),
    from.set(m.add(tile.mul(16 * vectors))),
    loop(0, outputs, 4, (channel) => [
      transform({
        m: from,
        bias: b.add(channel.mul(4)),
        y: target,
        ...{ planes, rows, columns, channels: i32.const(outputs).sub(channel) },
      }),
      from.increase(16),
      target.increase(16 * D * H * W),
    ]),
  ]);
}

/** An item is a block of tiles of a group. */
function convolveKernel(engine: Engine, shape: WinogradShape, plan: Plan, hasBias: boolean) {
  const { depth, inputs, outputs } = shape;
  const { total, block, blocks, perInput, perOutput } = plan;
  const [positions, layout, ins] = [positionsOf(depth), inputLayout(shape), channelVectors(inputs)];
  const parameters = { x: "i32", weights: "i32", bias: "i32", y: "i32", scratch: "i32" } as const;
  const key = `winograd ${hasBias} ${JSON.stringify(shape)}`;
  return engine.compile(key, parameters, ({ x, weights, bias, y, scratch }, { each, thread }) => {
    const { group, first, count } = declare({ group: "i32", first: "i32", count: "i32" });
    const { u, v, m, b } = declare({ u: "i32", v: "i32", m: "i32", b: "i32" });
    const stage: Stage = {
      ...{ layout, from: x, channels: [0, ins], to: v, pitch: 16 * ins },
      reads: [positionPlanes(shape.depth), 6],
      transform: inputStage(shape, { offset: offsetIn(layout), perPosition: perInput }),
    };
    return each((item) => [
      group.set(item.div(blocks)),
      first.set(item.rem(blocks).mul(block)),
      count.set(least(i32.const(total).sub(first), block)),
      v.set(scratch.add(thread.mul(positions * (perInput + perOutput)))),
      m.set(v.add(positions * perInput)),
      u.set(weights.add(group.mul(positions * weightBytes(shape)))),
      b.set(bias.add(group.mul(4 * outputs))),
      transformBlock(shape, stage, { group, first, count }),
      multiply({ u, v, m, count }, shape, plan),
      transformOutputs({ m, b, y, group, first, count }, shape, plan, hasBias),
    ]);
  });
}

/**
 * Convolves x with a weight, adds a bias where its address is not 0, and writes y.
 *
 * @param isAdjoint whether the shape is an {@link adjoint}, and the weight that of the original
 */
export function winogradConvolve(
  engine: Engine,
  shape: WinogradShape,
  { x, weight, bias, y, isAdjoint }: {
    x: number;
    weight: number;
    bias: number;
    y: number;
    isAdjoint: boolean;
  },
): void {
  const { depth, samples, groups, inputs } = shape;
  const [positions, layout, plan] = [positionsOf(depth), inputLayout(shape), planOf(shape)];
  const bytes = {
    weights: groups * positions * weightBytes(shape),
    blocked: samples * groups * channelVectors(inputs) * blockedBytes(layout),
    scratch: engine.threads * positions * (plan.perInput + plan.perOutput),
  };
  engine.scratch(bytes, ({ weights, blocked, scratch }) => {
    runTogether(engine, [
      transformedWeights(shape, isAdjoint, weight, weights),
      blockChannels(layout, samples * groups, x, blocked),
    ]);
    const kernel = convolveKernel(engine, shape, plan, bias !== 0);
    engine.run(kernel, groups * plan.blocks, { x: blocked, weights, bias, y, scratch });
  });
}
