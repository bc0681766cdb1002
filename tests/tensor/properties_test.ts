/** What must hold whatever the values are; these catch wrong indexing better than single values do. */

import assert from "node:assert/strict";
import type { Device } from "../../tensor/device.ts";
import {
  abs,
  argmax,
  attention,
  avgPool3d,
  batchNorm,
  cast,
  clamp,
  concat,
  conv3d,
  type ConvOptions,
  convTranspose3d,
  diceCrossEntropy,
  dropout,
  dropPath,
  elu,
  equal,
  erf,
  flip,
  floor,
  gather,
  gelu,
  greater,
  groupNorm,
  instanceNorm,
  layerNorm,
  leakyRelu,
  less,
  linear,
  logSoftmax,
  logSumExp,
  matmul,
  max,
  maximum,
  maxPool3d,
  mean,
  min,
  minimum,
  oneHot,
  pad,
  permute,
  pow,
  Random,
  relu,
  resize3d,
  roll,
  rowCosine,
  scope,
  sigmoid,
  silu,
  slice,
  softmax,
  sum,
  tanh,
  Tensor,
  unitRows,
  update,
  variance,
  where,
} from "../../tensor/mod.ts";
import { accumulateOp, averageOp } from "../../tensor/ops/update.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { testOnDevices } from "./devices.ts";
import { around, assertClose } from "./tolerance.ts";

const draw = (device: Device, label: string, shape: Shape) =>
  Tensor.uniform(device, new Random(11).child(label), shape, -1, 1);

async function values(tensor: Tensor): Promise<number[]> {
  const data = Array.from(await tensor.data());
  tensor.dispose();
  return data;
}

async function assertSame(actual: Tensor, expected: Tensor, what: string, relative = 1e-5): Promise<void> {
  assert.deepEqual(actual.shape, expected.shape, what);
  const reference = await values(expected);
  assertClose(await values(actual), reference, around(reference, relative, relative), what);
}

const convolutions: readonly { options: ConvOptions; x: Shape; w: Shape }[] = [
  { options: { padding: 1 }, x: [2, 3, 4, 5, 6], w: [4, 3, 3, 3, 3] },
  { options: { stride: 2, padding: 1 }, x: [1, 2, 5, 7, 9], w: [3, 2, 3, 3, 3] },
  { options: { stride: [1, 2, 1], dilation: [2, 1, 2], groups: 2 }, x: [1, 4, 5, 6, 7], w: [4, 2, 2, 2, 3] },
];

testOnDevices("conv3d and convTranspose3d are adjoint: ⟨A x, y⟩ = ⟨x, Aᵀ y⟩", async (device) => {
  for (const { options, x: shape, w: kernel } of convolutions) {
    const [left, right] = scope(() => {
      const x = draw(device, "x", shape);
      const w = draw(device, "w", kernel);
      const ax = conv3d(x, w, null, options);
      const y = draw(device, "y", ax.shape);
      const aty = convTranspose3d(y, w, null, options);
      assert.deepEqual(aty.shape, x.shape); // these sizes leave no rest
      return [ax.mul(y).sum(), x.mul(aty).sum()] as const;
    });
    await assertSame(left, right, JSON.stringify(options), 1e-4);
  }
});

testOnDevices("the products of unit rows are their cosines", async (device) => {
  const [products, cosines] = scope(() => {
    const [x, y] = [draw(device, "x", [2, 3, 41]), draw(device, "y", [2, 3, 41])];
    return [unitRows(x).mul(unitRows(y)).sum({ axes: [2] }), rowCosine(x, y)] as const;
  });
  await assertSame(products, cosines, "unitRows");
});

testOnDevices("convolution, product and resampling are linear in their input", async (device) => {
  const maps: Record<string, (x: Tensor) => Tensor> = {
    conv3d: (x) => conv3d(x, draw(device, "w", [4, 3, 3, 3, 3]), null, { padding: 1 }),
    convTranspose3d: (x) => convTranspose3d(x, draw(device, "w", [3, 2, 2, 2, 2]), null, { stride: 2 }),
    matmul: (x) => matmul(x, draw(device, "w", [6, 5])),
    avgPool3d: (x) => avgPool3d(x, 2),
    resize3d: (x) => resize3d(x, [3, 7, 11]),
  };
  for (const [name, map] of Object.entries(maps)) {
    const [combined, separate] = scope(() => {
      const [x, y] = [draw(device, "x", [2, 3, 4, 5, 6]), draw(device, "y", [2, 3, 4, 5, 6])];
      return [map(x.mul(2).add(y.mul(-3))), map(x).mul(2).add(map(y).mul(-3))] as const;
    });
    await assertSame(combined, separate, name);
  }
});

