/**
 * Optimisers. A step is a few kernels for all parameters together.
 *
 * @module
 */

import { update } from "./apply.ts";
import type { Module } from "./module.ts";
import { type AdamAttributes, adamOp, sgdOp } from "./ops/update.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup } from "./optimizer.ts";

/** Settings of {@link Sgd}. */
export interface SgdOptions extends OptimizerOptions {
  /** Weight decay, added to the gradient; 0 by default. */
  readonly weightDecay?: number;
  /** What stays of the velocity from step to step, 0.9 by default. */
  readonly momentum?: number;
  /** Whether the step looks ahead along the new velocity; false by default. */
  readonly isNesterov?: boolean;
}

/** Stochastic gradient descent with momentum, on request Nesterov's (Sutskever et al. 2013). */
export class Sgd extends Optimizer {
  readonly #momentum: number;
  readonly #isNesterov: boolean;

  /** Makes zero velocities for every parameter. */
  constructor(network: Module, { momentum = 0.9, isNesterov = false, ...shared }: SgdOptions = {}) {
    super(network, ["velocity"], { weightDecay: 0, ...shared });
    this.#momentum = momentum;
    this.#isNesterov = isNesterov;
  }

  /** Changes the parameters of a group in place. */
  protected override update(group: ParameterGroup): void {
    const { parameters, gradients, states, factor, learningRate, weightDecay } = group;
    update(sgdOp, [factor, ...gradients], [...parameters, ...states], {
      learningRate,
      momentum: this.#momentum,
      isNesterov: this.#isNesterov,
      weightDecay,
    });
  }
}

/** Settings of {@link Adam} and {@link AdamW}. */
export interface AdamOptions extends OptimizerOptions {
  /** Decay of the first moment, 0.9 by default. */
  readonly beta1?: number;
  /** Decay of the second moment, 0.999 by default. */
  readonly beta2?: number;
  /** Added to the root of the second moment, 1e-8 by default. */
  readonly epsilon?: number;
}

/** Adam (Kingma & Ba 2015); weight decay, 0 by default, is added to the gradient. */
export class Adam extends Optimizer {
  readonly #settings: Pick<AdamAttributes, "beta1" | "beta2" | "epsilon">;
  /** Whether weight decay acts on the parameters themselves. */
  protected readonly isDecoupled: boolean = false;

  /** Makes zero moments for every parameter. */
  constructor(
    network: Module,
    { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, ...shared }: AdamOptions = {},
  ) {
    super(network, ["first", "second"], { weightDecay: 0, ...shared });
    this.#settings = { beta1, beta2, epsilon };
  }

  /** Changes the parameters of a group in place. */
  protected override update(group: ParameterGroup): void {
    const { parameters, gradients, states, factor, learningRate, weightDecay, step } = group;
    update(adamOp, [factor, ...gradients], [...parameters, ...states], {
      ...this.#settings,
      learningRate,
      weightDecay,
      isDecoupled: this.isDecoupled,
      step,
    });
  }
}

/** AdamW (Loshchilov & Hutter 2019): weight decay, 0.01 by default, shrinks the parameters themselves. */
export class AdamW extends Adam {
  /** Weight decay acts on the parameters themselves. */
  protected override readonly isDecoupled = true;

  /** Makes zero moments for every parameter. */
  constructor(network: Module, options: AdamOptions = {}) {
    super(network, { weightDecay: 0.01, ...options });
  }
}
