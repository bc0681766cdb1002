/**
 * conv3d with 3 × 3 × 3 or 1 × 3 × 3 weights and the gradient of its input by Winograd's minimal filtering.
 *
 * Four tiles that are neighbours along x lie in the four lanes of a vector. A work item is a block of vectors
 * of one plane of tiles; it passes through three stages: transform the inputs, `V = Bᵀ d`, to
 * `[position][input][vector]`; multiply, `M = U V`, to `[position][output][vector]`; transform the products,
 * `Y = Aᵀ M`, to voxels.
 *
 * A NaN or an infinity in the input reaches the outputs that read it, and no others; an infinity may become a
 * NaN, since infinities are subtracted from each other.
 *
 * @module
 */

import { type Code, declare, i32, least, type Local, repeat, type Statements, unroll } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { runTogether } from "./joint_launch.ts";
import { padCopy, type PaddedLayout, pitchOf, placeOf, planeOf, volumeOf } from "./pad_copy.ts";
import { prefetch } from "./prefetch.ts";
import {
  inputPlanes,
  outputPlanes,
  positionBytes,
  positionsOf,
  tilesOf,
  type WinogradShape,
} from "./winograd.ts";
import { channelProducts } from "./winograd_products.ts";
import { inputStage, outputStage } from "./winograd_stages.ts";
import { outputBlocks, transformedWeights, weightBytes } from "./winograd_weights.ts";

interface Plan {
  /** The input with zeros around it, even and odd columns apart, up to the end of the last vector's tiles. */
  readonly layout: PaddedLayout;
  /** Planes and rows of tiles, and vectors of a row. */
  readonly planes: number;
  readonly rows: number;
  readonly columns: number;
  /** Vectors of a block, an even number, and blocks of a plane. */
  readonly block: number;
  readonly blocks: number;
  /** Bytes from position to position of transformed inputs and of products. */
  readonly perInput: number;
  readonly perOutput: number;
}

function planOf(shape: WinogradShape): Plan {
  const { depth, inputs, outputs, source, before } = shape;
  const [planes, rows, tiles] = tilesOf(shape);
  const columns = Math.ceil(tiles / 4);
  const layout: PaddedLayout = {
    size: source,
    before,
    planes: outputPlanes(depth) * planes + depth - 1,
    rows: 2 * rows + 2,
    segment: 4 * columns + 4,
    segments: 2,
  };
  // Half a mebibyte of transformed inputs and products fits into the second-level cache beside the weights.
  const fitting = 2 * Math.floor(2 ** 14 / positionsOf(depth) / (inputs + outputs));
  const block = Math.max(2, Math.min(8, fitting, 2 * Math.ceil(rows * columns / 2)));
  return {
    layout,
    planes,
    rows,
    columns,
    block,
    blocks: Math.ceil(rows * columns / block),
    perInput: positionBytes(block * inputs),
    perOutput: positionBytes(block * outputs),
  };
}

type Words<K extends string> = Readonly<Record<K, Local<"i32">>>;

/** Runs a body for each vector of a block of tiles: `i` in the block, at a row and a column of the plane. */
function overBlock(
  { first, count }: Words<"first" | "count">,
  columns: number,
  body: (i: Local<"i32">, row: Local<"i32">, column: Code<"i32">) => Statements,
): Statements {
  const { vector, row } = declare({ vector: "i32", row: "i32" });
  return repeat(count, (i) => [
    vector.set(first.add(i)),
    row.set(vector.div(columns)),
    body(i, row, vector.rem(columns)),
  ]);
}

/** Brings the rows that a block reads into the cache; writes something at `to`. */
function prefetchBlock(
  { x, first, count, to }: Words<"x" | "first" | "count" | "to">,
  { depth, inputs }: WinogradShape,
  { layout, columns }: Plan,
): Statements {
  const rowBytes = 4 * pitchOf(layout);
  const { row, bytes, seen } = declare({ row: "i32", bytes: "i32", seen: "i32" });
  return [
    row.set(first.div(columns)),
    bytes.set(first.add(count).sub(1).div(columns).sub(row).mul(2 * rowBytes).add(4 * rowBytes)),
    repeat(inputs, (channel) =>
      prefetch(
        seen,
        x.add(row.mul(2 * rowBytes)).add(channel.mul(4 * volumeOf(layout))),
        bytes,
        unroll(inputPlanes(depth), (z) => 4 * z * planeOf(layout)),
      )),
    i32.store(to, seen),
  ];
}

/** First stage: inputs to the transformed domain. */
function transformInputs(
  { x, v, first, count }: Words<"x" | "v" | "first" | "count">,
  shape: WinogradShape,
  { layout, columns, block, perInput }: Plan,
): Statements {
  const place = (z: number, y: number, x: number) => 4 * placeOf(layout, z, y, x);
  const transform = inputStage(shape, { place, perPosition: perInput });
  return repeat(shape.inputs, (channel) => [
    overBlock({ first, count }, columns, (i, row, column) =>
      transform({
        source: x.add(row.mul(8 * pitchOf(layout))).add(column.mul(16)),
        target: v.add(channel.mul(16 * block)).add(i.mul(16)),
      })),
    x.increase(4 * volumeOf(layout)),
  ]);
}

