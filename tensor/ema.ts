/**
 * An exponential moving average of a network's parameters.
 *
 * @module
 */

import { update } from "./apply.ts";
import { ParameterFileError } from "./errors.ts";
import type { Module } from "./module.ts";
import { averageOp } from "./ops/update.ts";
import { sameShape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Keeps one network, the average or teacher, as the moving average of another, the student, as mean teachers
 * do (Tarvainen & Valpola 2017). After step t: `average = d · average + (1 − d) · student` with
 * `d = min(decay, 1 − 1 / (t + 1))`, so that early averages are not held back by the initial values.
 *
 * @example
 * ```ts
 * import { Ema, Conv3d, openDevice, Random } from "./mod.ts";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice("cpu");
 * using student = new Conv3d({ device, random: new Random(1) }, 3, 2, 1);
 * using teacher = new Conv3d({ device, random: new Random(2) }, 3, 2, 1);
 * const ema = new Ema(teacher, student, 0.99);
 * ema.step(); // d = 1 − 1/2: the mean of both
 * assert.equal(ema.steps, 1);
 * ```
 */
export class Ema {
  readonly #average: readonly Tensor[];
  readonly #student: readonly Tensor[];
  readonly #decay: number;
  /** Steps taken; set it when training goes on from a checkpoint. */
  steps = 0;

  /**
   * Changes nothing yet.
   *
   * @throws {ParameterFileError} `parameters.mismatch` when the networks differ
   */
  constructor(average: Module, student: Module, decay: number) {
    const [own, other] = [[...average.namedTensors()], [...student.namedTensors()]];
    const differs = own.length !== other.length ||
      own.some(([name, { shape }], i) => other[i]![0] !== name || !sameShape(other[i]![1].shape, shape));
    if (differs) {
      throw new ParameterFileError("parameters.mismatch", "Ema: the networks have different tensors", {
        fix: "Build both with the same configuration.",
      });
    }
    this.#average = own.map(([, tensor]) => tensor);
    this.#student = other.map(([, tensor]) => tensor);
    this.#decay = decay;
  }

  /** Moves the average toward the student. */
  step(): void {
    this.steps++;
    const decay = Math.min(this.#decay, 1 - 1 / (this.steps + 1));
    update(averageOp, this.#student, this.#average, { decay });
  }
}
