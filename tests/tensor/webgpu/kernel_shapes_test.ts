/**
 * Kernels on random shapes against the reference kernels, with the usual choices of blocks and with finer
 * ones. CMC_SHAPES asks for more shapes.
 */

import { apply, applyAll } from "../../../tensor/apply.ts";
import { openReferenceCpu } from "../../../tensor/cpu/open.ts";
import type { Device } from "../../../tensor/device.ts";
import {
  conv3dInputGradOp,
  conv3dOp,
  conv3dWeightGradOp,
  type ConvAttributes,
  convTranspose3dOp,
} from "../../../tensor/ops/conv3d.ts";
import { matmul } from "../../../tensor/ops/matmul.ts";
import { groupNorm } from "../../../tensor/ops/normalization.ts";
import { logSoftmax, softmax } from "../../../tensor/ops/softmax.ts";
import { unitRows } from "../../../tensor/ops/unit_rows.ts";
import { Random } from "../../../tensor/random.ts";
import { keep, scope } from "../../../tensor/scope.ts";
import type { Triple } from "../../../tensor/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { always, type Tuning } from "../../../tensor/webgpu/tuning.ts";
import { around, assertClose } from "../tolerance.ts";
import { testWebGpu } from "./adapter.ts";

const count = Number(Deno.env.get("CMC_SHAPES") ?? 6);

/** Small blocks and little shared memory: every way of splitting the work is taken on small shapes. */
const fine: Partial<Tuning> = {
  table: {
    convolution: always({ outputs: 4, channels: 16 }),
    weightGradient: always({ workgroups: 256, sums: 72 }),
    matmul: always({ block: 8, tiles: true }),
  },
  sharedBytes: 512,
  workgroups: 4,
};

interface Convolution {
  readonly attributes: ConvAttributes;
  readonly x: number[];
  readonly w: number[];
}

function drawConvolution(random: Random): Convolution {
  const draw = (low: number, high: number) => low + random.integer(high - low + 1);
  const triple = (low: number, high: number): Triple => [draw(low, high), draw(low, high), draw(low, high)];
  const kernel = triple(1, 3);
  const dilation = triple(1, 2);
  const groups = draw(1, 3) === 1 ? 2 : 1;
  const channels = draw(1, 9);
  return {
    attributes: { stride: triple(1, 2), padding: triple(0, 2), dilation, groups },
    x: [draw(1, 2), channels * groups, ...[0, 1, 2].map((a) => dilation[a]! * (kernel[a]! - 1) + draw(1, 9))],
    w: [draw(1, 19) * groups, channels, ...kernel],
  };
}

const tensorOf = (device: Device, random: Random, shape: readonly number[]) =>
  Tensor.normal(device, random, shape);

/** All convolution kernels on one drawing. */
function convolutions(device: Device, { attributes, x, w }: Convolution): Tensor[] {
  const random = new Random(8);
  return scope(() => {
    const input = tensorOf(device, random.child("x"), x);
    const weight = tensorOf(device, random.child("w"), w);
    const bias = tensorOf(device, random.child("bias"), [w[0]!]);
    const y = apply(conv3dOp, [input, weight, bias], attributes);
    const size = x.slice(2) as unknown as Triple;
    const kernel = w.slice(2) as unknown as Triple;
    return [
      y,
      apply(conv3dInputGradOp, [y, weight], { ...attributes, size }),
      ...applyAll(conv3dWeightGradOp, [input, y], { ...attributes, kernel, channelSums: "g" }),
      ...applyAll(conv3dWeightGradOp, [input, y], { ...attributes, kernel, channelSums: "x" }),
      apply(convTranspose3dOp, [y, weight], { ...attributes, padding: [0, 0, 0] }),
    ];
  });
}

async function compare(device: Device, what: string, make: (device: Device) => Tensor[]) {
  using cpu = openReferenceCpu();
  const [expected, actual] = [make(cpu), make(device)];
  const values = await Promise.all(actual.map((tensor) => tensor.data()));
  for (const [k, tensor] of expected.entries()) {
    const reference = await tensor.data();
    assertClose(values[k]!, reference, around(reference, 1e-4, 1e-5), `${what}, output ${k}`);
  }
  for (const tensor of actual) tensor.dispose();
}

