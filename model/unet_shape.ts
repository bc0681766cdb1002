/**
 * The shape of a U-Net as a plain value: channels, kernels and strides of its levels. It can be written to JSON.
 *
 * @module
 */

import { CodedError } from "../tensor/errors.ts";
import { shapeText, type Triple } from "../tensor/shape.ts";
import type { VitShape } from "./vit.ts";

/** One resolution of a U-Net. As in nnU-Net, its stride is how it is reached from the level above. */
export interface UnetLevel {
  /** Kernel of its convolutions along D, H, W; odd numbers. `[1,3,3]` looks within slices only. */
  readonly kernel: Triple;
  /** Pooling from the next finer level along D, H, W, which the decoder undoes; `[1,1,1]` at the finest. */
  readonly stride: Triple;
}

/** Channel counts, kernels and strides of a U-Net. */
export interface UnetShape {
  /** For each level from the finest: channels after each convolution of the encoder. */
  readonly encoder: readonly (readonly number[])[];
  /** For each level from the finest: kernel and stride. */
  readonly levels: readonly UnetLevel[];
  /** Convolutions at each level of the decoder. */
  readonly decoderConvs: number;
  /** Channels after upsampling to a level: as many as come from `"below"`, or as the level's `"skip"` has. */
  readonly up: "below" | "skip";
  /** The Vision Transformer that gives the bottleneck, instead of the last level of the encoder. */
  readonly vit?: VitShape;
}

/** Levels of 3×3×3 convolutions that halve every axis from one to the next: for voxels about as long as wide. */
export function isotropicLevels(count: number): UnetLevel[] {
  return Array.from(
    { length: count },
    (_, i) => ({ kernel: [3, 3, 3], stride: i === 0 ? [1, 1, 1] : [2, 2, 2] }),
  );
}

/** Multiples of the base width at each level: doubled up to the fourth, which deeper ones repeat. */
function widths(levels: readonly UnetLevel[]): number[] {
  return levels.map((_, i) => 2 ** Math.min(i, 3));
}

/**
 * The shape of the authors' released network (Universal Model U-Net) with base width w: levels
 * w·(1,2), w·(2,4), w·(4,8), w·(8,16), two convolutions at each decoder level.
 */
export function universalShape(width: number, levels: readonly UnetLevel[] = isotropicLevels(4)): UnetShape {
  const encoder = widths(levels).map((n) => [n * width, 2 * n * width]);
  return { encoder, levels, decoderConvs: 2, up: "below" };
}

/** A light shape: levels w, 2w, 4w, 8w with two convolutions each, one at each decoder level. */
export function lightShape(width: number, levels: readonly UnetLevel[] = isotropicLevels(4)): UnetShape {
  const encoder = widths(levels).map((n) => [n * width, n * width]);
  return { encoder, levels, decoderConvs: 1, up: "skip" };
}

/** Channels of the bottleneck. */
export function bottleneckChannels({ encoder }: Pick<UnetShape, "encoder">): number {
  return encoder.at(-1)!.at(-1)!;
}

/** Factors between the voxels of the input and of the bottleneck along D, H, W. */
export function strideOf({ levels }: Pick<UnetShape, "levels">): Triple {
  const along = (axis: 0 | 1 | 2) => levels.reduce((product, { stride }) => product * stride[axis], 1);
  return [along(0), along(1), along(2)];
}

const isCount = (n: number): boolean => Number.isInteger(n) && n > 0;

function faultOf({ kernel, stride }: UnetLevel, at: number): string | undefined {
  if (!kernel.every((n) => isCount(n) && n % 2 === 1)) {
    return `kernel ${shapeText(kernel)}: sizes must be odd, or the output would be shifted`;
  }
  if (!stride.every(isCount)) return `stride ${shapeText(stride)}: factors must be whole numbers from 1`;
  const pools = stride.some((n) => n > 1);
  if (at === 0 && pools) {
    return `stride ${shapeText(stride)}: the finest level has the input's voxels, [1,1,1]`;
  }
  if (at > 0 && !pools) return `stride ${shapeText(stride)}: a level below the finest must shrink an axis`;
}

/**
 * Checks the levels of a U-Net.
 *
 * @throws {CodedError} `model.levels` where a kernel is even, the finest level pools or a deeper one does not, or
 * there is none
 */
export function checkLevels(levels: readonly UnetLevel[]): void {
  const fix =
    'Write levels from the finest, such as {"kernel":[1,3,3],"stride":[1,1,1]}, {"kernel":[3,3,3],"stride":[1,2,2]}.';
  if (levels.length === 0) {
    throw new CodedError("model.levels", "a U-Net needs at least one level, got none", { fix });
  }
  levels.forEach((level, at) => {
    const fault = faultOf(level, at);
    if (fault) throw new CodedError("model.levels", `level ${at} of ${levels.length} has ${fault}`, { fix });
  });
}
