/** What gradients must fulfil whatever the values are: each property follows from one of the function. */

import {
  avgPool3d,
  conv3d,
  convTranspose3d,
  type Device,
  diceCrossEntropy,
  gelu,
  groupNorm,
  logSoftmax,
  max,
  maxPool3d,
  Random,
  resize3d,
  scope,
  silu,
  softmax,
  sumOfSquares,
  Tensor,
  update,
} from "../../tensor/mod.ts";
import { adamOp, sgdOp } from "../../tensor/ops/update.ts";
import type { Shape } from "../../tensor/shape.ts";
import { testOnDevices } from "./devices.ts";
import { around, assertClose } from "./tolerance.ts";

const draw = (device: Device, label: string, shape: Shape) =>
  Tensor.uniform(device, new Random(17).child(label), shape, -1, 1);

/** The gradient at x of the sum of the result times a fixed random tensor, and that tensor. */
function gradientOf(map: (x: Tensor) => Tensor, x: Tensor): { gradient: Tensor; weights: Tensor; y: Tensor } {
  const parameter = x.mul(1).detach().asParameter();
  const y = map(parameter);
  const weights = draw(x.device, "weights", y.shape);
  y.mul(weights).sum().backward();
  return { gradient: parameter.grad!, weights, y };
}

async function assertEqual(pairs: Record<string, readonly [Tensor, Tensor]>, relative = 1e-4): Promise<void> {
  for (const [name, [actual, expected]] of Object.entries(pairs)) {
    const values = await expected.data();
    assertClose(await actual.data(), values, around(values, relative, relative), name);
    actual.dispose();
    expected.dispose();
  }
}

testOnDevices("the gradient of a linear map is its adjoint: ⟨A x, y⟩ = ⟨x, Aᵀ y⟩", async (device) => {
  const shape = [2, 4, 5, 6, 7];
  const w = () => draw(device, "w", [3, 4, 3, 3, 3]);
  const x = () => draw(device, "x", shape);
  const maps: Record<string, [(x: Tensor) => Tensor, Tensor]> = {
    "conv3d in x": [(x) => conv3d(x, w(), null, { padding: 1 }), x()],
    "conv3d in w": [(w) => conv3d(x(), w, null, { padding: 1 }), w()],
    "convTranspose3d in x": [
      (x) => convTranspose3d(x, draw(device, "w", [4, 2, 2, 2, 2]), null, { stride: 2 }),
      x(),
    ],
    "convTranspose3d in w": [
      (w) => convTranspose3d(x(), w, null, { stride: 2 }),
      draw(device, "w", [4, 2, 2, 2, 2]),
    ],
    avgPool3d: [(x) => avgPool3d(x, 2), x()],
    // Locally linear: each output is one input.
    maxPool3d: [(x) => maxPool3d(x, 2), x()],
    max: [(x) => max(x, { axes: [1, 3] }), x()],
    trilinear: [(x) => resize3d(x, [3, 7, 9]), x()],
  };
  const pairs = scope(() =>
    Object.entries(maps).map(([name, [map, x]]) => {
      const { gradient, weights, y } = gradientOf(map, x);
      return [name, [gradient.mul(x).sum(), y.detach().mul(weights).sum()]] as const;
    })
  );
  await assertEqual(Object.fromEntries(pairs));
});

testOnDevices("what a function does not see, its gradient does not change", async (device) => {
  const [ones, zeros] = [Tensor.full(device, [4], 1), Tensor.zeros(device, [4])];
  const labels = Tensor.from(device, Int32Array.from({ length: 2 * 3 * 5 * 2 }, (_, i) => i % 4), [
    2,
    3,
    5,
    2,
  ], "i32");
  const x = draw(device, "x", [2, 4, 3, 5, 2]);
  // Softmax and the loss do not see a shift of all classes: the gradient's sum over them is 0.
  const shifts: Record<string, (x: Tensor) => Tensor> = {
    softmax: (x) => softmax(x, 1),
    logSoftmax: (x) => logSoftmax(x, 1),
    diceCrossEntropy: (x) => diceCrossEntropy(x, labels),
  };
  const sums = scope(() =>
    Object.entries(shifts).map(([name, map]) => {
      const total = gradientOf(map, x).gradient.sum({ axes: [1] });
      return [name, [total, total.mul(0)]] as const;
    })
  );
  await assertEqual(Object.fromEntries(sums), 1e-6);
  // A norm sees neither shift nor scale of a group: the gradient's sum, and its product with x, are 0.
  const norms = scope(() => {
    const { gradient } = gradientOf((x) => groupNorm(x, ones, zeros, 2, { epsilon: 0 }), x);
    const groups = (t: Tensor) => t.reshape([2, 2, 60]).sum({ axes: [2] });
    const [shift, scale] = [groups(gradient), groups(gradient.mul(x))];
    return { shift: [shift, shift.mul(0)], scale: [scale, scale.mul(0)] } as const;
  });
  await assertEqual(norms, 2e-5);
  for (const tensor of [ones, zeros, labels, x]) tensor.dispose();
});

testOnDevices("derivatives keep the symmetry of their functions", async (device) => {
  const pairs = scope(() => {
    const x = draw(device, "x", [3, 7]).mul(3);
    const derivative = (map: (x: Tensor) => Tensor, x: Tensor) => {
      const { gradient, weights } = gradientOf(map, x);
      return gradient.div(weights);
    };
    // f(x) − f(−x) = x for both, so f′(x) + f′(−x) = 1.
    const both = (map: (x: Tensor) => Tensor) => derivative(map, x).add(derivative(map, x.neg()));
    // Σx² is homogeneous of degree two: ⟨∇f, x⟩ = 2 f (Euler).
    const { gradient, weights, y } = gradientOf((x) => sumOfSquares([x]), x);
    return {
      gelu: [both(gelu), x.mul(0).add(1)],
      silu: [both(silu), x.mul(0).add(1)],
      sumOfSquares: [gradient.mul(x).sum(), y.detach().mul(weights).mul(2)],
    } as const;
  });
  await assertEqual(pairs);
});

testOnDevices("optimiser steps scale as their formulas say", async (device) => {
  const shape = [3, 5];
  const start = () => draw(device, "p", shape);
  const zeros = () => Tensor.zeros(device, shape);
  const pairs = scope(() => {
    const one = Tensor.full(device, [], 1);
    const g = draw(device, "g", shape);
    const descend = (learningRates: readonly number[]) => {
      const p = start();
      const plain = { momentum: 0, isNesterov: false, weightDecay: 0 };
      for (const learningRate of learningRates) {
        update(sgdOp, [one, g], [p, zeros()], { ...plain, learningRate });
      }
      return p;
    };
    const adam = (scale: number) => {
      const p = start();
      const plain = { beta1: 0.9, beta2: 0.99, epsilon: 0, weightDecay: 0.1, isDecoupled: true };
      update(adamOp, [one, g.mul(scale)], [p, zeros(), zeros()], { ...plain, learningRate: 0.1, step: 1 });
      return p;
    };
    return {
      "sgd: two half steps are one": [descend([0.1, 0.1]), descend([0.2])],
      "adam does not see the scale of the gradient": [adam(1), adam(64)],
    } as const;
  });
  await assertEqual(pairs, 1e-5);
});
