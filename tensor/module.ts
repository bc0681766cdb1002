/**
 * Networks as plain classes whose tensors and sub-modules are their fields.
 *
 * @module
 */

import { ParameterFileError } from "./errors.ts";
import type { HostArray } from "./device.ts";
import { sameShape, type Shape, shapeText } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/** Values of a tensor on the host. */
export interface HostTensor {
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** Values in row-major order. */
  readonly data: HostArray;
}

/** Values by parameter name. */
export type StateDict = ReadonlyMap<string, HostTensor>;

/**
 * Refuses values that are not those of these tensors.
 *
 * @throws {ParameterFileError} `parameters.mismatch` listing the first ten missing, unknown or differently
 * shaped names
 */
export function requireSameTensors(
  own: ReadonlyMap<string, Tensor>,
  state: StateDict,
  problem: string,
): void {
  const problems: string[] = [];
  for (const [name, tensor] of own) {
    const given = state.get(name);
    if (!given) problems.push(`missing ${name}${shapeText(tensor.shape)}`);
    else if (!sameShape(given.shape, tensor.shape)) {
      problems.push(`${name}: got ${shapeText(given.shape)}, expected ${shapeText(tensor.shape)}`);
    }
  }
  for (const name of state.keys()) if (!own.has(name)) problems.push(`unknown ${name}`);
  if (problems.length === 0) return;
  const more = problems.length > 10 ? ` and ${problems.length - 10} more` : "";
  throw new ParameterFileError(
    "parameters.mismatch",
    `${problem}: ${problems.slice(0, 10).join("; ")}${more}`,
    { fix: "Build the network with the configuration stored beside the parameters." },
  );
}

function* tensorsIn(value: unknown, name: string): Generator<[string, Tensor]> {
  if (value instanceof Tensor) yield [name, value];
  else if (value instanceof Module) yield* value.namedTensors(`${name}.`);
  else if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) yield* tensorsIn(value[i], `${name}.${i}`);
  }
}

/**
 * Base class of layers and networks. Fields that hold a tensor, a module or an array of these are found by
 * themselves; their names, joined by dots, follow PyTorch's, so converted weights load.
 *
 * @example
 * ```ts
 * import { Module, openDevice, Tensor } from "./mod.ts";
 * import assert from "node:assert/strict";
 *
 * class Scale extends Module {
 *   constructor(readonly weight: Tensor) {
 *     super();
 *   }
 * }
 * using device = await openDevice("cpu");
 * using scale = new Scale(Tensor.from(device, [2]).asParameter());
 * assert.deepEqual([...scale.namedParameters()].map(([name]) => name), ["weight"]);
 * ```
 */
export abstract class Module implements Disposable {
  /** All tensors with their names, each once, in the order of the fields. */
  *namedTensors(prefix = ""): Generator<[string, Tensor]> {
    const seen = new Set<Tensor>();
    for (const [field, value] of Object.entries(this)) {
      for (const [name, tensor] of tensorsIn(value, prefix + field)) {
        if (seen.has(tensor)) continue;
        seen.add(tensor);
        yield [name, tensor];
      }
    }
  }

  /** The tensors that are trained. */
  *namedParameters(): Generator<[string, Tensor]> {
    for (const [name, tensor] of this.namedTensors()) if (tensor.requiresGrad) yield [name, tensor];
  }

  /** Number of trained values. */
  get parameterCount(): number {
    let count = 0;
    for (const [, { shape }] of this.namedParameters()) count += shape.reduce((n, size) => n * size, 1);
    return count;
  }

  /** Copies all tensors to the host. */
  async stateDict(): Promise<StateDict> {
    const state = new Map<string, HostTensor>();
    for (const [name, tensor] of this.namedTensors()) {
      state.set(name, { shape: tensor.shape, data: await tensor.data() });
    }
    return state;
  }

  /**
   * Overwrites all tensors. Nothing is changed unless everything fits.
   *
   * @throws {ParameterFileError} `parameters.mismatch` listing the first ten missing, unknown or
   * differently shaped names
   */
  loadStateDict(state: StateDict): void {
    const own = new Map(this.namedTensors());
    requireSameTensors(own, state, "the parameters do not belong to this network");
    for (const [name, tensor] of own) tensor.write(state.get(name)!.data);
  }

  /** Frees the gradients. */
  zeroGrad(): void {
    for (const [, parameter] of this.namedParameters()) {
      parameter.grad?.dispose();
      parameter.grad = undefined;
    }
  }

  /** Frees all tensors. */
  [Symbol.dispose](): void {
    for (const [, tensor] of this.namedTensors()) tensor.dispose();
  }
}
