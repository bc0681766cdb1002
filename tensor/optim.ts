/**
 * Optimisers and gradient clipping.
 *
 * @module
 */

import { update } from "./apply.ts";
import type { HostTensor, Module, StateDict } from "./module.ts";
import { div, minimum, sqrt } from "./ops/elementwise.ts";
import { concat, reshape } from "./ops/layout.ts";
import { sum } from "./ops/reduce.ts";
import { adamWOp } from "./ops/update.ts";
import { keep } from "./scope.ts";
import { Tensor } from "./tensor.ts";

/**
 * Euclidean norm of all gradients together.
 *
 * @returns a scalar tensor
 */
export function globalGradientNorm(parameters: readonly Tensor[]): Tensor {
  const squares = parameters.flatMap(({ grad }) => grad ? [reshape(grad.square().sum(), [1])] : []);
  return sqrt(sum(concat(squares, 0)));
}

/** The factor that brings a gradient norm down to at most `limit`. */
export function clipFactor(norm: Tensor, limit: number): Tensor {
  return minimum(div(limit, norm.add(1e-6)), 1);
}

/** Settings of {@link AdamW}. */
export interface AdamWOptions {
  /** Decoupled weight decay of weights; norms and biases (rank ≤ 1) have none. 0.01 by default. */
  readonly weightDecay?: number;
  /** Decay of the first moment, 0.9 by default. */
  readonly beta1?: number;
  /** Decay of the second moment, 0.999 by default. */
  readonly beta2?: number;
  /** Added to the root of the second moment, 1e-8 by default. */
  readonly epsilon?: number;
}

interface Slot {
  readonly name: string;
  readonly parameter: Tensor;
  readonly first: Tensor;
  readonly second: Tensor;
  readonly weightDecay: number;
}

/** AdamW (Loshchilov & Hutter 2019) over the parameters of a network. */
export class AdamW implements Disposable {
  readonly #slots: readonly Slot[];
  readonly #options: Required<AdamWOptions>;
  #steps = 0;

  /** Makes zero moments for every parameter. */
  constructor(network: Module, options: AdamWOptions = {}) {
    this.#options = { weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, ...options };
    this.#slots = [...network.namedParameters()].map(([name, parameter]) => ({
      name,
      parameter,
      first: keep(Tensor.zeros(parameter.device, parameter.shape)),
      second: keep(Tensor.zeros(parameter.device, parameter.shape)),
      weightDecay: parameter.shape.length > 1 ? this.#options.weightDecay : 0,
    }));
  }

  /** Steps taken. */
  get steps(): number {
    return this.#steps;
  }

  /** Changes every parameter that has a gradient; `factor` (a scalar tensor) multiplies the gradients. */
  step(learningRate: number, factor: Tensor): void {
    this.#steps++;
    const { beta1, beta2, epsilon } = this.#options;
    for (const { parameter, first, second, weightDecay } of this.#slots) {
      if (!parameter.grad) continue;
      update(adamWOp, [parameter.grad, factor], [parameter, first, second], {
        learningRate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        step: this.#steps,
      });
    }
  }

  /** The moments, for a checkpoint; the number of steps is stored by the caller. */
  async stateDict(): Promise<StateDict> {
    const state = new Map<string, HostTensor>();
    for (const { name, first, second } of this.#slots) {
      state.set(`${name}.first`, { shape: first.shape, data: await first.data() });
      state.set(`${name}.second`, { shape: second.shape, data: await second.data() });
    }
    return state;
  }

  /** Continues from saved moments. The names must be those of this network. */
  loadStateDict(state: StateDict, steps: number): void {
    for (const { name, first, second } of this.#slots) {
      first.write(state.get(`${name}.first`)!.data);
      second.write(state.get(`${name}.second`)!.data);
    }
    this.#steps = steps;
  }

  /** Frees the moments. */
  [Symbol.dispose](): void {
    for (const { first, second } of this.#slots) {
      first.dispose();
      second.dispose();
    }
  }
}
