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

import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, call, type Code, i32, type Local, loop, when } from "./instructions.ts";
import { padCopy, type PaddedLayout, pitchOf, placeOf, planeOf, volumeOf } from "./pad_copy.ts";
import { touch } from "./touch.ts";
import {
  inputPlanes,
  outputPlanes,
  positionBytes,
  positionsOf,
  tilesOf,
  type WinogradShape,
} from "./winograd.ts";
import { addChannelProducts } from "./winograd_products.ts";
import { addInputStage, addOutputStage } from "./winograd_stages.ts";
import { outputBlocks, weightBytes, weightKernel } from "./winograd_weights.ts";

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

function convolveKernel(engine: Engine, shape: WinogradShape, plan: Plan, bias: boolean): Kernel {
  const { depth, groups, inputs, outputs, size } = shape;
  const positions = positionsOf(depth);
  const { layout, planes, rows, columns, block: most, blocks, perInput, perOutput } = plan;
  const [D, H, W] = size;
  const pitch = 16 * most;
  const rowBytes = 4 * pitchOf(layout);
  const key = `winograd ${bias} ${JSON.stringify({ ...shape, samples: 0 })}`;
  return engine.kernel(key, (module) => {
    const inputStage = addInputStage(module, shape, {
      place: (z, y, x) => 4 * placeOf(layout, z, y, x),
      perPosition: perInput,
    });
    const outputStage = addOutputStage(module, shape, { perPosition: perOutput, bias });
    const products = new Map(
      [...new Set(outputBlocks(outputs))].map((count) => [
        count,
        addChannelProducts(module, { inputs, outputs: count, pitch }),
      ]),
    );
    return ({ locals, begin, end, word, thread }) => {
      const [item, plane, first, count, channel, i, vector, row] = locals.locals("i32", 8) as Eight;
      const [volume, group, u, v, m, x, b, y] = locals.locals("i32", 8) as Eight;
      const [bytes, seen] = locals.locals("i32", 2) as [Local, Local];
      /** Runs the body for each channel and each vector of the block, with its row and column. */
      const each = (channels: number, body: (row: Code, column: Code) => Code, advance: Code): Code =>
        loop(
          channel,
          i32.const(0),
          i32.const(channels),
          1,
          block(
            loop(
              i,
              i32.const(0),
              count.get,
              1,
              block(
                vector.set(i32.add(first.get, i.get)),
                row.set(quotient(vector.get, columns)),
                body(row.get, remainder(vector.get, columns)),
              ),
            ),
            advance,
          ),
        );
      return loop(
        item,
        begin,
        end,
        1,
        block(
          plane.set(remainder(quotient(item.get, blocks), planes)),
          first.set(i32.mul(remainder(item.get, blocks), i32.const(most))),
          volume.set(quotient(item.get, planes * blocks)),
          group.set(remainder(volume.get, groups)),
          count.set(i32.sub(i32.const(rows * columns), first.get)),
          when(i32.gtU(count.get, i32.const(most)), count.set(i32.const(most))),
          v.set(addressOf(word(4), [thread, positions * (perInput + perOutput)])),
          m.set(i32.add(v.get, i32.const(positions * perInput))),
          x.set(
            addressOf(word(0), [volume, 4 * inputs * volumeOf(layout)], [
              plane,
              4 * outputPlanes(depth) * planeOf(layout),
            ]),
          ),
          row.set(quotient(first.get, columns)),
          bytes.set(
            i32.sub(quotient(i32.sub(i32.add(first.get, count.get), i32.const(1)), columns), row.get),
          ),
          bytes.set(addressOf(i32.const(4 * rowBytes), [bytes, 2 * rowBytes])),
          loop(
            channel,
            i32.const(0),
            i32.const(inputs),
            1,
            touch(
              { at: i, seen },
              addressOf(x.get, [row, 2 * rowBytes], [channel, 4 * volumeOf(layout)]),
              bytes.get,
              Array.from({ length: inputPlanes(depth) }, (_, z) => 4 * z * planeOf(layout)),
            ),
          ),
          i32.store(m.get, seen.get),
          each(
            inputs,
            (row, column) =>
              call(
                inputStage,
                addressOf(x.get, [row, 2 * rowBytes], [column, 16]),
                addressOf(v.get, [channel, pitch], [i, 16]),
              ),
            x.set(i32.add(x.get, i32.const(4 * volumeOf(layout)))),
          ),
          u.set(addressOf(word(1), [group, positions * weightBytes(shape)])),
          loop(
            i,
            i32.const(0),
            i32.const(positions),
            1,
            block(
              ...outputBlocks(outputs).map((size, o) =>
                call(
                  products.get(size)!,
                  addressOf(v.get, [i, perInput]),
                  addressOf(i32.add(u.get, i32.const(16 * inputs * o)), [i, weightBytes(shape)]),
                  addressOf(i32.add(m.get, i32.const(4 * pitch * o)), [i, perOutput]),
                  count.get,
                )
              ),
            ),
          ),
          b.set(addressOf(word(2), [group, 4 * outputs])),
          y.set(
            addressOf(word(3), [volume, 4 * outputs * D * H * W], [plane, 4 * outputPlanes(depth) * H * W]),
          ),
          each(
            outputs,
            (row, column) =>
              call(
                outputStage,
                addressOf(m.get, [channel, pitch], [i, 16]),
                b.get,
                addressOf(y.get, [row, 8 * W], [column, 32]),
                plane.get,
                row,
                column,
              ),
            block(
              b.set(i32.add(b.get, i32.const(4))),
              y.set(i32.add(y.get, i32.const(4 * D * H * W))),
            ),
          ),
        ),
      );
    };
  });
}

type Eight = [Local, Local, Local, Local, Local, Local, Local, Local];

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
  const { depth, samples, groups, inputs, outputs } = shape;
  const positions = positionsOf(depth);
  const plan = planOf(shape);
  const { layout, planes, blocks, perInput, perOutput } = plan;
  const volumes = samples * groups * inputs;
  engine.withScratch(
    groups * positions * weightBytes(shape),
    (u) =>
      engine.withScratch(
        4 * volumes * volumeOf(layout),
        (padded) =>
          engine.withScratch(engine.threads * positions * (perInput + perOutput), (scratch) => {
            const filters = groups * outputBlocks(outputs).length * inputs;
            engine.launch(weightKernel(engine, shape, isAdjoint), filters, [weight, u]);
            padCopy(engine, layout, volumes, x, padded);
            engine.launch(
              convolveKernel(engine, shape, plan, bias !== 0),
              samples * groups * blocks * planes,
              [padded, u, bias, y, scratch],
            );
          }),
      ),
  );
}
