/**
 * Trains a tiny network for very many steps and watches what may grow: live buffers, memory, the time of a step.
 *
 * ```sh
 * flags=--v8-flags=--max-old-space-size=48,--max-semi-space-size=1
 * deno run -A $flags tests/hunts/soak.ts cpu 10000
 * deno run -A $flags tests/hunts/soak.ts webgpu 1000
 * ```
 *
 * The flags keep the engine from letting garbage pile up, which else looks like a leak: 15 kB a step, against 85
 * bytes with them.
 *
 * The slopes are those of lines through the last three quarters of the training, when caches are full and the kernels
 * of the semi-supervised phase, which begins early, are compiled. Exits 1
 * when buffers, memory or step time grow.
 */

import { makePhantom, splitByLabelRatio } from "../../data/mod.ts";
import { type ProgressSink, train } from "../../model/mod.ts";
import { openDevice } from "../../tensor/mod.ts";

const [name = "cpu", steps = "1000"] = Deno.args;
if (name !== "cpu" && name !== "webgpu") throw new Error(`device ${name}: expected cpu or webgpu`);

/** What more than this many bytes a step would be: the log of a training keeps a row for each. */
const allowed = { bytesPerStep: 2048, slower: 1.15 };

/** A moment of the training. */
interface Sample {
  readonly step: number;
  readonly ms: number;
  readonly rss: number;
  readonly buffers: number;
  readonly bytes: number;
}

/** Slope of the least-squares line. */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const [xy, xx] = points.reduce(([a, b], [u, v]) => [a + (u - x) * (v - y), b + (u - x) ** 2], [0, 0]);
  return xy! / xx!;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

using device = await openDevice(name, name === "cpu" ? { threads: 1 } : {});
const dataset = makePhantom({
  cases: 6,
  modalities: ["ct", "mr"],
  misalignmentMm: 0,
  seed: 3,
  shape: [16, 16, 16],
});
const split = splitByLabelRatio(dataset, { count: 2, seed: 3, validation: 1, test: 1 });
/** Two levels: what may grow does not depend on the size of the network. */
const levels = [{ kernel: [3, 3, 3], stride: [1, 1, 1] }, { kernel: [3, 3, 3], stride: [2, 2, 2] }] as const;
const samples: Sample[] = [];
const watching: ProgressSink = {
  isTerminal: true,
  write(text) {
    const step = Number(/ (\d+)\/\d+ /.exec(text)?.[1]);
    if (!(step > (samples.at(-1)?.step ?? 0))) return;
    const { liveBuffers: buffers, liveBytes: bytes } = device.stats();
    samples.push({ step, ms: performance.now(), rss: Deno.memoryUsage().rss, buffers, bytes });
  },
};
using _run = await train(
  {
    preset: "unet-tiny",
    levels,
    patch: [8, 8, 8],
    batch: 1,
    steps: Number(steps),
    validations: 20,
    semiSupervisedFrom: 0.05,
  },
  { device, dataset, split, progress: watching, save: () => Promise.resolve() },
);

const late = samples.filter(({ step }) => step > Number(steps) / 4);
const half = late.length >> 1;
const pace = (part: readonly Sample[]) =>
  median(part.slice(1).map((sample, at) => (sample.ms - part[at]!.ms) / (sample.step - part[at]!.step)));
const [early, last] = [pace(late.slice(0, half)), pace(late.slice(half))];
const growth = slope(late.map(({ step, rss }) => [step, rss]));
const buffers = late.map((sample) => sample.buffers), bytes = late.map((sample) => sample.bytes);
const range = (values: readonly number[]) => `${Math.min(...values)} to ${Math.max(...values)}`;
const rss = (sample: Sample) => `${(sample.rss / 2 ** 20).toFixed(0)} MiB`;
console.log(`${device.description}; ${steps} steps, ${samples.length} samples, ${late.length} of them late`);
console.log(
  `live buffers ${range(buffers)}, slope ${slope(late.map((s) => [s.step, s.buffers])).toFixed(6)} a step`,
);
console.log(
  `live bytes   ${range(bytes)}, slope ${slope(late.map((s) => [s.step, s.bytes])).toFixed(3)} a step`,
);
console.log(`RSS          ${rss(late[0]!)} to ${rss(late.at(-1)!)}, slope ${growth.toFixed(0)} bytes a step`);
console.log(
  `step time    ${early.toFixed(2)} ms, then ${last.toFixed(2)} ms (medians of the two late halves)`,
);

const faults = [
  ...(Math.max(...buffers.slice(half)) > Math.max(...buffers.slice(0, half)) ? ["live buffers grow"] : []),
  ...(growth > allowed.bytesPerStep ? ["memory grows"] : []),
  ...(last > allowed.slower * early ? ["steps take longer and longer"] : []),
];
console.log(faults.length === 0 ? "flat" : `FAULT ${faults.join(", ")}`);
if (faults.length > 0) Deno.exitCode = 1;
