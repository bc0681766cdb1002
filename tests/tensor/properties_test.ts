/** What must hold whatever the values are; these catch wrong indexing better than single values do. */

import assert from "node:assert/strict";
import type { Device } from "../../tensor/device.ts";
import {
  argmax,
  attention,
  avgPool3d,
  concat,
  conv3d,
  type ConvOptions,
  convTranspose3d,
  diceCrossEntropy,
  dropout,
  dropPath,
  flip,
  groupNorm,
  instanceNorm,
  layerNorm,
  logSoftmax,
  matmul,
  maxPool3d,
  oneHot,
  permute,
  Random,
  resize3d,
  roll,
  scope,
  slice,
  softmax,
  Tensor,
} from "../../tensor/mod.ts";
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
  };
  for (const [name, map] of Object.entries(maps)) {
    const [plain, changed] = scope(() => {
      const x = draw(device, "x", [2, 4, 5, 6, 7]);
      return [map(x), map(x.mul(3).add(2))] as const;
    });
    await assertSame(changed, plain, name, 1e-4);
  }
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
});

testOnDevices("random tensors are equal on every device", async (device) => {
  const shape = [3, 5, 7];
  const normal = await values(Tensor.normal(device, new Random(3), shape));
  const random = new Random(3);
  assert.deepEqual(normal, Array.from({ length: sizeOf(shape) }, () => Math.fround(random.normal())));
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
