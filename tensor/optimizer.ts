/**
 * What optimisers have in common: the state of every parameter, groups of parameters with settings of their
 * own, and saving and loading.
 *
 * @module
 */

import { type HostTensor, type Module, requireSameTensors, type StateDict } from "./module.ts";
import { keep, scope } from "./scope.ts";
import { Tensor } from "./tensor.ts";

/** What may differ from parameter to parameter. */
export interface ParameterSettings {
  /** Weight decay. */
  readonly weightDecay: number;
  /** Multiplies the learning rate; 0 freezes the parameter. */
  readonly learningRateScale: number;
}

/** Says what is different for a parameter; what it leaves out keeps the optimiser's own value. */
export type SettingsOf = (name: string, parameter: Tensor) => Partial<ParameterSettings>;

/** Settings that all optimisers share. */
export interface OptimizerOptions {
  /** Weight decay. */
  readonly weightDecay?: number;
  /** Exceptions. Norms and biases (rank ≤ 1) have no weight decay unless it says so. */
  readonly settingsOf?: SettingsOf;
}

/** Parameters of a step that share their settings, and the state that goes with them. */
export interface ParameterGroup extends ParameterSettings {
  /** What is trained. */
  readonly parameters: readonly Tensor[];
  /** Their gradients. */
  readonly gradients: readonly Tensor[];
  /** All tensors of the first kind of state, then all of the second, and so on. */
  readonly states: readonly Tensor[];
  /** Learning rate, scaled. */
  readonly learningRate: number;
  /** Scalar that multiplies the gradients. */
  readonly factor: Tensor;
  /** Number of this step, from 1. */
  readonly step: number;
}

interface Slot extends ParameterSettings {
  readonly name: string;
  readonly parameter: Tensor;
  /** One a kind of state. */
  readonly states: readonly Tensor[];
}

/** Base class of optimisers over the parameters of a network. */
export abstract class Optimizer implements Disposable {
  readonly #kinds: readonly string[];
  readonly #slots: readonly Slot[];
  #steps = 0;

  /** Makes zero states of these kinds for every parameter. */
  protected constructor(
    network: Module,
    kinds: readonly string[],
    { weightDecay, settingsOf }: OptimizerOptions & { readonly weightDecay: number },
  ) {
    this.#kinds = kinds;
    this.#slots = [...network.namedParameters()].map(([name, parameter]) => ({
      name,
      parameter,
      states: kinds.map(() => keep(Tensor.zeros(parameter.device, parameter.shape))),
      weightDecay: parameter.shape.length > 1 ? weightDecay : 0,
      learningRateScale: 1,
      ...settingsOf?.(name, parameter),
    }));
  }

  /** Changes the parameters of a group in place. */
  protected abstract update(group: ParameterGroup): void;

  /** Steps taken. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Changes every parameter that has a gradient.
   *
   * @param learningRate of this step
   * @param factor a scalar tensor that multiplies the gradients, as clipping wants
   */
  step(learningRate: number, factor?: Tensor): void {
    this.#steps++;
    const live = this.#slots.filter(({ parameter, learningRateScale }) =>
      parameter.grad && learningRateScale !== 0
    );
    const groups = Map.groupBy(
      live,
      ({ weightDecay, learningRateScale }) => `${weightDecay} ${learningRateScale}`,
    );
    scope(() => {
      for (const slots of groups.values()) {
        const { weightDecay, learningRateScale, parameter: { device } } = slots[0]!;
        this.update({
          parameters: slots.map(({ parameter }) => parameter),
          gradients: slots.map(({ parameter }) => parameter.grad!),
          states: this.#kinds.flatMap((_, kind) => slots.map(({ states }) => states[kind]!)),
          weightDecay,
          learningRateScale,
          learningRate: learningRate * learningRateScale,
          factor: factor ?? Tensor.full(device, [], 1),
          step: this.#steps,
        });
      }
    });
  }

  *#namedStates(): Generator<[string, Tensor]> {
    for (const { name, states } of this.#slots) {
      for (const [kind, state] of states.entries()) yield [`${name}.${this.#kinds[kind]}`, state];
    }
  }

  /** The state, for a checkpoint; the number of steps is stored by the caller. */
  async stateDict(): Promise<StateDict> {
    const state = new Map<string, HostTensor>();
    for (const [name, tensor] of this.#namedStates()) {
      state.set(name, { shape: tensor.shape, data: await tensor.data() });
    }
    return state;
  }

  /**
   * Continues from a saved state. Nothing is changed unless everything fits.
   *
   * @throws {ParameterFileError} `parameters.mismatch` when it belongs to another network or optimiser
   */
  loadStateDict(state: StateDict, steps: number): void {
    const own = new Map(this.#namedStates());
    requireSameTensors(own, state, "the optimiser's state does not belong to this network");
    for (const [name, tensor] of own) tensor.write(state.get(name)!.data);
    this.#steps = steps;
  }

  /** Frees the state. */
  [Symbol.dispose](): void {
    for (const { states } of this.#slots) for (const state of states) state.dispose();
  }
}
