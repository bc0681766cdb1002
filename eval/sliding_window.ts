import { EvalError } from "./errors.ts";
import type { Triple } from "./metrics/label_grid.ts";

/** The volume to segment and how to cut it. */
export interface SlidingWindowInput {
  /** One intensity volume a modality, row-major over `shape`. */
  readonly images: readonly Float32Array[];
  /** For each image the value around it, where a window sticks out of the volume. */
  readonly padding: readonly number[];
  /** Voxels along each axis, `[D, H, W]`. */
  readonly shape: readonly [number, number, number];
  /** Size of the window, `[d, h, w]`; larger than the volume is allowed. */
  readonly patch: readonly [number, number, number];
  /** Classes of each output, background included. */
  readonly classes: number;
  /** Share of a window that its neighbour covers again, in [0, 1). */
  readonly overlap?: number;
  /** Windows handed to the predictor at once. */
  readonly batch?: number;
  /** Also return the averaged probabilities; they take `classes` floats a voxel and output. */
  readonly probabilities?: boolean;
  /**
   * Called with the averaged probabilities of slices that no later window reaches, in order along the first axis:
   * one array an output head, row-major `[K,n,H,W]`. Memory then holds no more than these.
   */
  readonly onSlab?: (probabilities: Float32Array[]) => void;
  /** Called after each call of the predictor with the windows done so far and in all. */
  readonly onWindow?: (done: number, total: number) => void;
}

/**
 * Class probabilities of some windows.
 *
 * It is asked for the next windows before it has answered for the ones before, so each answer needs arrays of its own.
 *
 * @param patches one batch a modality, row-major `[N,1,d,h,w]`
 * @param count the number of windows N
 * @returns one array an output head, row-major `[N,K,d,h,w]`
 */
export type PatchPredictor = (patches: Float32Array[], count: number) => Promise<Float32Array[]>;

/** The segmentation of a volume. */
export interface SlidingWindowOutput {
  /** The most probable class of every voxel, one row-major volume an output head; ties go to the lower class. */
  readonly labels: Uint8Array[];
  /** Averaged probabilities, row-major `[K,D,H,W]`, one array an output head, when asked for. */
  readonly probabilities?: Float32Array[];
}

/**
 * Segments a volume window by window and averages where windows overlap.
 *
 * Each window counts with a Gaussian weight around its centre (sigma an eighth of its size). Memory is
 * bounded by one window-thick slab of the volume: windows come in order along the first axis, and a slice
 * is decided as soon as no later window reaches it. A volume smaller than the window is padded on
 * both sides and cropped back.
 *
 * @throws {EvalError} `eval.window` for sizes that do not fit together, `eval.probabilities` for a predictor
 *   that returns too few or too many numbers, or NaN
 *
 * @example
 * ```ts
 * import { slidingWindow } from "./sliding_window.ts";
 * import assert from "node:assert/strict";
 *
 * const { labels } = await slidingWindow(
 *   { images: [Float32Array.of(-1, 2, 3)], padding: [0], shape: [1, 1, 3], patch: [1, 1, 2], classes: 2 },
 *   ([patch], n) => {
 *     const size = patch!.length / n;
 *     const out = new Float32Array(2 * patch!.length);
 *     patch!.forEach((value, i) => {
 *       const at = Math.floor(i / size) * 2 * size + i % size;
 *       out[value > 0 ? at + size : at] = 1;
 *     });
 *     return Promise.resolve([out]);
 *   },
 * );
 * assert.deepEqual([...labels[0]!], [0, 1, 1]);
 * ```
 */
