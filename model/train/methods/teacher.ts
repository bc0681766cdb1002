/**
 * A student and its teacher, the moving average of its parameters.
 *
 * @module
 */

import { noGrad } from "../../../tensor/autograd.ts";
import { Ema } from "../../../tensor/ema.ts";
import type { Init } from "../../../tensor/layers.ts";
import { Module } from "../../../tensor/module.ts";
import { clamp } from "../../../tensor/ops/elementwise.ts";
import { softmax } from "../../../tensor/ops/softmax.ts";
import { Random } from "../../../tensor/random.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import type { Segmenter } from "../../segmenter.ts";
import { choice, quantity } from "../settings.ts";

/** Settings of every method with a teacher. */
export const teacherSettings = {
  emaDecay: quantity(0.99, "decay of the teacher, a moving average of the student", { max: 1 }),
  predictor: choice(["student", "teacher"], "which of the two predicts"),
} as const;

/** Which of two networks predicts. */
export type PredictorName = "student" | "teacher";

/** Takes all tensors of a network out of the training. */
export function freeze(network: Module): void {
  for (const [, tensor] of network.namedTensors()) tensor.requiresGrad = false;
}

/** Two networks of one kind; the student learns, the teacher follows. */
export class TeacherStudent<N extends Segmenter> extends Module {
  /** Is trained. */
  readonly student: N;
  /** Is the average. */
  readonly teacher: N;
  readonly #predictor: PredictorName;

  /** Builds both from the same numbers, so that they start alike. */
  constructor({ device, random }: Init, build: (init: Init) => N, predictor: PredictorName) {
    super();
    const same = new Random(random.state);
    this.student = build({ device, random });
    this.teacher = build({ device, random: same });
    freeze(this.teacher);
    this.#predictor = predictor;
  }

  /** What the chosen one says. */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    return (this.#predictor === "student" ? this.student : this.teacher).segment(images);
  }

  /** Probabilities of the teacher, one a modality, without a gradient. */
  teach(images: readonly Tensor[]): Tensor[] {
    return noGrad(() => this.teacher.segment(images).map((z) => softmax(z!, 1)));
  }

  /** Moves the teacher after a step, counted from 0. */
  follow(decay: number, step: number): void {
    const ema = new Ema(this.teacher, this.student, decay);
    ema.steps = step;
    ema.step();
  }
}

/** How much noise a teacher sees. */
export const noiseSetting = quantity(
  0.1,
  "deviation of the noise on what the teacher sees, cut off at twice that",
);

/** Images with normal noise, cut off at twice its deviation; with 0.1 as in SSL4MIS. */
export function withNoise(images: readonly Tensor[], random: Random, deviation: number): Tensor[] {
  if (deviation === 0) return [...images];
  return images.map((image, m) => {
    const noise = Tensor.normal(image.device, random.child(`noise/${m}`), image.shape, deviation);
    return image.add(clamp(noise, -2 * deviation, 2 * deviation));
  });
}
