/**
 * In-place updates of parameters. Everything that changes from step to step is a scalar of the call.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { sizeOf } from "../../shape.ts";
import type { Kernel } from "../kernel.ts";

/** AdamW; the bias corrections are powers that need double precision, so the host computes them. */
export const adamW: Kernel<KernelAttributes<"adamW">> = {
  varying: ["learningRate", "beta1", "beta2", "epsilon", "weightDecay", "step"],
  scalars: ({ learningRate, beta1, beta2, epsilon, weightDecay, step }) => ({
    keep: 1 - learningRate * weightDecay,
    rate: learningRate / (1 - beta1 ** step),
    beta1,
    rest1: 1 - beta1,
    beta2,
    rest2: 1 - beta2,
    root: 1 / Math.sqrt(1 - beta2 ** step),
    epsilon,
  }),
  steps: (call) => [{
    label: "adamW",
    reads: { g: call.input(0), factor: call.input(1) },
    writes: { p: call.output(0), m: call.output(1), v: call.output(2) },
    threads: sizeOf(call.outputs[0]!.shape),
    counted: true,
    body: `
  let g = g_at(i) * factor_at(0u);
  let m = scalars.beta1 * m_at(i) + scalars.rest1 * g;
  let v = scalars.beta2 * v_at(i) + scalars.rest2 * g * g;
  set_m(i, m);
  set_v(i, v);
  set_p(i, scalars.keep * p_at(i) - scalars.rate * m / (sqrt(v) * scalars.root + scalars.epsilon));`,
  }],
};

/** Exponential moving average. */
export const average: Kernel<KernelAttributes<"average">> = {
  varying: ["decay"],
  scalars: ({ decay }) => ({ decay, rest: 1 - decay }),
  steps: (call) => [{
    label: "average",
    reads: { x: call.input(0) },
    writes: { out: call.output(0) },
    threads: sizeOf(call.outputs[0]!.shape),
    counted: true,
    body: `set_out(i, scalars.decay * out_at(i) + scalars.rest * x_at(i));`,
  }],
};

/** Sum in place. */
export const accumulate: Kernel<KernelAttributes<"accumulate">> = {
  steps: (call) => [{
    label: "accumulate",
    reads: { x: call.input(0) },
    writes: { out: call.output(0) },
    threads: sizeOf(call.outputs[0]!.shape),
    counted: true,
    body: `set_out(i, out_at(i) + x_at(i));`,
  }],
};