for (const [kind, tuning] of Object.entries({ usual: {}, fine })) {
  testWebGpu(
    `convolutions on ${count} random shapes agree with the reference [${kind} choices]`,
    async (device) => {
      for (let k = 0; k < count; k++) {
        const drawn = drawConvolution(new Random(20).child(kind).child(k));
        await compare(device, JSON.stringify(drawn), (on) => convolutions(on, drawn));
      }
    },
    { tuning },
  );

  testWebGpu(
    `matrix products on ${count} random shapes agree with the reference [${kind} choices]`,
    async (device) => {
      for (let k = 0; k < count; k++) {
        const random = new Random(21).child(kind).child(k);
        const [m, n, inner] = [1, 2, 3].map((i) =>
          1 + random.child(i).integer(i === 3 && k % 3 === 0 ? 1500 : 90)
        );
        const [transposeA, transposeB] = [random.uniform(0, 1) < 0.5, random.uniform(0, 1) < 0.5];
        const a = transposeA ? [3, inner!, m!] : [3, m!, inner!];
        const b = transposeB ? [n!, inner!] : [inner!, n!];
        await compare(device, `${m} × ${inner} × ${n}, ${transposeA}, ${transposeB}`, (on) =>
          scope(() => [
            matmul(tensorOf(on, random.child("a"), a), tensorOf(on, random.child("b"), b), {
              transposeA,
              transposeB,
            }),
          ]));
      }
    },
    { tuning },
  );
}

/** What a function makes of tensors of these shapes, and the gradients of a weighted sum of that. */
function withGradients(
  device: Device,
  shapes: readonly (readonly number[])[],
  map: (leaves: readonly Tensor[]) => Tensor,
): Tensor[] {
  const random = new Random(22);
  const leaves = shapes.map((shape, i) => keep(tensorOf(device, random.child(i), shape)));
  for (const leaf of leaves) leaf.requiresGrad = true;
  const y = scope(() => {
    const y = map(leaves);
    y.mul(tensorOf(device, random.child("weights"), y.shape)).sum().backward();
    return y;
  });
  const gradients = leaves.map((leaf) => leaf.grad!.alias());
  for (const leaf of leaves) leaf.dispose();
  return [y, ...gradients];
}

/** Few and many channels a group, volumes of one voxel and of many. */
function drawNormalization(random: Random): { shape: number[]; groups: number } {
  const [groups, perGroup] = [1 + random.integer(6), 1 + random.integer(6)];
  const volume = random.integer(2) === 0
    ? [1 + random.integer(20)]
    : [1, 2, 3].map(() => 1 + random.integer(14));
  return { shape: [1 + random.integer(3), groups * perGroup, ...volume], groups };
}

const normalizations = [
  { shape: [2, 96, 5], groups: 1 },
  { shape: [50, 200], groups: 1 },
  { shape: [3, 4, 9], groups: 4 },
  { shape: [1, 8, 20, 20, 20], groups: 8 },
  { shape: [1, 2, 41, 41, 41], groups: 2 },
  { shape: [2, 2, 41, 41, 20], groups: 1 },
  { shape: [130, 2, 300], groups: 2 },
];

testWebGpu(
  `group normalisation on ${
    normalizations.length + count
  } shapes agrees with the reference, with its gradients`,
  async (device) => {
    const drawn = Array.from({ length: count }, (_, k) => drawNormalization(new Random(23).child(k)));
    for (const { shape, groups } of [...normalizations, ...drawn]) {
      await compare(
        device,
        `${shape} in ${groups}`,
        (on) =>
          withGradients(
            on,
            [shape, [shape[1]!], [shape[1]!]],
            ([x, gamma, beta]) => groupNorm(x!, gamma!, beta!, groups, { slope: 0.1 }),
          ),
      );
    }
  },
);

/** Rows of one thread, of a workgroup and of several, side by side and interleaved; many of them, and few. */
const rows = [
  { shape: [5, 7], axis: 1 },
  { shape: [2, 3, 400], axis: 1 },
  { shape: [4, 100], axis: 1 },
  { shape: [600, 200], axis: 1 },
  { shape: [2, 70, 9], axis: 1 },
  { shape: [3, 9000], axis: 1 },
  { shape: [1, 5000, 3], axis: 1 },
];

for (const [name, map] of Object.entries({ softmax, logSoftmax, unitRows: (x: Tensor) => unitRows(x) })) {
  testWebGpu(`${name} of rows of any length agrees with the reference, with its gradient`, async (device) => {
    for (const { shape, axis } of rows) {
      // Times the length: the elements are around 1 then, however many share a row.
      await compare(
        device,
        `${shape}`,
        (on) => withGradients(on, [shape], ([x]) => map(x!.mul(3), axis).mul(shape[axis]!)),
      );
    }
  });
}
