/** Random calls of the rows that have generated WebAssembly kernels: odd sizes, strides, dilations, groups. */

import { labels, type Sample, type SampleInput, values } from "../../../tensor/ops/op.ts";
import type { Random } from "../../../tensor/random.ts";
import { broadcastShapes, type Shape, sizeOf, windowOutput } from "../../../tensor/shape.ts";

type Call = Sample<unknown>;
type Triple = [number, number, number];

/** A whole number from low to high. */
const between = (random: Random, low: number, high: number): number => low + random.integer(high - low + 1);
const three = (each: () => number): Triple => [each(), each(), each()];
const shapeOf = (random: Random, rank: number, most = 7): number[] =>
  Array.from({ length: rank }, () => between(random, 1, most));
const call = (attributes: unknown, ...inputs: SampleInput[]): Call => ({ inputs, attributes });

/** A convolution: about half of them plain, as in networks. */
function convolution(random: Random) {
  const isPlain = random.integer(2) === 0;
  const groups = random.integer(4) === 0 ? 2 : 1;
  const [samples, inputs, outputs] = [
    between(random, 1, 2),
    groups * between(random, 1, 4),
    groups * between(random, 1, 7),
  ];
  const kernel = three(() => isPlain ? 3 : between(random, 1, 3));
  const window = {
    stride: three(() => isPlain ? 1 : between(random, 1, 3)),
    padding: three(() => isPlain ? 1 : between(random, 0, 2)),
    dilation: three(() => isPlain ? 1 : between(random, 1, 2)),
  };
  const span = kernel.map((k, axis) => window.dilation[axis]! * (k - 1) + 1);
  const most = [4, 5, 19];
  const size = most.map((n, axis) => Math.max(between(random, 1, n), span[axis]!)) as Triple;
  const output = windowOutput("convolution", size, kernel, window);
  return {
    x: values([samples, inputs, ...size]),
    w: values([outputs, inputs / groups, ...kernel]),
    y: values([samples, outputs, ...output]),
    bias: random.integer(2) === 0 ? [values([outputs])] : [],
    attributes: { ...window, groups },
    kernel,
    size,
  };
}

/** Now and then longer than a work item. */
const rowLength = (random: Random): number =>
  random.integer(20) === 0 ? between(random, 16000, 40000) : between(random, 1, 300);

/** Now and then more than one launch takes. */
const partCount = (random: Random): number => between(random, 1, random.integer(8) === 0 ? 12 : 3);

const similarity = (random: Random) => ({
  measure: random.integer(2) === 0 ? "dice" : "cosine",
  epsilon: 1e-6,
});

/** Shapes of up to twelve tensors; now and then one is longer than a work item. */
function listShapes(random: Random): number[][] {
  return Array.from(
    { length: between(random, 1, 12) },
    () => random.integer(20) === 0 ? [between(random, 16000, 40000)] : shapeOf(random, between(random, 0, 4)),
  );
}

/** A factor, gradients, parameters and non-negative states. */
function optimizerInputs(random: Random, states: number): SampleInput[] {
  const shapes = listShapes(random);
  const list = (low: number) => shapes.map((shape) => values(shape, low));
  return [
    values([], 0.1, 1),
    ...list(-2),
    ...list(-2),
    ...Array.from({ length: states }, () => list(0)).flat(),
  ];
}

function resampling(random: Random) {
  const mode = random.integer(3) === 0 ? "nearest" : "trilinear";
  const attributes = {
    size: three(() => between(random, 1, 11)),
    mode,
    alignCorners: mode === "trilinear" && random.integer(2) === 0,
  };
  return { from: [...shapeOf(random, 2, 3), ...shapeOf(random, 3, 9)], attributes };
}

function pooling(random: Random) {
  const isPlain = random.integer(2) === 0;
  const kernel = three(() => isPlain ? 2 : between(random, 1, 3));
  const stride = three(() => isPlain ? 2 : between(random, 1, 3));
  const size = three(() => between(random, 3, 19));
  size[0] = Math.min(size[0], 5);
  const output = windowOutput("pooling", size, kernel, {
    stride,
    padding: [0, 0, 0],
    dilation: [1, 1, 1],
  });
  const lead = shapeOf(random, 2, 3);
  return { shape: [...lead, ...size], output: [...lead, ...output], kernel, stride };
}