export async function slidingWindow(
  input: SlidingWindowInput,
  predict: PatchPredictor,
): Promise<SlidingWindowOutput> {
  const { images, padding, shape, patch, classes, overlap = 0.5, batch = 1 } = input;
  checkInput(input, overlap, batch);
  const starts = shape.map((size, axis) => windowStarts(size, patch[axis]!, overlap));
  const windows = starts[1]!.flatMap((y) => starts[2]!.map((x): [number, number] => [y, x]));
  const weight = gaussianWindow(patch);
  const [patchDepth] = patch;
  const plane = shape[1] * shape[2];
  const slabWeight = new Float32Array(patchDepth * plane);
  let slabs: Float32Array[] = []; // one an output head, [K, patchDepth, H, W]
  const labels: Uint8Array[] = [], probabilities: Float32Array[] = [];

  // After the last group of a slab its first slices are decided, up to where the next slab begins.
  const groups = starts[0]!.flatMap((z, i) => {
    const next = starts[0]![i + 1] ?? z + patchDepth;
    return chunks(windows, batch).map((chosen, k, all) => ({
      z,
      chosen,
      next,
      isLast: k + 1 === all.length,
    }));
  });
  const begin = ({ z, chosen }: typeof groups[number]): Promise<Float32Array[]> =>
    predict(images.map((image, m) => cutWindows(image, padding[m]!, shape, patch, z, chosen)), chosen.length);
  let done = 0;
  for await (const [{ z, chosen, next, isLast }, outputs] of oneAhead(groups, begin)) {
    checkOutputs(outputs, chosen.length * classes * weight.length, slabs.length);
    if (slabs.length === 0) {
      slabs = outputs.map(() => new Float32Array(classes * patchDepth * plane));
      for (const _ of outputs) {
        labels.push(new Uint8Array(shape[0] * plane));
        if (input.probabilities) probabilities.push(new Float32Array(classes * shape[0] * plane));
      }
    }
    outputs.forEach((output, h) => addWindows(slabs[h]!, output, weight, shape, patch, classes, chosen));
    addWindows(slabWeight, undefined, weight, shape, patch, 1, chosen);
    input.onWindow?.(done += chosen.length, starts[0]!.length * windows.length);
    if (!isLast) continue;
    for (let h = 0; h < slabs.length; h++) {
      decide(slabs[h]!, slabWeight, z, next, shape, patchDepth, classes, labels[h]!, probabilities[h]);
    }
    input.onSlab?.(
      slabs.map((slab) =>
        finished(slab, slabWeight, inside(z, next - z, shape[0]), patchDepth, plane, classes)
      ),
    );
    for (const slab of slabs) advance(slab, next - z, patchDepth, plane, classes);
    advance(slabWeight, next - z, patchDepth, plane, 1);
  }
  return input.probabilities ? { labels, probabilities } : { labels };
}

/** Runs of at most `size` items. */
function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from(
    { length: Math.ceil(items.length / size) },
    (_, k) => items.slice(k * size, (k + 1) * size),
  );
}

/**
 * Jobs with their results, in order. The next job is begun before a result is waited for: a GPU works on it while the
 * result is copied and added.
 */
async function* oneAhead<J, R>(
  jobs: readonly J[],
  begin: (job: J) => Promise<R>,
): AsyncGenerator<readonly [J, R]> {
  const begun = (job: J | undefined): Promise<R> | undefined => {
    const result = job === undefined ? undefined : begin(job);
    result?.catch(() => {}); // seen when its turn comes
    return result;
  };
  let next = begun(jobs[0]);
  try {
    for (const [i, job] of jobs.entries()) {
      const result = next!;
      next = begun(jobs[i + 1]);
      yield [job, await result];
    }
  } finally {
    await next?.catch(() => {}); // whoever stops early may dispose of what the job works with
  }
}

