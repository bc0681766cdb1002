/**
 * How fast patches come out of files, and how long a consumer waits for them:
 * `deno run -A tests/data/throughput.ts RECIPE FOLDER [step-ms]`.
 *
 * `step-ms` is the time that one training step of the consumer takes; the waiting is measured against it.
 */

import {
  AheadLoader,
  BatchLoader,
  choosePreparation,
  datasetOf,
  importRecipe,
  prepareCase,
  withoutLabels,
} from "../../data/mod.ts";

const [recipe, folder, stepMs = "300"] = Deno.args as [string, string, string?];
const manifest = await importRecipe(recipe, { folder });
const dataset = datasetOf(manifest, folder);
const ids = dataset.cases.map(({ id }) => id);
const half = Math.ceil(ids.length / 2);
const split = { labelled: ids.slice(0, half), unlabelled: ids.slice(half), validation: [], test: [] };
const patch = [32, 32, 32] as const;
const { preparation } = await choosePreparation(dataset);
const options = { preparation, patch, labelled: 2, unlabelled: 2, seed: 1, views: { weak: true } };
const per = (ms: number) => `${ms.toFixed(1)} ms`;

let start = performance.now();
const some = dataset.cases.slice(0, 20);
for (const of of some) await prepareCase(dataset, withoutLabels(of), preparation);
const each = (performance.now() - start) / some.length;
console.log(`decode, orient, normalise, crop: ${per(each)} a case of ${dataset.modalities.length} images`);

const here = new BatchLoader(dataset, split, options);
const round = async (steps: number, from: number) => {
  const start = performance.now();
  for (let step = from; step < from + steps; step++) {
    await here.labelledBatch(step);
    await here.unlabelledBatch(step);
  }
  const ms = performance.now() - start;
  return `${(4 * dataset.modalities.length * steps / ms * 1000).toFixed(0)} patches of ${
    patch.join("×")
  } a second`;
};
console.log(`cold, first 10 steps: ${await round(10, 0)}`);
await round(ids.length, 10);
console.log(`warm, 100 steps: ${await round(100, 10 + ids.length)}`);

/** Stands for the computation of a step: the thread is busy, as it is while kernels run. */
function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const steps = 200;
using ahead = new AheadLoader(dataset, split, options);
start = performance.now();
let cold = 0;
for (let step = 0; step < steps; step++) {
  await Promise.all([ahead.labelledBatch(step), ahead.unlabelledBatch(step)]);
  if (step === ids.length) cold = ahead.waitedMs;
  compute(Number(stepMs));
}
const total = performance.now() - start;
console.log(
  `${steps} steps of ${stepMs} ms in ${(total / 1000).toFixed(1)} s: waited ${per(ahead.waitedMs)} ` +
    `(${(100 * ahead.waitedMs / total).toFixed(2)} %), of that ${
      per(cold)
    } in the first ${ids.length} steps; ` +
    `on the warm cache ${per((ahead.waitedMs - cold) / (steps - ids.length))} a step`,
);