/** Second stage: a product of matrices at each position. */
function multiply(
  { u, v, m, count }: Words<"u" | "v" | "m" | "count">,
  shape: WinogradShape,
  { block, perInput, perOutput }: Plan,
): Statements {
  const { depth, inputs, outputs } = shape;
  const pitch = 16 * block;
  const blocks = outputBlocks(outputs);
  const products = new Map(
    [...new Set(blocks)].map((count) => [count, channelProducts({ inputs, outputs: count, pitch })]),
  );
  return repeat(positionsOf(depth), (position) =>
    blocks.map((size, o) =>
      products.get(size)!({
        v: v.add(position.mul(perInput)),
        u: u.add(16 * inputs * o).add(position.mul(weightBytes(shape))),
        m: m.add(4 * pitch * o).add(position.mul(perOutput)),
        count,
      })
    ));
}

/** Last stage: products to voxels. */
function transformOutputs(
  { m, b, y, plane, first, count }: Words<"m" | "b" | "y" | "plane" | "first" | "count">,
  shape: WinogradShape,
  { columns, block, perOutput }: Plan,
  hasBias: boolean,
): Statements {
  const [D, H, W] = shape.size;
  const transform = outputStage(shape, { perPosition: perOutput, hasBias });
  return repeat(shape.outputs, (channel) => [
    overBlock({ first, count }, columns, (i, row, column) =>
      transform({
        m: m.add(channel.mul(16 * block)).add(i.mul(16)),
        bias: b,
        y: y.add(row.mul(8 * W)).add(column.mul(32)),
        plane,
        row,
        column,
      })),
    b.increase(4),
    y.increase(4 * D * H * W),
  ]);
}

/** An item is a block of a plane of tiles of a group of a sample. */
function convolveKernel(engine: Engine, shape: WinogradShape, plan: Plan, hasBias: boolean) {
  const { depth, groups, inputs, outputs, size: [D, H, W] } = shape;
  const { layout, planes, rows, columns, block, blocks, perInput, perOutput } = plan;
  const positions = positionsOf(depth);
  const parameters = { input: "i32", weights: "i32", bias: "i32", output: "i32", scratch: "i32" } as const;
  const key = `winograd ${hasBias} ${JSON.stringify({ ...shape, samples: 0 })}`;
  return engine.compile(key, parameters, ({ input, weights, bias, output, scratch }, { each, thread }) => {
    const { plane, first, count } = declare({ plane: "i32", first: "i32", count: "i32" });
    const { volume, group, x, u } = declare({ volume: "i32", group: "i32", x: "i32", u: "i32" });
    const { v, m, b, y } = declare({ v: "i32", m: "i32", b: "i32", y: "i32" });
    return each((item) => [
      plane.set(item.div(blocks).rem(planes)),
      first.set(item.rem(blocks).mul(block)),
      count.set(least(i32.const(rows * columns).sub(first), block)),
      volume.set(item.div(planes * blocks)),
      group.set(volume.rem(groups)),
      v.set(scratch.add(thread.mul(positions * (perInput + perOutput)))),
      m.set(v.add(positions * perInput)),
      x.set(
        input.add(volume.mul(4 * inputs * volumeOf(layout)))
          .add(plane.mul(4 * outputPlanes(depth) * planeOf(layout))),
      ),
      prefetchBlock({ x, first, count, to: m }, shape, plan),
      transformInputs({ x, v, first, count }, shape, plan),
      u.set(weights.add(group.mul(positions * weightBytes(shape)))),
      multiply({ u, v, m, count }, shape, plan),
      b.set(bias.add(group.mul(4 * outputs))),
      y.set(
        output.add(volume.mul(4 * outputs * D * H * W)).add(plane.mul(4 * outputPlanes(depth) * H * W)),
      ),
      transformOutputs({ m, b, y, plane, first, count }, shape, plan, hasBias),
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
  const positions = positionsOf(depth);
  const plan = planOf(shape);
  const { layout, planes, blocks, perInput, perOutput } = plan;
  const volumes = samples * groups * inputs;
  const bytes = {
    weights: groups * positions * weightBytes(shape),
    input: 4 * volumes * volumeOf(layout),
    scratch: engine.threads * positions * (perInput + perOutput),
  };
  engine.scratch(bytes, ({ weights, input, scratch }) => {
    runTogether(engine, [
      transformedWeights(shape, isAdjoint, weight, weights),
      padCopy(layout, volumes, x, input),
    ]);
    const items = samples * groups * blocks * planes;
    const kernel = convolveKernel(engine, shape, plan, bias !== 0);
    engine.run(kernel, items, { input, weights, bias, output: y, scratch });
  });
}