function checkInput(
  { images, padding, shape, patch, classes }: SlidingWindowInput,
  overlap: number,
  batch: number,
): void {
  const refuse = (problem: string, fix: string): never => {
    throw new EvalError("eval.window", problem, { fix });
  };
  const natural = (n: number): boolean => Number.isInteger(n) && n >= 1;
  if (![...shape, ...patch].every(natural)) {
    refuse(
      `volume ${shape.join("×")} and window ${patch.join("×")} must have whole sizes of at least 1`,
      "Correct the sizes.",
    );
  }
  const voxels = shape[0] * shape[1] * shape[2];
  const odd = images.findIndex((image) => image.length !== voxels);
  if (images.length === 0 || odd >= 0) {
    refuse(
      images.length === 0
        ? "there is no image to segment"
        : `image ${odd} has ${images[odd]!.length} voxels; shape ${shape.join("×")} needs ${voxels}`,
      "Give one row-major volume a modality, all on one grid.",
    );
  }
  if (padding.length !== images.length || !padding.every(Number.isFinite)) {
    refuse(`the padding is [${padding.join(", ")}] for ${images.length} images`, "Give one number an image.");
  }
  if (!(overlap >= 0 && overlap < 1)) {
    refuse(`the overlap is ${overlap}; expected a share in [0, 1)`, "Use 0.5, for instance.");
  }
  if (!natural(batch) || !natural(classes) || classes > 256) {
    refuse(
      `batch is ${batch} and classes ${classes}; expected whole numbers from 1, classes to 256`,
      "Correct them.",
    );
  }
}

function checkOutputs(outputs: readonly Float32Array[], wanted: number, heads: number): void {
  const wrong = outputs.find((output) => output.length !== wanted);
  if (outputs.length === 0 || wrong !== undefined || (heads > 0 && outputs.length !== heads)) {
    throw new EvalError(
      "eval.probabilities",
      `the predictor returned ${outputs.length} outputs of ${
        outputs.map((o) => o.length).join(", ")
      } numbers; ` +
        `expected ${heads > 0 ? heads : "at least one"} of ${wanted} ([N,K,d,h,w])`,
      { fix: "Check the number of classes and the patch size the network was built for." },
    );
  }
}

/** Where windows begin along an axis; negative when the window is larger than the axis. */
export function windowStarts(size: number, patch: number, overlap: number): number[] {
  if (patch >= size) return [0 - Math.floor((patch - size) / 2)];
  const step = Math.max(1, Math.floor(patch * (1 - overlap)));
  const starts: number[] = [];
  for (let start = 0; start + patch < size; start += step) starts.push(start);
  return [...starts, size - patch];
}

/** Gaussian weights of a window, 1 at its centre, row-major; nowhere 0, as 4 sigma reach the border. */
export function gaussianWindow(patch: Triple): Float32Array {
  const profiles = patch.map((size) =>
    Float64Array.from(
      { length: size },
      (_, i) => Math.exp(-0.5 * ((i - (size - 1) / 2) / (0.125 * size)) ** 2),
    )
  );
  const weights = new Float32Array(patch[0] * patch[1] * patch[2]);
  let at = 0;
  for (const a of profiles[0]!) {
    for (const b of profiles[1]!) for (const c of profiles[2]!) weights[at++] = a * b * c;
  }
  return weights;
}

/** The part of a window along an axis that lies inside the volume, in window coordinates. */
function inside(start: number, patch: number, size: number): [number, number] {
  return [Math.max(0, -start), Math.min(patch, size - start)];
}

function cutWindows(
  image: Float32Array,
  padding: number,
  shape: Triple,
  patch: Triple,
  z: number,
  windows: readonly [number, number][],
): Float32Array {
  const voxels = patch[0] * patch[1] * patch[2];
  const cut = new Float32Array(windows.length * voxels).fill(padding);
  const [z0, z1] = inside(z, patch[0], shape[0]);
  windows.forEach(([y, x], n) => {
    const [y0, y1] = inside(y, patch[1], shape[1]), [x0, x1] = inside(x, patch[2], shape[2]);
    for (let k = z0; k < z1; k++) {
      for (let j = y0; j < y1; j++) {
        const from = ((z + k) * shape[1] + y + j) * shape[2] + x;
        cut.set(image.subarray(from + x0, from + x1), n * voxels + (k * patch[1] + j) * patch[2] + x0);
      }
    }
  });
  return cut;
}

