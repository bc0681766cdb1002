/**
 * CAC, the consistency of predicted anatomy between modalities.
 *
 * @module
 */

import { ShapeError } from "../tensor/errors.ts";
import { maximum, sub } from "../tensor/ops/elementwise.ts";
import { softmax } from "../tensor/ops/softmax.ts";
import { shapeText } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { classContrast } from "./class_contrast.ts";
import { proportionConsistency } from "./proportion_consistency.ts";
import { requireSameShape } from "./require_same_shape.ts";
import { softDice } from "./soft_dice.ts";

/**
 * Which side learns: `"symmetric"`, both from each other; `"stopgrad-other"`, each from the other's
 * prediction held fixed.
 */
export type ConsistencyTarget = "symmetric" | "stopgrad-other";

/**
 * How far apart two predictions are: `"dice"`, voxel by voxel; `"contrastive"`, class against class, see
 * `class_contrast.ts`; `"proportion"`, by the volumes of the classes alone, see `proportion_consistency.ts`.
 */
export type ConsistencyForm = "dice" | "contrastive" | "proportion";

function requireClasses(loss: string, logits: Tensor): void {
  if (logits.shape.length > 2 && logits.shape[1]! >= 2) return;
  throw new ShapeError(
    "shape.classes",
    `${loss}: logits must be [N,K,…] with a background and at least one class, got ${
      shapeText(logits.shape)
    }`,
  );
}

/** Mean soft Dice loss over the foreground classes, `1 − mean_{n,k≥1}`. */
function foregroundLoss(p: Tensor, q: Tensor): Tensor {
  return sub(1, softDice(p, q).narrow(1, 1).mean());
}

const forms: Readonly<Record<ConsistencyForm, (p: Tensor, q: Tensor) => Tensor>> = {
  "dice": foregroundLoss,
  "contrastive": classContrast,
  "proportion": proportionConsistency,
};

/**
 * Contrastive anatomical-similar consistency: predictions of two modalities on the same unlabelled scan
 * should agree class by class.
 *
 * `1 − mean_{n,k≥1} (2 Σ pₐpᵦ + ε) / (Σ pₐ² + Σ pᵦ² + ε)`, p = softmax over classes, ε = 1e-6. The form is
 * our reading of Zhou et al. (MICCAI 2024); the authors' released code adds the similarity instead. Other forms
 * than `"dice"` replace the fraction.
 *
 * @param a logits of modality a, `[N,K,D,H,W]`
 * @param b logits of modality b, same shape; the two must be aligned voxel by voxel, unless the form is
 * `"proportion"`
 * @returns scalar, in [0, 1] unless the form is `"contrastive"`
 * @throws {ShapeError} when the shapes differ or K < 2
 */
export function anatomicalConsistency(
  a: Tensor,
  b: Tensor,
  target: ConsistencyTarget = "symmetric",
  form: ConsistencyForm = "dice",
): Tensor {
  requireSameShape("anatomicalConsistency", a, b);
  requireClasses("anatomicalConsistency", a);
  const [pa, pb] = [softmax(a, 1), softmax(b, 1)];
  const distance = forms[form];
  if (target === "symmetric") return distance(pa, pb);
  return distance(pa, pb.detach()).add(distance(pa.detach(), pb)).mul(0.5);
}

/**
 * What several predictions of one scan say together: the normalised product of their probabilities, so the
 * more confident one wins voxel by voxel (a product of experts).
 *
 * @param probabilities of each modality, `[N,K,D,H,W]`
 * @returns probabilities, same shape
 */
export function confidentTarget(probabilities: readonly Tensor[]): Tensor {
  const product = maximum(probabilities.reduce((product, p) => product.mul(p)), 1e-8);
  return product.div(product.sum({ axes: [1], keepDims: true }));
}

/**
 * Consistency with a fixed target: `1 − mean_{n,k≥1} softDice(softmax(logits), target)`, or another form.
 *
 * @param logits `[N,K,D,H,W]`
 * @param target probabilities, same shape; no gradient flows into them
 * @returns scalar in [0, 1]
 * @throws {ShapeError} when the shapes differ or K < 2
 */
export function targetConsistency(logits: Tensor, target: Tensor, form: ConsistencyForm = "dice"): Tensor {
  requireSameShape("targetConsistency", logits, target);
  requireClasses("targetConsistency", logits);
  return forms[form](softmax(logits, 1), target.detach());
}