function normalization(random: Random) {
  if (random.integer(3) === 0) { // rows of channels without voxels
    const shape = [between(random, 1, 150), between(random, 16, 90)];
    return { shape, channels: shape[1]!, groups: 1, slope: [0, 1][random.integer(2)]! };
  }
  const groups = between(random, 1, 3);
  const channels = groups * between(random, 1, 3);
  // At least 16 values a group: the variance of fewer may nearly vanish, which amplifies every rounding.
  const shape = [between(random, 1, 3), channels, 2, between(random, 2, 5), between(random, 4, 9)];
  return { shape, channels, groups, slope: [0, 0.01, 1][random.integer(3)]! };
}

function axisCall(random: Random, inputs: readonly ((shape: Shape) => SampleInput)[]): Call {
  const shape = shapeOf(random, between(random, 1, 4));
  if (random.integer(8) === 0) shape[shape.length - 1] = 300 + random.integer(50);
  return call({ axis: random.integer(shape.length) }, ...inputs.map((input) => input(shape)));
}

function sums(random: Random): Call {
  const shape = shapeOf(random, between(random, 1, 5), 6);
  if (random.integer(8) === 0) shape[random.integer(shape.length)] = 1000 + random.integer(500);
  return call({ axes: shape.map((_, axis) => axis).filter(() => random.integer(2) === 0) }, values(shape));
}

/** An attention with up to three terms of the scores. */
function attention(random: Random) {
  const most = random.integer(8) === 0 ? 8 : 5;
  const grid = () => three(() => between(random, 1, most));
  const [queries, keys, batch] = [grid(), grid(), between(random, 1, 3)];
  const channels = random.integer(8) === 0 ? between(random, 250, 270) : between(random, 1, 40);
  const some = (n: number) => random.integer(2) === 0 ? 1 : n;
  const sized = (n: number) => values([batch, n, channels], -0.7, 0.7);
  const terms = Array.from(
    { length: random.integer(4) },
    () => values([batch, ...queries.map(some), ...keys.map(some)]),
  );
  const [asked, given] = [sizeOf(queries), sizeOf(keys)];
  return {
    attributes: { queries, keys },
    g: sized(asked),
    inputs: [sized(asked), sized(given), sized(given), ...terms],
  };
}

const classes = (random: Random): { k: number; z: number[]; y: number[] } => {
  const k = between(random, 2, 5);
  const [n, ...voxels] = shapeOf(random, 4, 6);
  return { k, z: [n!, k, ...voxels], y: [n!, ...voxels] };
};

