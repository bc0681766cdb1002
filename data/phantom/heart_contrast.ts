/**
 * How the tissues of the heart phantom look in three sequences of cardiac MR.
 *
 * @module
 */

import type { Random } from "../../tensor/random.ts";
import { type HeartTissue, heartTissues } from "./heart_anatomy.ts";

/** The sequences: cine, late gadolinium enhancement, T2-weighted with black blood. */
export const sequences = ["bssfp", "lge", "t2"] as const;

/** A sequence's name. */
export type Sequence = typeof sequences[number];

/** How a sequence renders. */
interface Rendering {
  /** Mean signal of each tissue; 1 is the brightest blood or fat. */
  readonly signal: Readonly<Record<HeartTissue, number>>;
  /** Standard deviation of the noise before the magnitude is taken. */
  readonly noise: number;
}

/** What has hardly any signal in any of them. */
const dark = { lung: 0.06, air: 0.02 };

/** Only LGE tells scar from healthy wall; only T2 shows oedema; both are wall to bSSFP. */
const renderings: Readonly<Record<Sequence, Rendering>> = {
  bssfp: {
    signal: {
      ...dark,
      muscle: 0.3,
      fat: 0.82,
      liver: 0.42,
      gut: 0.6,
      blood: 0.9,
      cavity: 0.95,
      slow: 0.9,
      papillary: 0.4,
      wall: 0.38,
      scar: 0.38,
      oedema: 0.38,
      acute: 0.38,
      right: 0.88,
      rightWall: 0.4,
    },
    noise: 0.06,
  },
  lge: {
    signal: {
      ...dark,
      muscle: 0.3,
      fat: 0.75,
      liver: 0.4,
      gut: 0.45,
      blood: 0.58,
      cavity: 0.62,
      slow: 0.66,
      papillary: 0.25,
      wall: 0.18,
      scar: 0.88,
      oedema: 0.18,
      acute: 0.88,
      right: 0.58,
      rightWall: 0.24,
    },
    noise: 0.08,
  },
  t2: {
    signal: {
      ...dark,
      muscle: 0.34,
      fat: 0.7,
      liver: 0.3,
      gut: 0.6,
      blood: 0.14,
      cavity: 0.13,
      slow: 0.5,
      papillary: 0.42,
      wall: 0.44,
      scar: 0.44,
      oedema: 0.8,
      acute: 0.8,
      right: 0.16,
      rightWall: 0.42,
    },
    noise: 0.07,
  },
};

/**
 * The signal of each tissue in one scan, by its index in `heartTissues`; another scan of the same sequence differs
 * a little, as flip angle, dose and timing do. Tissues that a sequence does not tell apart stay equal.
 */
export function signalsOf(sequence: Sequence, random: Random): number[] {
  const { signal } = renderings[sequence];
  const levels = [...new Set(Object.values(signal))];
  const drawn = new Map(levels.map((level) => [level, level * Math.max(0.5, 1 + random.normal(0, 0.08))]));
  return heartTissues.map((tissue) => drawn.get(signal[tissue])!);
}

/** Standard deviation of the noise of a sequence, as a share of the brightest signal. */
export function noiseOf(sequence: Sequence): number {
  return renderings[sequence].noise;
}
