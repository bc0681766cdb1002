/**
 * The CMC network as methods use it.
 *
 * @module
 */

import type { Init } from "../../../tensor/layers.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { Cmc, type CmcShape } from "../../cmc.ts";
import { type NetworkConfig, tuningOf, unetOf } from "../../network_config.ts";
import type { Task } from "../../segmenter.ts";

/** {@link Cmc} with the interface of a segmenter. */
export class CmcSegmenter extends Cmc {
  /** Logits of every given image. */
  segment(images: readonly (Tensor | null)[]): (Tensor | null)[] {
    return this.forward(images).logits;
  }

  /** Logits of every given image at every level that has a head, finest first. */
  segmentDeep(images: readonly (Tensor | null)[]): (readonly Tensor[] | null)[] {
    return this.forwardDeep(images).logits;
  }
}

/** A network of the configured preset in the default form of CMC. */
export function buildCmc(init: Init, task: Task, config: NetworkConfig): CmcSegmenter {
  return buildCmcForm(init, task, config, {});
}

/** A network of the configured preset; in what the form does not say, the default one. */
export function buildCmcForm(
  init: Init,
  task: Task,
  config: NetworkConfig,
  form: Omit<Partial<CmcShape>, "unet" | "tuning" | "storage" | "deep">,
): CmcSegmenter {
  const { storage, deepSupervision } = config;
  return new CmcSegmenter(init, {
    ...task,
    unet: unetOf(config),
    tuning: tuningOf(config),
    storage,
    deep: deepSupervision === "on",
    ...form,
  });
}