/** Adds weight × probability of each window to a slab `[K, patchDepth, H, W]`; the weight alone without output. */
function addWindows(
  slab: Float32Array,
  output: Float32Array | undefined,
  weight: Float32Array,
  shape: Triple,
  patch: Triple,
  classes: number,
  windows: readonly [number, number][],
): void {
  const [depth, height, width] = patch;
  windows.forEach(([y, x], n) => {
    const [y0, y1] = inside(y, height, shape[1]), [x0, x1] = inside(x, width, shape[2]);
    for (let k = 0; k < classes; k++) {
      for (let z = 0; z < depth; z++) {
        for (let j = y0; j < y1; j++) {
          const row = (z * height + j) * width;
          const from = (n * classes + k) * weight.length + row;
          const to = ((k * depth + z) * shape[1] + y + j) * shape[2] + x;
          if (output === undefined) { for (let i = x0; i < x1; i++) slab[to + i]! += weight[row + i]!; }
          else for (let i = x0; i < x1; i++) slab[to + i]! += weight[row + i]! * output[from + i]!;
        }
      }
    }
  });
}

/** Fixes the labels of slices `z … next − 1`, which no later window reaches. */
function decide(
  slab: Float32Array,
  slabWeight: Float32Array,
  z: number,
  next: number,
  shape: Triple,
  patchDepth: number,
  classes: number,
  labels: Uint8Array,
  probabilities: Float32Array | undefined,
): void {
  const plane = shape[1] * shape[2], voxels = shape[0] * plane, perClass = patchDepth * plane;
  for (let slice = Math.max(0, z); slice < Math.min(next, shape[0]); slice++) {
    const from = (slice - z) * plane, to = slice * plane;
    for (let i = 0; i < plane; i++) {
      let best = -Infinity, label = 0, total = 0;
      for (let k = 0; k < classes; k++) {
        const score = slab[k * perClass + from + i]!;
        total += score;
        if (score > best) {
          best = score;
          label = k;
        }
      }
      if (!Number.isFinite(total)) {
        throw new EvalError(
          "eval.probabilities",
          `the predictor returned NaN or infinity around voxel [${slice}, ${Math.floor(i / shape[2])}, ${
            i % shape[2]
          }]`,
          { fix: "Check the image for NaN and the checkpoint for damaged parameters." },
        );
      }
      labels[to + i] = label;
      if (probabilities) {
        for (let k = 0; k < classes; k++) {
          probabilities[k * voxels + to + i] = slab[k * perClass + from + i]! / slabWeight[from + i]!;
        }
      }
    }
  }
}

/** The averaged probabilities `[K,n,H,W]` of the slices `from … to − 1` of a slab. */
function finished(
  slab: Float32Array,
  slabWeight: Float32Array,
  [from, to]: [number, number],
  patchDepth: number,
  plane: number,
  classes: number,
): Float32Array {
  const out = new Float32Array(classes * (to - from) * plane);
  for (let k = 0, at = 0; k < classes; k++) {
    for (let i = from * plane; i < to * plane; i++) {
      out[at++] = slab[k * patchDepth * plane + i]! / slabWeight[i]!;
    }
  }
  return out;
}

/** Moves a slab on by some slices and clears what comes in. */
function advance(
  slab: Float32Array,
  slices: number,
  patchDepth: number,
  plane: number,
  classes: number,
): void {
  const kept = Math.max(0, patchDepth - slices) * plane;
  for (let k = 0; k < classes; k++) {
    const start = k * patchDepth * plane;
    slab.copyWithin(start, start + patchDepth * plane - kept, start + patchDepth * plane);
    slab.fill(0, start + kept, start + patchDepth * plane);
  }
}
