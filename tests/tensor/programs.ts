/** Random programs: shapes, ops and their order are drawn from a seed; every device runs the same one. */

import type { Device } from "../../tensor/device.ts";
import {
  add,
  avgPool3d,
  concat,
  conv3d,
  convTranspose3d,
  div,
  flip,
  groupNorm,
  logSoftmax,
  matmul,
  max,
  maximum,
  maxPool3d,
  mul,
  pad,
  Random,
  relu,
  sigmoid,
  slice,
  softmax,
  sub,
  tanh,
  Tensor,
  where,
} from "../../tensor/mod.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";

/** What a move may use: the program's random stream and fresh leaves. */
interface Context {
  readonly random: Random;
  /**
   * A parameter whose values are odd multiples of 1/16. Only such exact values go into ops with kinks and
   * ties, so that rounding cannot send two devices down different branches.
   */
  leaf(shape: Shape): Tensor;
}

type Move = (x: Tensor, context: Context) => Tensor | null;

const pick = <T>(random: Random, choices: readonly T[]): T => choices[random.integer(choices.length)]!;

/** A shape that broadcasts with the given one: some axes 1, leading axes dropped. */
function broadcastable(shape: Shape, random: Random): Shape {
  return shape.map((n) => random.integer(3) === 0 ? 1 : n).slice(random.integer(shape.length));
}

const spatial = (x: Tensor) => x.shape.slice(2);

const moves: readonly Move[] = [
  (x, c) => pick(c.random, [add, sub, mul, maximum])(x, c.leaf(broadcastable(x.shape, c.random))),
  (x, c) => div(x, add(mul(c.leaf(broadcastable(x.shape, c.random)), 0.25), 3)),
  (x, c) => where(c.leaf(x.shape).detach(), x, c.leaf(broadcastable(x.shape, c.random))),
  (x, c) => mul(x, relu(c.leaf(x.shape))),
  (x, c) => pick(c.random, [tanh, sigmoid])(x),
  (x) => tanh(x).exp(),
  (x) => x.square().add(1).log(),
  (x) => x.square().add(0.5).sqrt(),
  (x, c) => add(x, x.mean({ axes: [c.random.integer(x.shape.length)], keepDims: true })),
  (x, c) => mul(x, x.sum({ axes: [0, c.random.integer(4) + 1], keepDims: true }).mul(1 / sizeOf(x.shape))),
  (x, c) => add(x, max(c.leaf(x.shape), { axes: [1, c.random.integer(3) + 2], keepDims: true })),
  (x, c) => x.permute(c.random.permutation(5)),
  (x, c) =>
    flip(x, [c.random.integer(5), c.random.integer(5)].filter((axis, i, all) => all.indexOf(axis) === i)),
  (x, c) => {
    const before = x.shape.map(() => c.random.integer(2));
    const padded = pad(x, before, before.map((n) => 1 - n), 0.5);
    return slice(padded, before.map((n) => n === 1 ? 0 : 1), x.shape);
  },
  (x, c) => concat([x, c.leaf(x.shape)], c.random.integer(5)),
  (x) => x.reshape([x.shape[1]!, x.shape[0]!, x.shape[4]!, x.shape[2]! * x.shape[3]!, 1]),
  (x, c) => {
    const outputs = 1 + c.random.integer(3);
    const weight = c.leaf([outputs, x.shape[1]!, 3, 1, 2]).mul(0.25);
    return conv3d(x, weight, c.leaf([outputs]), { padding: 1, stride: [1, 1 + c.random.integer(2), 1] });
  },
  (x, c) => {
    const stride = 1 + c.random.integer(2);
    if (sizeOf(spatial(x)) > 60) return null;
    return convTranspose3d(x, c.leaf([x.shape[1]!, 2, 2, 1, 2]).mul(0.25), c.leaf([2]), { stride });
  },
  (x, c) => {
    const channels = x.shape[1]!;
    const options = { slope: 1, epsilon: 0.1 };
    return groupNorm(x, c.leaf([channels]), c.leaf([channels]), pick(c.random, [1, channels]), options);
  },
  (x, c) => softmax(x, c.random.integer(5)),
  (x, c) => logSoftmax(x, c.random.integer(5)),
  (x, c) => spatial(x).every((n) => n >= 2) ? avgPool3d(x, 2, pick(c.random, [1, 2])) : null,
  (x, c) => spatial(x).every((n) => n >= 2) ? maxPool3d(c.leaf(x.shape), 2).add(x.mean()) : null,
  (x, c) => matmul(x, c.leaf([x.shape[4]!, 1 + c.random.integer(4)]).mul(0.5)),
];

/** What a program leaves: its loss, and its parameters with their gradients. */
export interface Outcome {
  readonly loss: Tensor;
  readonly leaves: readonly Tensor[];
}

/** Runs the program of a seed, forward and backward. Call it in a scope; the outcome's tensors are kept. */
export function runProgram(device: Device, seed: number): Outcome {
  const random = new Random(seed);
  const leaves: Tensor[] = [];
  const leaf = (shape: Shape): Tensor => {
    const data = Float32Array.from({ length: sizeOf(shape) }, () => (random.integer(32) - 15.5) / 8);
    leaves.push(Tensor.from(device, data, shape).asParameter());
    return leaves.at(-1)!;
  };
  const values = [leaf(Array.from({ length: 5 }, () => 1 + random.integer(3)))];
  const length = 3 + random.integer(6);
  while (values.length < length) {
    const next = pick(random, moves)(pick(random, values.slice(-3)), { random, leaf });
    if (next && sizeOf(next.shape) <= 4000) values.push(next);
  }
  let loss = Tensor.full(device, [], 0);
  for (const value of values) loss = loss.add(tanh(value).square().mean());
  loss.backward();
  return { loss, leaves };
}

/** Loss and gradients on the host; frees the tensors. */
export async function collect({ loss, leaves }: Outcome): Promise<ArrayLike<number>[]> {
  const results = await Promise.all([loss, ...leaves.map((leaf) => leaf.grad)].map((t) => t?.data() ?? []));
  for (const tensor of [loss, ...leaves]) tensor.dispose();
  return results;
}
