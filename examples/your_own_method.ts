/**
 * A semi-supervised method of your own, with a setting: on scans without labels, predictions should be decided
 * (entropy minimisation). The trainer, the tables and `deno task train --method FILE` take it as they take CMC.
 *
 * Takes half a minute on a laptop's processor. Needs no permission.
 *
 * ```sh
 * deno run examples/your_own_method.ts [STEPS]
 * deno task train --method examples/your_own_method.ts --set entropyWeight=0.2
 * ```
 *
 * @module
 */

import { logSoftmax, openDevice, type Tensor } from "../tensor/mod.ts";
import { makePhantom, type Method, methodNamed, quantity, splitByLabelRatio, table, train } from "../mod.ts";

/** `−mean Σₖ p log p` over voxels, of logits `[N,K,D,H,W]`. */
function entropy(logits: Tensor): Tensor {
  const logP = logSoftmax(logits, 1);
  return logP.exp().mul(logP).sum({ axes: [1] }).mean().neg();
}

const supervised = methodNamed("supervised");
const settings = {
  entropyWeight: quantity(0.1, "weight of the entropy of predictions without labels"),
} as const;

const method: Method = {
  ...supervised,
  name: "entropy",
  summary: "supervised training, and decided predictions where there are no labels",
  settings,
  wants: (_, factor) => factor > 0 ? { unlabelled: "strong" } : {},
  losses(network, batch, context) {
    const terms = supervised.losses(network, batch, { ...context, settings: {} });
    if (!batch.unlabelled) return terms;
    const perModality = network.segment(batch.unlabelled.images).map((logits) => entropy(logits!));
    const value = perModality.reduce((a, b) => a.add(b)).div(perModality.length);
    return { ...terms, entropy: { value, weight: context.factor * Number(context.settings.entropyWeight) } };
  },
};
export default method;

if (import.meta.main) {
  using device = await openDevice("auto");
  const [modalities, shape] = [["ct", "mr"], [16, 24, 24] as const];
  const dataset = makePhantom({ cases: 12, modalities, misalignmentMm: 0, seed: 7, shape });
  const split = splitByLabelRatio(dataset, { ratio: 0.3, seed: 7, validation: 2, test: 2 });
  const steps = Number(Deno.args[0] ?? 60);
  using run = await train({ method, steps, patch: [16, 16, 16] }, { device, dataset, split });
  console.log(table(run!.test, { rows: ["modality", "class"], columns: ["dice"] }));
}
