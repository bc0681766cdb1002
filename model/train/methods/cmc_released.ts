/**
 * CMC as the authors' released code trains it, to compare against: one U-Net for all modalities, and consistency
 * losses that are computed without a gradient, so that only labels teach.
 *
 * @module
 */

import { releasedChannelContrast, releasedLogitSimilarity, releasedWeights } from "../../../losses/mod.ts";
import { noGrad } from "../../../tensor/autograd.ts";
import { CodedError } from "../../../tensor/errors.ts";
import type { Init } from "../../../tensor/layers.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { unetOf } from "../../network_config.ts";
import { ReleasedCmc } from "../../released.ts";
import type { Task } from "../../segmenter.ts";
import { isotropicLevels } from "../../unet_shape.ts";
import type { LossTerm, Method } from "../method.ts";
import { overPairs, supervisedLoss } from "./terms.ts";

/** The released code has so many output channels, background included, whatever the data. */
const channels = 14;

/** {@link ReleasedCmc} as a segmenter. */
export class ReleasedSegmenter extends ReleasedCmc {
  readonly #classes: number;

  /** With the released code's output channels, or as many as there are classes where these are more. */
  constructor(init: Init, { modalities, classes }: Task, width: number) {
    super(init, { modalities, classes: Math.max(classes, channels), width });
    this.#classes = classes;
  }

  /** Logits of every given image, of the classes that there are. */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    return this.forward(images).logits.map((z) => z && z.narrow(1, 0, this.#classes));
  }
}

/** The released code's training. */
export const cmcReleased: Method<Record<never, never>, ReleasedSegmenter> = {
  name: "cmc-released",
  cite: "github.com/med-air/CMC, April 2025",
  summary: "as the authors' released code trains: one shared U-Net, consistency without a gradient",
  settings: {},
  usual: {
    levels: isotropicLevels(4),
    learningRate: 1e-4,
    weightDecay: 1e-5,
    schedule: "whole-cosine",
    warmUp: 0.1,
    semiSupervisedFrom: 0.7,
  },
  leastModalities: 2,
  comparesVoxels: () => true,
  build(init, task, config) {
    const { preset, storage } = config, { encoder, up, vit } = unetOf(config);
    if (up !== "below" || encoder.length !== 4 || vit || storage !== "f32") {
      throw new CodedError(
        "model.released",
        `the released network has no form of ${preset} stored as ${storage}`,
        {
          fix: "Use unet-tiny, unet-small, unet-base or unet-paper, four levels, and f32.",
        },
      );
    }
    return new ReleasedSegmenter(init, task, encoder[0]![0]!);
  },
  wants: (_, factor) => factor > 0 ? { unlabelled: "strong" } : {},
  losses(network, batch, { progress }) {
    const { images: given, labels } = batch.labelled;
    const terms: Record<string, LossTerm> = {
      supervised: { value: supervisedLoss(network.forward(given).logits, labels), weight: 1 },
    };
    if (!batch.unlabelled) return terms;
    const { images } = batch.unlabelled;
    const [csc, similarity] = noGrad(() => {
      const { features, logits } = network.forward(images);
      return [overPairs(features, releasedChannelContrast), overPairs(logits, releasedLogitSimilarity)];
    });
    const weights = releasedWeights(progress);
    return {
      ...terms,
      csc: { value: csc!, weight: weights.csc },
      similarity: { value: similarity!, weight: weights.cac },
    };
  },
};