testOnDevices("what a sample gives does not depend on the rest of its batch", async (device) => {
  const labels = (x: Tensor) => Tensor.full(device, [x.shape[0]!, ...x.shape.slice(2)], 1, "i32");
  const maps: Record<string, (x: Tensor) => Tensor> = {
    conv3d: (x) => conv3d(x, draw(device, "w", [5, 4, 3, 3, 3]), draw(device, "b", [5]), { padding: 1 }),
    "conv3d stride 2": (x) => conv3d(x, draw(device, "w", [5, 4, 3, 3, 3]), null, { padding: 1, stride: 2 }),
    convTranspose3d: (x) => convTranspose3d(x, draw(device, "w", [4, 3, 2, 2, 2]), null, { stride: 2 }),
    groupNorm: (x) => groupNorm(x, draw(device, "g", [4]), draw(device, "b", [4]), 2, { slope: 0.1 }),
    instanceNorm: (x) => instanceNorm(x, draw(device, "g", [4]), draw(device, "b", [4])),
    layerNorm: (x) => layerNorm(x, draw(device, "g", [7]), draw(device, "b", [7])),
    maxPool3d: (x) => maxPool3d(x, 2),
    avgPool3d: (x) => avgPool3d(x, 2),
    resize3d: (x) => resize3d(x, [4, 4, 4]),
    softmax: (x) => softmax(x, 1),
    logSoftmax: (x) => logSoftmax(x, 4),
    matmul: (x) => matmul(x, x, { transposeB: true }),
    attention: (x) => attention(x, x.mul(2), x.mul(3)),
    argmax: (x) => oneHot(argmax(x, 1), 4, 1),
    "diceCrossEntropy, by sample": (x) =>
      concat(
        Array.from({ length: x.shape[0]! }, (_, n) => {
          const one = x.narrow(0, n, 1);
          return diceCrossEntropy(one, labels(one)).reshape([1]);
        }),
        0,
      ),
  };
  for (const [name, map] of Object.entries(maps)) {
    const results = scope(() => {
      const x = draw(device, "x", [3, 4, 5, 6, 7]);
      const whole = map(x);
      return [0, 1, 2].map((n) => [map(x.narrow(0, n, 1)), whole.narrow(0, n, 1)] as const);
    });
    for (const [alone, inBatch] of results) await assertSame(alone, inBatch, name, 1e-6);
  }
  return Object.keys(maps);
});

testOnDevices("softmax and logSoftmax do not see a shift, and survive large values", async (device) => {
  for (const map of [softmax, logSoftmax]) {
    const [plain, shifted] = scope(() => {
      const x = draw(device, "x", [3, 6, 2]);
      return [map(x, 1), map(x.add(512), 1)] as const;
    });
    await assertSame(shifted, plain, map.name, 1e-4);
  }
  using sums = scope(() => softmax(draw(device, "x", [3, 6, 2]).mul(300), 1).sum({ axes: [1] }));
  assertClose(await sums.data(), new Array<number>(6).fill(1), () => 1e-6, "sum over the axis");
});

testOnDevices("normalisations do not see shift and scale of their input", async (device) => {
  const one = (n: number) => [Tensor.full(device, [n], 1), Tensor.zeros(device, [n])] as const;
  const maps: Record<string, (x: Tensor) => Tensor> = {
    instanceNorm: (x) => instanceNorm(x, ...one(4), { epsilon: 0 }),
    groupNorm: (x) => groupNorm(x, ...one(4), 2, { epsilon: 0 }),
    layerNorm: (x) => layerNorm(x, ...one(7), { epsilon: 0 }),
    batchNorm: (x) => batchNorm(x, ...one(4), { epsilon: 0 }),
  };
  for (const [name, map] of Object.entries(maps)) {
    const [plain, changed] = scope(() => {
      const x = draw(device, "x", [2, 4, 5, 6, 7]);
      return [map(x), map(x.mul(3).add(2))] as const;
    });
    await assertSame(changed, plain, name, 1e-4);
  }
  return Object.keys(maps);
});

testOnDevices("a flipped input gives the flipped output", async (device) => {
  const flipKernel = (w: Tensor) => flip(w, [2, 3, 4]);
  for (
    const [name, map] of Object.entries({
      conv3d: (x: Tensor, isFlipped: boolean) => {
        const w = draw(device, "w", [3, 2, 3, 3, 3]);
        return conv3d(x, isFlipped ? flipKernel(w) : w, null, { padding: 1 });
      },
      convTranspose3d: (x: Tensor, isFlipped: boolean) => {
        const w = draw(device, "w", [2, 3, 2, 2, 2]);
        return convTranspose3d(x, isFlipped ? flipKernel(w) : w, null, { stride: 2 });
      },
      maxPool3d: (x: Tensor) => maxPool3d(x, 2),
      avgPool3d: (x: Tensor) => avgPool3d(x, 2),
      trilinear: (x: Tensor) => resize3d(x, [3, 7, 9]),
      "trilinear, corners": (x: Tensor) => resize3d(x, [3, 7, 9], { alignCorners: true }),
    })
  ) {
    const [before, after] = scope(() => {
      const x = draw(device, "x", [2, 2, 4, 6, 8]);
      return [map(flip(x, [2, 3, 4]), true), flip(map(x, false), [2, 3, 4])] as const;
    });
    await assertSame(before, after, name);
  }
});

