/**
 * A loss of your own: the Tversky loss, written as its formula, checked against a difference quotient, and trained
 * with. `losses/` holds those of CMC.
 *
 * Takes half a minute on a laptop's processor. Needs no permission.
 *
 * ```sh
 * deno run examples/your_own_loss.ts [STEPS]
 * ```
 *
 * @module
 */

import { oneHot, openDevice, scope, softmax, Tensor } from "../tensor/mod.ts";
import { makePhantom, type Method, methodNamed, splitByLabelRatio, table, train } from "../mod.ts";

/** `1 − meanₖ Σ pt / (Σ pt + α Σ p(1−t) + β Σ (1−p)t)` of logits `[N,K,D,H,W]` and class ids `[N,D,H,W]`. */
function tversky(logits: Tensor, labels: Tensor, alpha = 0.3, beta = 0.7): Tensor {
  const p = softmax(logits, 1), t = oneHot(labels, logits.shape[1]!).permute([0, 4, 1, 2, 3]);
  const overVoxels = { axes: [0, 2, 3, 4] };
  const hit = p.mul(t).sum(overVoxels),
    excess = p.sum(overVoxels).sub(hit),
    missed = t.sum(overVoxels).sub(hit);
  return hit.div(hit.add(excess.mul(alpha)).add(missed.mul(beta))).mean().neg().add(1);
}

using device = await openDevice("auto");

// Is its gradient that of its value? Move one logit a little, both ways.
const logits = [0.5, -1, 0.2, 2, -0.3, 1], at = 2, h = 1e-2;
using labels = Tensor.from(device, [0, 1, 1], [1, 1, 1, 3], "i32");
const valueAt = async (shift: number) => {
  const moved = logits.map((value, i) => i === at ? value + shift : value);
  using loss = scope(() => tversky(Tensor.from(device, moved, [1, 2, 1, 1, 3]), labels));
  return await loss.item();
};
using x = Tensor.from(device, logits, [1, 2, 1, 1, 3]).asParameter();
scope(() => tversky(x, labels).backward());
const quotient = (await valueAt(h) - await valueAt(-h)) / (2 * h);
console.log(`gradient ${(await x.grad!.data())[at]!.toFixed(4)}, difference quotient ${quotient.toFixed(4)}`);

const method: Method = {
  ...methodNamed("supervised"),
  name: "tversky",
  losses(network, { labelled: { images, labels } }) {
    const perModality = network.segment(images).map((z, m) => tversky(z!, labels[m]!));
    return { tversky: { value: perModality.reduce((a, b) => a.add(b)), weight: 1 / images.length } };
  },
};
const [modalities, shape] = [["ct", "mr"], [16, 24, 24] as const];
const dataset = makePhantom({ cases: 8, modalities, misalignmentMm: 0, seed: 7, shape });
const split = splitByLabelRatio(dataset, { ratio: 1, seed: 7, validation: 2, test: 2 });
const steps = Number(Deno.args[0] ?? 60);
using run = await train({ method, steps, patch: [16, 16, 16] }, { device, dataset, split });
console.log(table(run!.test, { rows: ["modality", "class"], columns: ["dice"] }));
