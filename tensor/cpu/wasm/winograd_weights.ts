/**
 * Weights to the transformed domain of a Winograd convolution, and sums of products back to their gradient.
 *
 * @module
 */

import { channelVectors } from "./blocked_layout.ts";
import { declare, f32, f32x4, procedure, repeat, unroll, when } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import type { Work } from "./joint_launch.ts";
import { type Depth, positionBytes, positionPlanes, positionsOf, winogradPlace } from "./winograd.ts";
import { steps } from "./winograd_stages.ts";
import { type Place, transformBox } from "./winograd_transforms.ts";

/** Channels of a group, and taps along z of a filter. */
interface Filters {
  readonly depth: Depth;
  readonly inputs: number;
  readonly outputs: number;
}

/** Bytes of a group's transformed weights at one position. */
export function weightBytes({ inputs, outputs }: Pick<Filters, "inputs" | "outputs">): number {
  return positionBytes(inputs * channelVectors(outputs));
}

const tapOf = ([z, y, x]: Place): number => (3 * z + y) * 3 + x;

/** `G g` along each axis of so many filters, one in each lane, `perOutput` elements apart. */
function transformFilters(
  channels: Filters,
  count: number,
  { isAdjoint, perOutput }: { readonly isAdjoint: boolean; readonly perOutput: number },
) {
  const { depth } = channels;
  return procedure({ from: "i32", to: "i32" }, ({ from, to }) =>
    transformBox(
      [depth, 3, 3],
      steps(channels, "weight", [2, 1, 0]),
      (place) => {
        const tap = isAdjoint ? 9 * depth - 1 - tapOf(place) : tapOf(place);
        const weight = (i: number) => f32.load(from, 4 * (tap + i * perOutput));
        return unroll(count - 1, (i) => i + 1)
          .reduce((vector, i) => f32x4.replace(vector, i, weight(i)), f32x4.loadFirst(from, 4 * tap));
      },
      (values, place) =>
        values.map((value, i) => f32x4.store(to, value, winogradPlace(place(i)) * weightBytes(channels))),
    ));
}

/**
 * `G g` along each axis: weights to `[group][position][input][outputs / 4][4]`. An item is four output
 * channels of an input channel of a group.
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
  const vectors = channelVectors(outputs);
  return {
    key: `winograd weights ${[depth, inputs, outputs, isAdjoint]}`,
    items: groups * vectors * inputs,
    from,
    to,
    code({ from: weight, to: u }) {
      const transform = (count: number) => transformFilters(channels, count, { isAdjoint, perOutput });
      const whole = transform(Math.min(4, outputs));
      const rest = outputs % 4 === 0 || outputs < 4 ? whole : transform(outputs % 4);
      const { group, output, input } = declare({ group: "i32", output: "i32", input: "i32" });
      const places = {
        from: weight.add(group.mul(4 * filter * inputs * outputs)).add(output.mul(16 * perOutput))
          .add(input.mul(4 * perInput)),
        to: u.add(group.mul(positionsOf(depth) * weightBytes(channels))).add(input.mul(16 * vectors))
          .add(output.mul(16)),
      };
      return (item) => [
        output.set(item.rem(vectors)), // neighbours are written one after the other
        input.set(item.div(vectors).rem(inputs)),
        group.set(item.div(inputs * vectors)),
        when(output.lt(vectors - 1), whole(places), rest(places)),
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
    const { sums, gradient } = declare({ sums: ["f32x4", positions], gradient: "f32x4" });
    return [
      sums.map((sum) => sum.set(0)),
      repeat(parts, () => [
        sums.map((sum, position) => sum.increase(f32x4.load(from, position * sumBytes(channels)))),
        from.increase(groups * positions * sumBytes(channels)),
      ]),
      transformBox(
        [positionPlanes(depth), 6, 6],
        steps(channels, "weightGradient", [0, 1, 2]),
        (place) => sums[winogradPlace(place)]!,
        (values, place) =>
          values.map((value, i) => {
            const tap = tapOf(place(i));
            return [
              gradient.set(value),
              unroll(count, (lane) => f32.store(to, gradient.lane(lane), 4 * (9 * depth * lane + tap))),
            ];
          }),
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
