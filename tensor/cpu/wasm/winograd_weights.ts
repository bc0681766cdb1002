/**
 * Weights to the transformed domain of a Winograd convolution, and sums of products back to their gradient.
 *
 * @module
 */

import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, call, type Code, f32, f32x4, i32, loop, v128, when } from "./instructions.ts";
import { channelVectors } from "./interleave.ts";
import { type Depth, positionBytes, positionsOf } from "./winograd.ts";
import { along, weightGradientTransform, weightTransform } from "./winograd_transforms.ts";

/** Channels of a group, and taps along z of a filter. */
interface Filters {
  readonly depth: Depth;
  readonly inputs: number;
  readonly outputs: number;
}

/** Output channels of each block; the last may be smaller. */
export function outputBlocks(outputs: number): number[] {
  return Array.from({ length: channelVectors(outputs) }, (_, i) => Math.min(4, outputs - 4 * i));
}

/** Bytes of a group's transformed weights at one position. */
export function weightBytes({ inputs, outputs }: Pick<Filters, "inputs" | "outputs">): number {
  return positionBytes(inputs * channelVectors(outputs));
}

/** Place of tap (z, y, x) in a cube of 4 × 4 × 4. */
const corner = (tap: number): number => 16 * Math.floor(tap / 9) + 4 * (Math.floor(tap / 3) % 3) + tap % 3;
const tapsOf = (depth: Depth): number[] => Array.from({ length: 9 * depth }, (_, tap) => tap);

/**
 * `G g` along each axis: weights to `[group][position][outputs / 4][input][4]`. An item is an input channel of
 * a block of output channels of a group.
 *
 * @param isAdjoint whether the weights are those of the convolution from outputs to inputs: in the gradient of
 * the input the channels change places and the taps run backwards
 */
export function weightKernel(engine: Engine, channels: Filters, isAdjoint: boolean): Kernel {
  const { depth, inputs, outputs } = channels;
  const [taps, positions] = [tapsOf(depth), positionsOf(depth)];
  const filter = taps.length;
  const [perOutput, perInput] = isAdjoint ? [filter, filter * outputs] : [filter * inputs, filter];
  const blocks = outputBlocks(outputs);
  const key = `winograd weights ${[depth, inputs, outputs, isAdjoint]}`;
  return engine.kernel(key, (module) => {
    /** filters(from, to): one filter in each lane. */
    const filters = (count: number) =>
      module.add(`filters${count}`, ["i32", "i32"], (locals, [from, to]) => {
        const cube = locals.locals("v128", positions);
        const spare = locals.local("v128");
        return block(
          ...taps.map((tap) => {
            const value = cube[corner(tap)]!;
            const place = 4 * (isAdjoint ? filter - 1 - tap : tap);
            const lanes = Array.from({ length: count - 1 }, (_, i): Code => {
              const weight = f32.load(from!.get, place + 4 * (i + 1) * perOutput);
              return value.set(f32x4.replace(value.get, i + 1, weight));
            });
            return block(value.set(v128.loadFirst(from!.get, place)), ...lanes);
          }),
          along(2, weightTransform, cube, spare, [depth, 3, 1]),
          along(1, weightTransform, cube, spare, [depth, 1, 4]),
          depth === 3 ? along(0, weightTransform, cube, spare, [1, 4, 4]) : [],
          ...cube.map((value, position) => v128.store(to!.get, value.get, position * weightBytes(channels))),
        );
      });
    const whole = filters(blocks[0]!);
    const rest = blocks.at(-1) === blocks[0] ? whole : filters(blocks.at(-1)!);
    return ({ locals, begin, end, word }) => {
      const [item, group, output, input, from, to] = locals.locals("i32", 6);
      return loop(
        item!,
        begin,
        end,
        1,
        block(
          input!.set(remainder(item!.get, inputs)),
          output!.set(remainder(quotient(item!.get, inputs), blocks.length)),
          group!.set(quotient(item!.get, inputs * blocks.length)),
          from!.set(addressOf(
            word(0),
            [group!, 4 * filter * inputs * outputs],
            [output!, 16 * perOutput],
            [input!, 4 * perInput],
          )),
          to!.set(addressOf(
            word(1),
            [group!, positions * weightBytes(channels)],
            [output!, 16 * inputs],
            [input!, 16],
          )),
          when(
            i32.ltU(output!.get, i32.const(blocks.length - 1)),
            call(whole, from!.get, to!.get),
            call(rest, from!.get, to!.get),
          ),
        ),
      );
    };
  });
}

