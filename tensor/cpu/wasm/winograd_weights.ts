/**
 * Weights to the transformed domain of a Winograd convolution, and sums of products back to their gradient.
 *
 * @module
 */

import { channelVectors } from "./blocked_layout.ts";
import { declare, f32, f32x4, procedure, repeat, unroll, when } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import type { Work } from "./joint_launch.ts";
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

/** `G g` along each axis of so many filters, one in each lane, `perOutput` elements apart. */
function transformFilters(
  channels: Filters,
  count: number,
  { isAdjoint, perOutput }: { readonly isAdjoint: boolean; readonly perOutput: number },
) {
  const { depth } = channels;
  const taps = tapsOf(depth);
  return procedure({ from: "i32", to: "i32" }, ({ from, to }) => {
    const { cube, spare } = declare({ cube: ["f32x4", positionsOf(depth)], spare: "f32x4" });
    return [
      taps.map((tap) => {
        const value = cube[corner(tap)]!;
        const place = 4 * (isAdjoint ? taps.length - 1 - tap : tap);
        return [
          value.set(f32x4.loadFirst(from, place)),
          unroll(count - 1, (i) => {
            const weight = f32.load(from, place + 4 * (i + 1) * perOutput);
            return value.set(f32x4.replace(value, i + 1, weight));
          }),
        ];
      }),
      along(2, weightTransform, cube, spare, [depth, 3, 1]),
      along(1, weightTransform, cube, spare, [depth, 1, 4]),
      depth === 3 ? along(0, weightTransform, cube, spare, [1, 4, 4]) : [],
      cube.map((value, position) => f32x4.store(to, value, position * weightBytes(channels))),
    ];
  });
}

/**
 * `G g` along each axis: weights to `[group][position][outputs / 4][input][4]`. An item is an input channel of
 * a block of output channels of a group.
 *
 * @param isAdjoint whether the weights are those of the convolution from outputs to inputs: in the gradient of
 * the input the channels change places and the taps run backwards
 */
export function transformedWeights(
  channels: Filters & { readonly groups: number },
  isAdjoint: boolean,
  from: number,
  to: number,
): Work {
  const { depth, groups, inputs, outputs } = channels;
  const filter = 9 * depth;
  const [perOutput, perInput] = isAdjoint ? [filter, filter * outputs] : [filter * inputs, filter];
  const blocks = outputBlocks(outputs);
  return {
    key: `winograd weights ${[depth, inputs, outputs, isAdjoint]}`,
    items: groups * blocks.length * inputs,
    from,
    to,
    code({ from: weight, to: u }) {
      const transform = (count: number) => transformFilters(channels, count, { isAdjoint, perOutput });
      const whole = transform(blocks[0]!);
      const rest = blocks.at(-1) === blocks[0] ? whole : transform(blocks.at(-1)!);
      const { group, output, input } = declare({ group: "i32", output: "i32", input: "i32" });
      const places = {
        from: weight.add(group.mul(4 * filter * inputs * outputs)).add(output.mul(16 * perOutput))
          .add(input.mul(4 * perInput)),
        to: u.add(group.mul(positionsOf(depth) * weightBytes(channels))).add(output.mul(16 * inputs))
          .add(input.mul(16)),
      };
      return (item) => [
        input.set(item.rem(inputs)),
        output.set(item.div(inputs).rem(blocks.length)),
        group.set(item.div(inputs * blocks.length)),
        when(output.lt(blocks.length - 1), whole(places), rest(places)),
      ];
    },
  };
}

/** Bytes of a group's sums at one position, `[output][inputs / 4][4]`, outputs filled up to four. */
export function sumBytes({ inputs, outputs }: Pick<Filters, "inputs" | "outputs">): number {
  return positionBytes(4 * channelVectors(inputs) * channelVectors(outputs));
}

/** Adds the parts of the sums of so many filters, one in each lane, and transforms them: `Gᵀ m` along each axis. */
function gatherFilters(
  channels: Filters,
  count: number,
  { groups, parts }: { groups: number; parts: number },
) {
  const { depth } = channels;
  const positions = positionsOf(depth);
  return procedure({ from: "i32", to: "i32" }, ({ from, to }) => {
    const { cube, spare } = declare({ cube: ["f32x4", positions], spare: "f32x4" });
    return [
      cube.map((sum) => sum.set(0)),
      repeat(parts, () => [
        cube.map((sum, position) => sum.increase(f32x4.load(from, position * sumBytes(channels)))),
        from.increase(groups * positions * sumBytes(channels)),
      ]),
      depth === 3 ? along(0, weightGradientTransform, cube, spare, [1, 4, 4]) : [],
      along(1, weightGradientTransform, cube, spare, [depth, 1, 4]),
      along(2, weightGradientTransform, cube, spare, [depth, 3, 1]),
      tapsOf(depth).map((tap) =>
        unroll(count, (lane) => f32.store(to, cube[corner(tap)]!.lane(lane), 4 * (9 * depth * lane + tap)))
      ),
    ];
  });
}

/**
 * Adds the parts, `[part][group][position]` of sums, and transforms them to weights. An item is an output channel
 * and four input channels.
 */
export function weightGradientKernel(
  engine: Engine,
  channels: Filters,
  dealt: { readonly groups: number; readonly parts: number },
) {
  const { depth, inputs, outputs } = channels;
  const filter = 9 * depth;
  const vectors = channelVectors(inputs);
  const key = `winograd weight gradient ${[depth, inputs, outputs, dealt.groups, dealt.parts]}`;
  return engine.compile(key, { sums: "i32", out: "i32" }, ({ sums, out }, { each }) => {
    const whole = gatherFilters(channels, Math.min(4, inputs), dealt);
    const rest = inputs % 4 === 0 || inputs < 4 ? whole : gatherFilters(channels, inputs % 4, dealt);
    const { group, output, input } = declare({ group: "i32", output: "i32", input: "i32" });
    const places = {
      from: sums.add(group.mul(positionsOf(depth) * sumBytes(channels))).add(output.mul(16 * vectors))
        .add(input.mul(16)),
      to: out.add(group.mul(4 * filter * inputs * outputs)).add(output.mul(4 * filter * inputs))
        .add(input.mul(16 * filter)),
    };
    return each((item) => [
      input.set(item.rem(vectors)),
      output.set(item.div(vectors).rem(outputs)),
      group.set(item.div(vectors * outputs)),
      when(input.lt(vectors - 1), whole(places), rest(places)),
    ]);
  });
}
