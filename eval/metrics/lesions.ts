import type { Triple } from "./label_grid.ts";
import type { MaskPair } from "./surface.ts";

/** How many connected parts a structure has, and how many of them the other volume touches. */
export interface LesionCounts {
  /** Parts of the prediction. */
  readonly predicted: number;
  /** Parts of the prediction that share a voxel with the reference. */
  readonly predictedFound: number;
  /** Parts of the reference. */
  readonly reference: number;
  /** Parts of the reference that share a voxel with the prediction. */
  readonly referenceFound: number;
}

/** Counts the parts of both structures, voxels joined across faces, edges and corners. */
export function lesionCounts(
  { shape, prediction, reference }: Pick<MaskPair, "shape" | "prediction" | "reference">,
): LesionCounts {
  const forward = partsTouching(prediction, reference, shape),
    back = partsTouching(reference, prediction, shape);
  return {
    predicted: forward.parts,
    predictedFound: forward.touching,
    reference: back.parts,
    referenceFound: back.touching,
  };
}

/** Harmonic mean of the shares of parts that touch the other volume; undefined without parts in either. */
export function lesionF1(counts: LesionCounts): number {
  const precision = counts.predictedFound / counts.predicted,
    recall = counts.referenceFound / counts.reference;
  return precision + recall === 0 ? 0 : 2 * precision * recall / (precision + recall);
}

/** Floods each connected part of a mask once. */
function partsTouching(
  mask: Uint8Array,
  other: Uint8Array,
  [depth, height, width]: Triple,
): { parts: number; touching: number } {
  const left = mask.slice(), plane = height * width;
  let stack = new Int32Array(1024), parts = 0, touching = 0;
  for (let seed = 0; seed < left.length; seed++) {
    if (left[seed] === 0) continue;
    let top = 0, touches = false;
    stack[top++] = seed;
    left[seed] = 0;
    while (top > 0) {
      const at = stack[--top]!;
      if (other[at] === 1) touches = true;
      const z = Math.floor(at / plane), y = Math.floor(at / width) % height, x = at % width;
      for (let k = Math.max(0, z - 1); k <= Math.min(depth - 1, z + 1); k++) {
        for (let j = Math.max(0, y - 1); j <= Math.min(height - 1, y + 1); j++) {
          for (let i = Math.max(0, x - 1); i <= Math.min(width - 1, x + 1); i++) {
            const next = k * plane + j * width + i;
            if (left[next] === 0) continue;
            left[next] = 0;
            if (top === stack.length) {
              const larger = new Int32Array(2 * top);
              larger.set(stack);
              stack = larger;
            }
            stack[top++] = next;
          }
        }
      }
    }
    parts++;
    if (touches) touching++;
  }
  return { parts, touching };
}
