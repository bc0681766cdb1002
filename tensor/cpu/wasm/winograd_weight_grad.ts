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

import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, call, type Code, i32, type Local, loop, v128, when } from "./instructions.ts";
import { channelVectors, interleave, interleavedBytes, type InterleavedLayout } from "./interleave.ts";
import { touch } from "./touch.ts";
import {
  inputPlanes,
  outputPlanes,
  positionBytes,
  positionsOf,
  tilesOf,
  type WinogradShape,
} from "./winograd.ts";
import { addTileProducts } from "./winograd_products.ts";
import { addGradientStage, addInputStage, type Place } from "./winograd_stages.ts";
import { sumBytes, weightGradientKernel } from "./winograd_weights.ts";

interface Plan {
  /** Where inputs and the gradients of outputs lie. */
  readonly inputs: InterleavedLayout;
  readonly outputs: InterleavedLayout;
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

/** Places in tiles of an interleaved layout. */
const placeIn = ({ padded: [, rows, columns] }: InterleavedLayout): Place => (z, y, x) =>
  16 * ((z * rows + y) * columns + x);

type Eight = [Local, Local, Local, Local, Local, Local, Local, Local];

function sumKernel(engine: Engine, shape: WinogradShape, plan: Plan): Kernel {
  const { depth, groups } = shape;
  const positions = positionsOf(depth);
  const { total, block: most, blocks, parts, slice, slices, perInput, perOutput } = plan;
  const [planes, rows, columns] = tilesOf(shape);
  const [ins, outs] = [channelVectors(shape.inputs), channelVectors(shape.outputs)];
  const perPosition = sumBytes(shape);
  return engine.kernel(`winograd weight gradient sums ${JSON.stringify(shape)}`, (module) => {
    const inputStage = addInputStage(module, shape, { place: placeIn(plan.inputs), perPosition: perInput });
    const gradientStage = addGradientStage(module, shape, {
      place: placeIn(plan.outputs),
      perPosition: perOutput,
    });
    const products = addTileProducts(module, { vectors: ins, outputs: slice });
    return ({ locals, begin, end, word, thread }) => {
      const [item, part, group, output, last, chunk, chunkEnd, first] = locals.locals("i32", 8) as Eight;
      const [count, channel, tile, v, g, sums, position, i] = locals.locals("i32", 8) as Eight;
      const [source, target, bytes, seen] = locals.locals("i32", 4) as Eight;
      /** Sets the address of a tile's voxels in a vector of channels. */
      const find = (tile: Code, layout: InterleavedLayout, from: Code, channel: Code): Code => {
        const place = placeIn(layout);
        const volumes = channelVectors(layout.channels);
        return block(
          // Neighbouring tiles are neighbours along x, then along y: they read the same rows.
          i.set(tile),
          source.set(addressOf(
            from,
            [quotient(i.get, columns * rows * planes), groups * volumes * interleavedBytes(layout)],
            [group, volumes * interleavedBytes(layout)],
            [channel, interleavedBytes(layout)],
            [remainder(quotient(i.get, columns * rows), planes), place(outputPlanes(depth), 0, 0)],
            [remainder(quotient(i.get, columns), rows), place(0, 2, 0)],
            [remainder(i.get, columns), place(0, 0, 2)],
          )),
        );
      };
      /** Transforms the block's tiles of the vectors of channels from `start` to `end`. */
      const transform = (
        stage: number,
        layout: InterleavedLayout,
        { from, start, end, to, pitch, planes, reach }: {
          from: Code;
          start: Code;
          end: Code;
          to: Code;
          pitch: number;
          /** Voxels of a tile along z, and along y and x. */
          planes: number;
          reach: number;
        },
      ): Code => {
        const place = placeIn(layout);
        const planesRead = Array.from({ length: planes }, (_, z) => place(z, 0, 0));
        return block(
          find(first.get, layout, from, start),
          bytes.set(addressOf(
            i32.const(place(0, reach, 0)),
            [
              i32.sub(
                quotient(i32.sub(i32.add(first.get, count.get), i32.const(1)), columns),
                quotient(first.get, columns),
              ),
              place(0, 2, 0),
            ],
          )),
          loop(
            channel,
            start,
            end,
            1,
            block(
              touch({ at: i, seen }, source.get, bytes.get, planesRead),
              source.set(i32.add(source.get, i32.const(interleavedBytes(layout)))),
            ),
          ),
          i32.store(to, seen.get),
          loop(
            tile,
            i32.const(0),
            count.get,
            1,
            block(
              find(i32.add(first.get, tile.get), layout, from, start),
              target.set(addressOf(to, [tile, pitch])),
              loop(
                channel,
                start,
                end,
                1,
                block(
                  call(stage, source.get, target.get),
                  source.set(i32.add(source.get, i32.const(interleavedBytes(layout)))),
                  target.set(i32.add(target.get, i32.const(16))),
                ),
              ),
            ),
          ),
        );
      };
      return loop(
        item,
        begin,
        end,
        1,
        block(
          output.set(i32.mul(remainder(item.get, slices), i32.const(slice))),
          last.set(i32.add(output.get, i32.const(slice))),
          when(i32.gtU(last.get, i32.const(outs)), last.set(i32.const(outs))),
          group.set(remainder(quotient(item.get, slices), groups)),
          part.set(quotient(item.get, slices * groups)),
          v.set(addressOf(word(3), [thread, positions * (perInput + perOutput)])),
          g.set(i32.add(v.get, i32.const(positions * perInput))),
          sums.set(addressOf(
            word(2),
            [part, groups * positions * perPosition],
            [group, positions * perPosition],
          )),
          loop(
            position,
            i32.const(0),
            i32.const(positions),
            1,
            loop(
              i,
              i32.mul(output.get, i32.const(64 * ins)),
              i32.mul(last.get, i32.const(64 * ins)),
              16,
              v128.store(addressOf(i32.add(sums.get, i.get), [position, perPosition]), v128.zero),
            ),
          ),
          chunkEnd.set(quotient(i32.mul(i32.add(part.get, i32.const(1)), i32.const(blocks)), parts)),
          loop(
            chunk,
            quotient(i32.mul(part.get, i32.const(blocks)), parts),
            chunkEnd.get,
            1,
            block(
              first.set(i32.mul(chunk.get, i32.const(most))),
              count.set(i32.sub(i32.const(total), first.get)),
              when(i32.gtU(count.get, i32.const(most)), count.set(i32.const(most))),
              transform(inputStage, plan.inputs, {
                from: word(0),
                start: i32.const(0),
                end: i32.const(ins),
                to: v.get,
                pitch: 16 * ins,
                planes: inputPlanes(depth),
                reach: 4,
              }),
              transform(gradientStage, plan.outputs, {
                from: word(1),
                start: output.get,
                end: last.get,
                to: g.get,
                pitch: 16 * slice,
                planes: outputPlanes(depth),
                reach: 2,
              }),
              loop(
                position,
                i32.const(0),
                i32.const(positions),
                1,
                loop(
                  channel,
                  output.get,
                  last.get,
                  1,
                  call(
                    products,
                    addressOf(v.get, [position, perInput]),
                    addressOf(g.get, [position, perOutput], [i32.sub(channel.get, output.get), 16]),
                    addressOf(sums.get, [position, perPosition], [channel, 64 * ins]),
                    count.get,
                  ),
                ),
              ),
            ),
          ),
        ),
      );
    };
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
  const bytes = (layout: InterleavedLayout) =>
    samples * groups * channelVectors(layout.channels) * interleavedBytes(layout);
  engine.withScratch(
    bytes(plan.inputs),
    (padded) =>
      engine.withScratch(
        bytes(plan.outputs),
        (gradients) =>
          engine.withScratch(parts * groups * positions * sumBytes(shape), (sums) =>
            engine.withScratch(engine.threads * positions * (perInput + perOutput), (scratch) => {
              interleave(engine, plan.inputs, samples * groups, x, padded);
              interleave(engine, plan.outputs, samples * groups, g, gradients);
              const items = parts * groups * slices;
              engine.launch(sumKernel(engine, shape, plan), items, [padded, gradients, sums, scratch]);
              const finish = weightGradientKernel(engine, shape, { groups, parts });
              engine.launch(finish, groups * outputs * channelVectors(inputs), [sums, out]);
            })),
      ),
  );
}