testOnDevices("functions keep their identities", async (device) => {
  const identities: Record<string, (x: Tensor, y: Tensor) => readonly [Tensor, Tensor]> = {
    "x − y + y = x": (x, y) => [x.sub(y).add(y), x],
    "x / y · y = x": (x, y) => [x.div(y.add(3)).mul(y.add(3)), x],
    "log eˣ = x": (x) => [x.exp().log(), x],
    "√x² = |x|": (x) => [x.square().sqrt(), abs(x)],
    "|x|² = x²": (x) => [pow(abs(x), 2), x.square()],
    "−(−x) = x": (x) => [x.neg().neg(), x],
    "σ(x) + σ(−x) = 1": (x) => [sigmoid(x).add(sigmoid(x.neg())), x.mul(0).add(1)],
    "2 σ(2x) − 1 = tanh x": (x) => [sigmoid(x.mul(2)).mul(2).sub(1), tanh(x)],
    "erf is odd": (x) => [erf(x.neg()), erf(x).neg()],
    "gelu(x) − gelu(−x) = x": (x) => [gelu(x).sub(gelu(x.neg())), x],
    "silu(x) = x σ(x)": (x) => [silu(x), x.mul(sigmoid(x))],
    "relu(x) − relu(−x) = x": (x) => [relu(x).sub(relu(x.neg())), x],
    "leakyRelu = max(x, s x)": (x) => [leakyRelu(x, 0.2), maximum(x, x.mul(0.2))],
    "elu(x) = relu(x) + e^min(x,0) − 1": (x) => [elu(x), relu(x).add(minimum(x, 0).exp()).sub(1)],
    "max + min = x + y": (x, y) => [maximum(x, y).add(minimum(x, y)), x.add(y)],
    "where(x > y) = max": (x, y) => [where(greater(x, y), x, y), maximum(x, y)],
    "<, > and = are one": (x, y) => [less(x, y).add(greater(x, y)).add(equal(x, y)), x.mul(0).add(1)],
    "0 ≤ x − floor x < 1": (x) => {
      const rest = x.mul(5).sub(floor(x.mul(5)));
      return [less(rest, 1).sub(less(rest, 0)), x.mul(0).add(1)];
    },
    "floor of labels = labels": (
      x,
    ) => [cast(cast(x.mul(9), "i32"), "f32"), floor(cast(cast(x.mul(9), "i32"), "f32"))],
    "min x = −max −x": (x) => [min(x, { axes: [1] }), max(x.neg(), { axes: [1] }).neg()],
    "Σ = n · mean": (x) => [sum(x, { axes: [0, 2] }), mean(x, { axes: [0, 2] }).mul(15)],
    "pad, then slice": (x) => [slice(pad(x, [1, 0, 2], [0, 3, 1], 9), [1, 0, 2], x.shape), x],
    "clamp = min of max": (x) => [clamp(x, -0.3, 0.4), minimum(maximum(x, -0.3), 0.4)],
    "variance does not see a shift": (
      x,
    ) => [variance(x.add(2), { axes: [0, 2] }), variance(x, { axes: [0, 2] })],
    "logSumExp moves with a shift": (
      x,
    ) => [logSumExp(x.add(50), { axes: [1] }), logSumExp(x, { axes: [1] }).add(50)],
    "linear = product and bias": (x, y) => {
      const [weight, bias] = [y.narrow(0, 0, 1).reshape([4, 5]), draw(device, "b", [4])];
      return [linear(x, weight, bias), matmul(x, weight.permute([1, 0])).add(bias)];
    },
    "gather of all in order = x": (x) => [gather(x, Tensor.from(device, [0, 1, 2, 3], [4], "i32"), 1), x],
  };
  for (const [name, identity] of Object.entries(identities)) {
    const [left, right] = scope(() => identity(draw(device, "x", [3, 4, 5]), draw(device, "y", [3, 4, 5])));
    await assertSame(left, right, name, 2e-5);
  }
  return ["clamp", "variance", "logSumExp", "linear"];
});

testOnDevices("update ops change their target in place and nothing else", async (device) => {
  const x = draw(device, "x", [3, 5]);
  const target = draw(device, "y", [3, 5]);
  const [a, b] = [Array.from(await x.data()), Array.from(await target.data())];
  update(averageOp, [x], [target], { decay: 0.75 });
  const averaged = b.map((v, i) => 0.75 * v + 0.25 * a[i]!);
  assertClose(await target.data(), averaged, () => 1e-6, "average");
  update(accumulateOp, [x], [target], {});
  assertClose(await target.data(), averaged.map((v, i) => v + a[i]!), () => 1e-6, "accumulate");
  assert.deepEqual(await values(x), a);
  target.dispose();
});