/** Bytes of a group's sums at one position, `[output][inputs / 4][4]`, outputs filled up to four. */
export function sumBytes({ inputs, outputs }: Pick<Filters, "inputs" | "outputs">): number {
  return positionBytes(4 * channelVectors(inputs) * channelVectors(outputs));
}

/**
 * Adds the parts, `[part][group][position]` of sums, and transforms them to weights: `Gᵀ m` along each axis. An
 * item is an output channel and four input channels.
 */
export function weightGradientKernel(
  engine: Engine,
  channels: Filters,
  { groups, parts }: { groups: number; parts: number },
): Kernel {
  const { depth, inputs, outputs } = channels;
  const [taps, positions] = [tapsOf(depth), positionsOf(depth)];
  const filter = taps.length;
  const vectors = channelVectors(inputs);
  const key = `winograd weight gradient ${[depth, inputs, outputs, groups, parts]}`;
  return engine.kernel(key, (module) => {
    /** filters(from, to): one filter in each lane. */
    const filters = (count: number) =>
      module.add(`filters${count}`, ["i32", "i32"], (locals, [from, to]) => {
        const cube = locals.locals("v128", positions);
        const spare = locals.local("v128");
        const part = locals.local("i32");
        return block(
          ...cube.map((sum) => sum.set(v128.zero)),
          loop(
            part,
            i32.const(0),
            i32.const(parts),
            1,
            block(
              ...cube.map((sum, position) =>
                sum.set(f32x4.add(sum.get, v128.load(from!.get, position * sumBytes(channels))))
              ),
              from!.set(i32.add(from!.get, i32.const(groups * positions * sumBytes(channels)))),
            ),
          ),
          depth === 3 ? along(0, weightGradientTransform, cube, spare, [1, 4, 4]) : [],
          along(1, weightGradientTransform, cube, spare, [depth, 1, 4]),
          along(2, weightGradientTransform, cube, spare, [depth, 3, 1]),
          ...taps.flatMap((tap) =>
            Array.from({ length: count }, (_, lane) => {
              const value = f32x4.extract(cube[corner(tap)]!.get, lane);
              return f32.store(to!.get, value, 4 * (filter * lane + tap));
            })
          ),
        );
      });
    const whole = filters(Math.min(4, inputs));
    const rest = inputs % 4 === 0 || inputs < 4 ? whole : filters(inputs % 4);
    return ({ locals, begin, end, word }) => {
      const [item, group, output, input, from, to] = locals.locals("i32", 6);
      return loop(
        item!,
        begin,
        end,
        1,
        block(
          input!.set(remainder(item!.get, vectors)),
          output!.set(remainder(quotient(item!.get, vectors), outputs)),
          group!.set(quotient(item!.get, vectors * outputs)),
          from!.set(addressOf(
            word(0),
            [group!, positions * sumBytes(channels)],
            [output!, 16 * vectors],
            [input!, 16],
          )),
          to!.set(addressOf(
            word(1),
            [group!, 4 * filter * inputs * outputs],
            [output!, 4 * filter * inputs],
            [input!, 16 * filter],
          )),
          when(
            i32.ltU(input!.get, i32.const(vectors - 1)),
            call(whole, from!.get, to!.get),
            call(rest, from!.get, to!.get),
          ),
        ),
      );
    };
  });
}
