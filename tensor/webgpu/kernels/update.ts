/**
 * In-place updates of parameters. Everything that changes from step to step is a scalar of the call.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import type { Kernel } from "../kernel.ts";
import { updateSteps } from "./tensor_list.ts";

/** Gradient descent with momentum; with Nesterov the step is `lr·g + lr·μ·v`, else `lr·v`. */
export const sgd: Kernel<KernelAttributes<"sgd">> = {
  varying: ["learningRate", "momentum", "isNesterov", "weightDecay"],
  scalars: ({ learningRate, momentum, isNesterov, weightDecay }) => ({
    decay: weightDecay,
    momentum,
    plain: isNesterov ? learningRate : 0,
    ahead: isNesterov ? learningRate * momentum : learningRate,
  }),
  steps: (call) =>
    updateSteps(call, {
      label: "sgd",
      factor: call.input(0),
      reads: ["g"],
      writes: ["p", "v"],
      body: (k) => `
  let p = p${k}_at(at);
  let g = g${k}_at(at) * factor_at(0u) + scalars.decay * p;
  let v = scalars.momentum * v${k}_at(at) + g;
  set_v${k}(at, v);
  set_p${k}(at, p - scalars.plain * g - scalars.ahead * v);`,
    }),
};

/** Adam and AdamW; the bias corrections are powers that need double precision, so the host computes them. */
export const adam: Kernel<KernelAttributes<"adam">> = {
  varying: ["learningRate", "beta1", "beta2", "epsilon", "weightDecay", "isDecoupled", "step"],
  scalars: ({ learningRate, beta1, beta2, epsilon, weightDecay, isDecoupled, step }) => ({
    decay: isDecoupled ? 0 : weightDecay,
    keep: isDecoupled ? 1 - learningRate * weightDecay : 1,
    rate: learningRate / (1 - beta1 ** step),
    beta1,
    rest1: 1 - beta1,
    beta2,
    rest2: 1 - beta2,
    root: 1 / Math.sqrt(1 - beta2 ** step),
    epsilon,
  }),
  steps: (call) =>
    updateSteps(call, {
      label: "adam",
      factor: call.input(0),
      reads: ["g"],
      writes: ["p", "m", "v"],
      body: (k) => `
  let p = p${k}_at(at);
  let g = g${k}_at(at) * factor_at(0u) + scalars.decay * p;
  let m = scalars.beta1 * m${k}_at(at) + scalars.rest1 * g;
  let v = scalars.beta2 * v${k}_at(at) + scalars.rest2 * g * g;
  set_m${k}(at, m);
  set_v${k}(at, v);
  set_p${k}(at, scalars.keep * p - scalars.rate * m / (sqrt(v) * scalars.root + scalars.epsilon));`,
    }),
};

/** Exponential moving average. */
export const average: Kernel<KernelAttributes<"average">> = {
  varying: ["decay"],
  scalars: ({ decay }) => ({ decay, rest: 1 - decay }),
  steps: (call) =>
    updateSteps(call, {
      label: "average",
      factor: null,
      reads: ["x"],
      writes: ["out"],
      body: (k) => `set_out${k}(at, scalars.decay * out${k}_at(at) + scalars.rest * x${k}_at(at));`,
    }),
};

/** Sum in place. */
export const accumulate: Kernel<KernelAttributes<"accumulate">> = {
  steps: (call) =>
    updateSteps(call, {
      label: "accumulate",
      factor: null,
      reads: ["x"],
      writes: ["out"],
      body: (k) => `set_out${k}(at, out${k}_at(at) + x${k}_at(at));`,
    }),
};