testOnDevices("moves undo each other exactly", async (device) => {
  const moves: Record<string, (x: Tensor) => Tensor> = {
    flip: (x) => flip(flip(x, [0, 2]), [2, 0]),
    permute: (x) => permute(permute(x, [2, 0, 3, 1]), [1, 3, 0, 2]),
    roll: (x) => roll(roll(x, 5, 2), -5, 2),
    "slice and concat": (x) => concat([x.narrow(1, 0, 1), x.narrow(1, 1)], 1),
    "roll by parts": (x) => roll(concat([x.narrow(3, 2), x.narrow(3, 0, 2)], 3), 2, 3),
    "resize to the same size": (x) => resize3d(x.reshape([1, ...x.shape]), [3, 4, 5]).reshape(x.shape),
  };
  for (const [name, move] of Object.entries(moves)) {
    const [moved, original] = scope(() => {
      const x = draw(device, "x", [2, 3, 4, 5]);
      return [move(x), x] as const;
    });
    assert.deepEqual(await values(moved), await values(original), name);
  }
  return Object.keys(moves);
});

testOnDevices("roll() brings in at one end what leaves at the other", async (device) => {
  assert.deepEqual(await values(scope(() => roll(Tensor.from(device, [0, 1, 2, 3, 4]), 2, 0))), [
    3,
    4,
    0,
    1,
    2,
  ]);
  assert.deepEqual(await values(scope(() => roll(Tensor.from(device, [0, 1, 2, 3, 4]), -1, 0))), [
    1,
    2,
    3,
    4,
    0,
  ]);
});

/** The stream's own words say which elements go: the same on every device. */
testOnDevices(
  "dropout follows the random stream bit for bit, keeps the mean and repeats in backward",
  async (device) => {
    const size = 1001;
    const [first, second] = [new Random(42), new Random(42)];
    const key = [second.uint32(), second.uint32()] as const;
    const stream = new Random({ key, drawn: 0 });
    const rate = 0.3;
    const expected = Array.from(
      { length: size },
      () => stream.uint32() < Math.round(rate * 2 ** 32) ? 0 : 1 / (1 - rate),
    );
    using x = Tensor.full(device, [size], 1).asParameter();
    const y = scope(() => {
      const y = dropout(x, rate, first);
      y.sum().backward();
      return y;
    });
    assertClose(await values(y), expected, () => 1e-6, "dropout");
    assertClose(await x.grad!.data(), expected, () => 1e-6, "gradient");
    const kept = expected.filter((v) => v > 0).length / size;
    assert.ok(Math.abs(kept - 0.7) < 4 * Math.sqrt(0.21 / size), `kept ${kept}`);
    assert.deepEqual(first.state, second.state);
  },
);

testOnDevices("dropPath() drops or keeps whole samples", async (device) => {
  const y = await values(scope(() => dropPath(Tensor.full(device, [200, 3], 1), 0.25, new Random(5))));
  const rows = Array.from({ length: 200 }, (_, n) => y.slice(3 * n, 3 * n + 3));
  for (const row of rows) {
    assert.ok(row.every((v) => v === row[0]) && (row[0] === 0 || Math.abs(row[0]! - 4 / 3) < 1e-6));
  }
  const dropped = rows.filter((row) => row[0] === 0).length;
  assert.ok(dropped > 25 && dropped < 75, `${dropped} of 200 dropped`);
  return ["dropPath"];
});

testOnDevices("random tensors are equal on every device", async (device) => {
  const shape = [3, 5, 7];
  const normal = await values(Tensor.normal(device, new Random(3), shape));
  const random = new Random(3);
  assert.deepEqual(normal, Array.from({ length: sizeOf(shape) }, () => Math.fround(random.normal())));
  const uniform = await values(Tensor.uniform(device, new Random(4), shape, -2, 3));
  const other = new Random(4);
  assert.deepEqual(uniform, Array.from({ length: sizeOf(shape) }, () => Math.fround(other.uniform(-2, 3))));
  return ["normal", "uniform"];
});

testOnDevices("slices of a volume larger than a workgroup row agree with the whole", async (device) => {
  const [part, expected] = scope(() => {
    const x = draw(device, "x", [1, 2, 9, 33, 35]);
    const double = x.mul(2).add(1);
    const box = [[0, 1, 2, 3, 4], [1, 1, 5, 17, 19]] as const;
    return [slice(double, ...box), slice(x, ...box).mul(2).add(1)] as const;
  });
  await assertSame(part, expected, "slice", 1e-7);
});
