/**
 * What changes with the step: pure functions, so a resumed or lengthened run needs no state.
 *
 * @module
 */

/** The two phases of a training. */
export interface Phases {
  /** Optimiser steps in all. */
  readonly steps: number;
  /** First step, counted from 0, that may use unlabelled data. */
  readonly semiSupervisedFrom: number;
}

/** How the learning rate changes. */
export interface LearningRateShape {
  /**
   * `cosine`: constant through the supervised phase, then a cosine to 0; `whole-cosine`: a cosine to 0 right after
   * the rise; `poly`: `(1 − step / steps)^0.9` from the first step.
   */
  readonly schedule: "cosine" | "whole-cosine" | "poly";
  /** Share of the steps over which it rises in a line. */
  readonly warmUp: number;
}

/** Factor on the learning rate at a step counted from 0. */
export function learningRateFactor(
  step: number,
  { steps, semiSupervisedFrom }: Phases,
  { schedule, warmUp }: LearningRateShape = { schedule: "cosine", warmUp: 0.05 },
): number {
  const rise = warmUp === 0 ? 1 : Math.min(1, (step + 1) / (warmUp * steps));
  if (schedule === "poly") return rise * (1 - step / steps) ** 0.9;
  const from = schedule === "whole-cosine" ? warmUp * steps : semiSupervisedFrom;
  if (step < from) return rise;
  const through = (step - from) / (steps - from);
  return rise * 0.5 * (1 + Math.cos(Math.PI * through));
}

/** Share of the semi-supervised phase over which the unlabelled losses rise to their weight. */
const rampShare = 0.4;

/**
 * Factor on the unlabelled losses at a step counted from 0: `exp(−5 (1 − t/T)²)` (Laine & Aila 2017), t the
 * steps of the semi-supervised phase so far and T 40 % of that phase; 0 before it.
 */
export function unlabelledFactor(step: number, { steps, semiSupervisedFrom }: Phases): number {
  if (step < semiSupervisedFrom) return 0;
  const ramp = Math.max(1, rampShare * (steps - semiSupervisedFrom));
  const through = Math.min(1, (step - semiSupervisedFrom + 1) / ramp);
  return Math.exp(-5 * (1 - through) ** 2);
}
