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

import { blockChannels, blockedBytes, channelVectors } from "./blocked_layout.ts";
import { declare, i32, least, loop, repeat } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { runTogether } from "./joint_launch.ts";
import {
  outputPlanes,
  positionBytes,
  positionPlanes,
  positionsOf,
  tilesOf,
  type WinogradShape,
} from "./winograd.ts";
import { tileProducts } from "./winograd_products.ts";
import { gradientStage, inputStage } from "./winograd_stages.ts";
import {
  gradientLayout,
  inputLayout,
  offsetIn,
  type Stage,
  transformBlock,
  type Words,
} from "./winograd_tiles.ts";
import { sumBytes, weightGradientKernel } from "./winograd_weights.ts";

interface Plan {
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
  const { depth, samples, groups, inputs, outputs } = shape;
  const positions = positionsOf(depth);
  const [planes, rows, columns] = tilesOf(shape);
  const [ins, outs] = [channelVectors(inputs), channelVectors(outputs)];
  const total = samples * planes * rows * columns;
  // Half a mebibyte of transformed tiles stays in the second-level cache.
  const fittingTiles = 4 * Math.floor(2 ** 13 / positions / (ins + outs));
  const block = Math.min(total, Math.max(16, Math.min(64, fittingTiles)));
  const blocks = Math.ceil(total / block);
  // Enough items for many threads: parts of the tiles while their sums are small, else slices of channels.
  const fitting = Math.floor(2 ** 23 / (groups * positions * sumBytes(shape)));
  const parts = Math.max(1, Math.min(16, Math.ceil(blocks / 4), fitting));
  const slice = Math.ceil(outs / Math.ceil(4 / parts));
  return {
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

/** The stages of inputs and of gradients. */
function stagesOf(
  shape: WinogradShape,
  plan: Plan,
  { x, g, v, u, from, to }: Words<"x" | "g" | "v" | "u" | "from" | "to">,
): readonly [Stage, Stage] {
  const { perInput, perOutput, slice } = plan;
  const [inputs, outputs, ins] = [inputLayout(shape), gradientLayout(shape), channelVectors(shape.inputs)];
  return [{
    ...{ layout: inputs, from: x, channels: [0, ins], to: v, pitch: 16 * ins },
    reads: [positionPlanes(shape.depth), 6],
    transform: inputStage(shape, { offset: offsetIn(inputs), perPosition: perInput }),
  }, {
    ...{ layout: outputs, from: g, channels: [from, to], to: u, pitch: 16 * slice },
    reads: [outputPlanes(shape.depth), 4],
    transform: gradientStage(shape, { offset: offsetIn(outputs), perPosition: perOutput }),
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
              isFirst: chunk.eq(part.mul(blocks).div(parts)),
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
  const layouts = { x: inputLayout(shape), g: gradientLayout(shape) };
  const bytesOf = (name: "x" | "g") =>
    samples * groups * channelVectors(layouts[name].channels) * blockedBytes(layouts[name]);
  const bytes = {
    x: bytesOf("x"),
    g: bytesOf("g"),
    allSums: parts * groups * positions * sumBytes(shape),
    scratch: engine.threads * positions * (perInput + perOutput),
  };
  engine.scratch(bytes, (places) => {
    runTogether(engine, [
      blockChannels(layouts.x, samples * groups, x, places.x),
      blockChannels(layouts.g, samples * groups, g, places.g),
    ]);
    engine.run(sumKernel(engine, shape, plan), parts * groups * slices, places);
    const finish = weightGradientKernel(engine, shape, { groups, parts });
    const filters = groups * outputs * channelVectors(inputs);
    engine.run(finish, filters, { sums: places.allSums, out });
  });
}