/** One call of each row. */
export const randomCalls: Readonly<Record<string, (random: Random) => Call>> = {
  conv3d(random) {
    const { x, w, bias, attributes } = convolution(random);
    return call(attributes, x, w, ...bias);
  },
  conv3dInputGrad(random) {
    const { w, y, attributes, size } = convolution(random);
    return call({ ...attributes, size }, y, w);
  },
  conv3dWeightGrad(random) {
    const { x, y, attributes, kernel } = convolution(random);
    const channelSums = ([undefined, "x", "g"] as const)[random.integer(3)];
    return call({ ...attributes, kernel, ...(channelSums && { channelSums }) }, x, y);
  },
  convTranspose3d(random) {
    const groups = between(random, 1, 2);
    const outputs = groups * between(random, 1, 4);
    const isPlain = random.integer(2) === 0;
    const kernel = three(() => isPlain ? 2 : between(random, 1, 3));
    const attributes = {
      stride: three(() => isPlain ? 2 : between(random, 1, 3)),
      padding: [0, 0, 0],
      dilation: three(() => isPlain ? 1 : between(random, 1, 2)),
      groups,
    };
    const inputs = groups * between(random, 1, 4);
    const x = values([between(random, 1, 2), inputs, ...three(() => between(random, 1, 5))]);
    const bias = random.integer(2) === 0 ? [values([outputs])] : [];
    return call(attributes, x, values([inputs, outputs / groups, ...kernel]), ...bias);
  },
  matmul(random) {
    const length = () => random.integer(8) === 0 ? between(random, 81, 300) : between(random, 1, 40);
    const [m, n] = [length(), length()];
    const k = random.integer(6) === 0 ? between(random, 250, 530) : between(random, 1, 40);
    const [transposeA, transposeB] = [random.integer(2) === 0, random.integer(2) === 0];
    const batch = shapeOf(random, random.integer(3), 3);
    const thinned = () => batch.map((size) => random.integer(3) === 0 ? 1 : size);
    return call(
      { transposeA, transposeB },
      values([...thinned(), ...(transposeA ? [k, m] : [m, k])]),
      values([...thinned(), ...(transposeB ? [n, k] : [k, n])]),
    );
  },
  groupNorm(random) {
    const { shape, channels, groups, slope } = normalization(random);
    return call(
      { groups, epsilon: 1e-5, slope },
      values(shape),
      values([channels], 0.5, 2),
      values([channels]),
    );
  },
  groupNormGrad(random) {
    const { shape, channels, groups, slope } = normalization(random);
    const statistics = [shape[0]!, groups];
    return call(
      { groups, epsilon: 1e-5, slope },
      values(shape),
      values(shape),
      values([channels], 0.5, 2),
      values([channels]),
      values(statistics, -0.1, 0.1),
      values(statistics, 0.5, 1),
    );
  },
  maxPool3d(random) {
    const { shape, kernel, stride } = pooling(random);
    return call({ kernel, stride }, values(shape));
  },
  maxPool3dGrad(random) {
    const { shape, output, kernel, stride } = pooling(random);
    const voxels = shape[2]! * shape[3]! * shape[4]!;
    return call({ kernel, stride, shape }, values(output), labels(output, voxels));
  },
  avgPool3d(random) {
    const { shape, kernel, stride } = pooling(random);
    return call({ kernel, stride }, values(shape));
  },
  avgPool3dGrad(random) {
    const { shape, output, kernel, stride } = pooling(random);
    return call({ kernel, stride, shape }, values(output));
  },
  sum: sums,
  max: sums,
  min: sums,
  mean: sums,
  argmax(random) {
    const shape = shapeOf(random, between(random, 1, 4));
    return call({ axis: random.integer(shape.length) }, values(shape));
  },
  oneHot(random) {
    const shape = shapeOf(random, between(random, 0, 3), 9);
    const count = between(random, 1, 5);
    // Some ids are no class.
    return call({ axis: random.integer(shape.length + 1), classes: count }, labels(shape, count + 1));
  },
  gather(random) {
    const shape = shapeOf(random, between(random, 1, 4), 9);
    const axis = random.integer(shape.length);
    return call({ axis }, values(shape), labels([between(random, 1, 9)], shape[axis]! + 1));
  },
  attention(random) {
    const { attributes, inputs } = attention(random);
    return call(attributes, ...inputs);
  },
  attentionGrad(random) {
    const { attributes, g, inputs } = attention(random);
    return call(attributes, g, ...inputs);
  },
  softmax: (random) => axisCall(random, [(shape) => values(shape, -9, 9)]),
  logSoftmax: (random) => axisCall(random, [(shape) => values(shape, -9, 9)]),
  softmaxGrad: (random) => axisCall(random, [(shape) => values(shape), (shape) => values(shape, 0, 1)]),
  logSoftmaxGrad: (random) => axisCall(random, [(shape) => values(shape), (shape) => values(shape, -5, 0)]),
  diceCrossEntropy(random) {
    const { k, z, y } = classes(random);
    return call({ epsilon: 1e-6 }, values(z, -4, 4), labels(y, k));
  },
  diceCrossEntropyGrad(random) {
    const { k, z, y } = classes(random);
    return call({ epsilon: 1e-6 }, values([]), values(z, -4, 4), labels(y, k), values([z[0]!, k, 3], 1, 6));
  },
  sgd(random) {
    const attributes = { learningRate: 1e-2, momentum: 0.9, weightDecay: 0.01 };
    return call({ ...attributes, isNesterov: random.integer(2) === 0 }, ...optimizerInputs(random, 1));
  },
  adam(random) {
    const attributes = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
    return call(
      { ...attributes, isDecoupled: random.integer(2) === 0, step: between(random, 1, 50) },
      ...optimizerInputs(random, 2),
    );
  },
  average(random) {
    const shapes = listShapes(random);
    return call({ decay: 0.9 }, ...[...shapes, ...shapes].map((shape) => values(shape)));
  },
  sumOfSquares(random) {
    return call({}, ...listShapes(random).map((shape) => values(shape)));
  },
  accumulate(random) {
    const shape = shapeOf(random, between(random, 0, 4));
    return call({}, values(shape), values(shape));
  },
  resize3d(random) {
    const { from, attributes } = resampling(random);
    return call(attributes, values(from));
  },
  resize3dGrad(random) {
    const { from, attributes } = resampling(random);
    return call({ ...attributes, shape: from }, values([...from.slice(0, 2), ...attributes.size]));
  },
  dropout(random) {
    const key = [random.uint32(), random.uint32()];
    const shape = random.integer(8) === 0
      ? [30000 + random.integer(5000)]
      : shapeOf(random, between(random, 1, 4));
    return call({ rate: random.uniform(0, 0.9), key }, values(shape));
  },
  permute(random) {
    const shape = shapeOf(random, between(random, 1, 5));
    return call({ axes: [...random.permutation(shape.length)] }, values(shape));
  },
  slice(random) {
    const shape = shapeOf(random, between(random, 1, 4));
    const starts = shape.map((n) => random.integer(n));
    return call({ starts, sizes: shape.map((n, i) => between(random, 1, n - starts[i]!)) }, values(shape));
  },
  pad(random) {
    if (random.integer(16) === 0) { // so long that the result is filled, and the input copied, in pieces
      const [before, length, after] = three(() => 4096 * between(random, 1, 3));
      return call({ before: [before], after: [after], value: 0.5 }, values([length]));
    }
    const shape = shapeOf(random, between(random, 1, 4));
    const border = () => shape.map(() => random.integer(3));
    return call({ before: border(), after: border(), value: 0.5 }, values(shape));
  },
  concat(random) {
    const shape = shapeOf(random, between(random, 1, 4));
    const axis = random.integer(shape.length);
    const part = () => values(shape.map((n, i) => i === axis ? between(random, 0, 5) : n));
    return call({ axis }, ...Array.from({ length: partCount(random) }, part));
  },
  split(random) {
    const shape = shapeOf(random, between(random, 1, 4));
    const axis = random.integer(shape.length);
    const sizes = Array.from({ length: partCount(random) }, () => random.integer(5));
    const total = sizes.reduce((sum, size) => sum + size);
    return call({ axis, sizes }, values(shape.map((n, i) => i === axis ? total : n)));
  },
  rowSimilarity(random) {
    const shape = [...shapeOf(random, between(random, 0, 2)), rowLength(random)];
    return call(similarity(random), values(shape), values(shape));
  },
  rowSimilarityGrad(random) {
    const rows = shapeOf(random, between(random, 0, 2)), shape = [...rows, rowLength(random)];
    return call(similarity(random), values(rows), values([...rows, 3]), values(shape), values(shape));
  },
  unitRows(random) {
    const shape = [...shapeOf(random, between(random, 0, 2)), rowLength(random)];
    return call({ epsilon: random.integer(2) === 0 ? 1e-16 : 1e3 }, values(shape));
  },
  unitRowsGrad(random) {
    const rows = shapeOf(random, between(random, 0, 2)), shape = [...rows, rowLength(random)];
    return call({ epsilon: 1 }, values(shape), values(shape), values(rows, 0.5, 2));
  },
  flip(random) {
    const shape = shapeOf(random, between(random, 1, 4));
    return call({ axes: shape.map((_, axis) => axis).filter(() => random.integer(2) === 0) }, values(shape));
  },
  cast(random) {
    const isLong = random.integer(8) === 0;
    const shape = isLong ? [30000 + random.integer(9000)] : shapeOf(random, between(random, 0, 4));
    return random.integer(2) === 0
      ? call({ dtype: "i32" }, values(shape, -2e10, 2e10))
      : call({ dtype: "f32" }, labels(shape, 2 ** 30));
  },
  expand(random) {
    const shape = shapeOf(random, between(random, 1, 4));
    return call({ shape }, values(shape.map((n) => random.integer(2) === 0 ? 1 : n)));
  },
};

/** A call of an elementwise row: shapes that broadcast, and numbers in place of some inputs. */
export function randomElementwise(random: Random, arity: number, inputs: readonly SampleInput[]): Call {
  const full = shapeOf(random, random.integer(5));
  if (random.integer(10) === 0) full.push(500 + random.integer(100));
  const scalars: Record<string, number> = {};
  const chosen: SampleInput[] = [];
  for (let i = 0; i < arity; i++) {
    if (i > 0 && random.integer(3) === 0) {
      scalars["xyz"[i]!] = between(random, 1, 9) / 4;
      continue;
    }
    const shape = full.map((n) => random.integer(4) === 0 ? 1 : n).slice(random.integer(2));
    const like = inputs[Math.min(i, inputs.length - 1)]!;
    chosen.push("low" in like ? values(shape, like.low, like.high) : labels(shape, like.classes));
  }
  broadcastShapes("elementwise", chosen.map(({ shape }) => shape));
  return call(scalars, ...chosen);
}
