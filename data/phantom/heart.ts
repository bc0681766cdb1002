/**
 * A heart of nothing but a seed, scanned as cardiac MR is: a few thick slices across its long axis, in a direction
 * and with stored axes of their own for each case, one breath-hold a slice and sequence.
 *
 * Signal levels, thickness, gaps and shifts are of the order of what is published for such scans (for example
 * MS-CMRSeg, Zhuang et al. 2022); no scan was used.
 *
 * @module
 */

import type { Random } from "../../tensor/random.ts";
import type { Triple } from "../affine.ts";
import { applyBiasField } from "../bias_field.ts";
import { boxBlur } from "../blur.ts";
import { volumeFrom } from "../volume.ts";
import type { Anatomy } from "./anatomy.ts";
import { type HeartAnatomy, heartAnatomy, heartClasses, heartTissues } from "./heart_anatomy.ts";
import { noiseOf, type Sequence, sequences, signalsOf } from "./heart_contrast.ts";
import { drawStoredAxes, planStack, type ShortAxisStack, storeAs } from "./short_axis_stack.ts";

/** Depths within a slice that its signal is averaged over, as shares of its thickness. */
const depths = [-1 / 3, 0, 1 / 3];

/** The label of each tissue. */
const labelOf = heartTissues.map((tissue) =>
  1 + heartClasses.findIndex(({ tissues }) => tissues.includes(tissue))
);

/** One case: a heart and the stack planned on it, the same for all sequences. */
function sceneOf(random: Random, inPlaneMm: number) {
  const anatomy = heartAnatomy(random.child("anatomy"));
  const stack = planStack(random.child("stack"), anatomy.length, inPlaneMm);
  return { anatomy, stack, stored: drawStoredAxes(random.child("stored")) };
}

/**
 * How far the heart lies from where bSSFP saw it, in mm across the plane, slice by slice: a sequence is the same
 * scan whichever others are asked for.
 */
function breathHolds(
  random: Random,
  sequence: Sequence,
  slices: number,
  deviation: number,
): [number, number][] {
  const at = sequences.indexOf(sequence), stream = random.child(`breath/${at}`);
  const scale = at === 0 ? 0 : deviation;
  return Array.from({ length: slices }, () => [stream.normal(0, scale), stream.normal(0, scale)]);
}

/**
 * The tissue of every voxel, at some depth of the slices.
 *
 * @param depthMm distance from the middle of the slice
 * @returns indices into `heartTissues`, row-major (slice, row, column)
 */
function tissuesAt(
  anatomy: HeartAnatomy,
  { shape: [slices, rows, columns], spacing: [distance], heart: m }: ShortAxisStack,
  shifts: readonly (readonly [number, number])[],
  depthMm: number,
): Uint8Array {
  const out = new Uint8Array(slices * rows * columns);
  for (let k = 0, at = 0; k < slices; k++) {
    const [dx, dy] = shifts[k]!, depth = k + depthMm / distance;
    for (let j = 0; j < rows; j++) {
      const x0 = m[0]! * depth + m[1]! * j + m[3]! - dx;
      const y0 = m[4]! * depth + m[5]! * j + m[7]! - dy;
      const s0 = m[8]! * depth + m[9]! * j + m[11]!;
      for (let i = 0; i < columns; i++, at++) {
        out[at] = anatomy.tissueAt(x0 + m[2]! * i, y0 + m[6]! * i, s0 + m[10]! * i);
      }
    }
  }
  return out;
}

/** The image of a stack: signal averaged through the slice, blur in the plane, coil, gain, noise, magnitude. */
function render(
  anatomy: HeartAnatomy,
  stack: ShortAxisStack,
  shifts: readonly (readonly [number, number])[],
  sequence: Sequence,
  random: Random,
): Float32Array {
  const { shape } = stack;
  const signals = signalsOf(sequence, random.child("signals"));
  const image = new Float32Array(shape[0] * shape[1] * shape[2]);
  for (const depth of depths) {
    const tissues = tissuesAt(anatomy, stack, shifts, depth * stack.thickness);
    for (let at = 0; at < image.length; at++) image[at]! += signals[tissues[at]!]! / depths.length;
  }
  const noise = random.child("noise"), gains = random.child("gains");
  const grain = Float32Array.from(image, () => noise.normal());
  applyBiasField(image, shape, random.child("bias"), 0.15);
  const slice: Triple = [1, shape[1], shape[2]], size = shape[1] * shape[2];
  const deviation = noiseOf(sequence), scale = gains.uniform(150, 700);
  for (let k = 0; k < shape[0]; k++) {
    const [signal, rough] = [image, grain].map((all) => all.subarray(k * size, (k + 1) * size));
    const gain = 1 + gains.normal(0, 0.06);
    boxBlur(signal!, slice);
    boxBlur(rough!, slice);
    for (let at = 0; at < size; at++) {
      // The blur leaves white noise a third of its deviation; a magnitude is never negative.
      signal![at] = Math.round(scale * Math.abs(gain * signal![at]! + 3 * deviation * rough![at]!));
    }
  }
  return image;
}

/**
 * The heart.
 *
 * @param inPlaneMm mean voxel size in the plane
 * @param shiftMm standard deviation of the breath-holds' shifts along each axis of the plane
 */
export function heart(inPlaneMm: number, shiftMm: number): Anatomy {
  return {
    name: "heart",
    classes: heartClasses.map(({ name }) => name),
    kindOf: () => "mr",
    image(random, { id }) {
      const { anatomy, stack, stored } = sceneOf(random, inPlaneMm);
      const shifts = breathHolds(random, id as Sequence, stack.shape[0], shiftMm);
      const image = render(anatomy, stack, shifts, id as Sequence, random.child(`image/${id}`));
      return storeAs(volumeFrom(image, stack.shape, stack.affine), stored);
    },
    labels(random, { id }) {
      const { anatomy, stack, stored } = sceneOf(random, inPlaneMm);
      const shifts = breathHolds(random, id as Sequence, stack.shape[0], shiftMm);
      const labels = tissuesAt(anatomy, stack, shifts, 0).map((tissue) => labelOf[tissue]!);
      return storeAs(volumeFrom(labels, stack.shape, stack.affine), stored);
    },
  };
}
