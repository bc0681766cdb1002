/** Random convolutions that the CPU device computes by Winograd's filtering: odd sizes, paddings, groups. */

import {
  adjoint,
  convolvesFaster,
  type Depth,
  weightGradientFaster,
  type WinogradShape,
  winogradShape,
} from "../../../tensor/cpu/wasm/winograd.ts";
import { type Sample, values } from "../../../tensor/ops/op.ts";
import type { Random } from "../../../tensor/random.ts";
import { windowOutput } from "../../../tensor/shape.ts";

type Triple = [number, number, number];

const between = (random: Random, low: number, high: number): number => low + random.integer(high - low + 1);

/** Products of a direct convolution that the reference kernel computes in about ten milliseconds. */
const mostProducts = 4e6;

/** A convolution with 3 × 3 × 3 or 1 × 3 × 3 weights; one axis is long, the others are short. */
function convolution(random: Random, depth: Depth) {
  const groups = random.integer(4) === 0 ? 2 : 1;
  const [samples, inputs, outputs] = [
    between(random, 1, 2),
    groups * between(random, 3, 18),
    groups * between(random, 3, 18),
  ];
  const padding: Triple = [random.integer(3), random.integer(3), random.integer(3)];
  const long = random.integer(3);
  const kernel: Triple = [depth, 3, 3];
  const size = padding.map((p, axis) =>
    Math.max(1, kernel[axis]! - 2 * p, axis === long ? between(random, 1, 40) : between(random, 1, 12))
  ) as Triple;
  const window = { stride: [1, 1, 1] as const, padding, dilation: [1, 1, 1] as const };
  const x = [samples, inputs, ...size];
  const y = [samples, outputs, ...windowOutput("convolution", size, kernel, window)];
  const attributes = { ...window, groups };
  const products = 9 * depth * inputs / groups * y.reduce((product, n) => product * n, 1);
  return { x, y, w: [outputs, inputs / groups, ...kernel], attributes, kernel, size, products };
}

type Convolution = ReturnType<typeof convolution>;

/** Draws until one is taken. */
function draw(random: Random, depth: Depth, takes: (shape: WinogradShape) => boolean) {
  for (;;) {
    const drawn: Convolution = convolution(random, depth);
    const shape = winogradShape(drawn.x, drawn.y, drawn.kernel, drawn.attributes)!;
    if (drawn.products <= mostProducts && takes(shape)) return drawn;
  }
}

/** One call of each row, for weights of so many taps along z. */
export const winogradCalls = (
  depth: Depth,
): Readonly<Record<string, (random: Random) => Sample<unknown>>> => ({
  conv3d(random) {
    const { x, y, w, attributes } = draw(random, depth, convolvesFaster);
    const bias = random.integer(2) === 0 ? [values([y[1]!])] : [];
    return { inputs: [values(x), values(w), ...bias], attributes };
  },
  conv3dInputGrad(random) {
    const { y, w, attributes, size } = draw(random, depth, (shape) => convolvesFaster(adjoint(shape)));
    return { inputs: [values(y), values(w)], attributes: { ...attributes, size } };
  },
  conv3dWeightGrad(random) {
    const { x, y, attributes, kernel } = draw(random, depth, weightGradientFaster);
    return { inputs: [values(x), values(y)], attributes: { ...attributes, kernel } };
  },
});
