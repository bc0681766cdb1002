import { squaredDistance } from "./edt.ts";
import { elementAreas } from "./element_areas.ts";
import type { Triple } from "./label_grid.ts";
import type { MaskPair } from "./surface.ts";

/** Average surface distances that weigh each piece of surface by its area, in mm. */
export interface AreaWeightedDistances {
  /** From the surface of the prediction to that of the reference. */
  readonly predictionToReference: number;
  /** From the surface of the reference to that of the prediction. */
  readonly referenceToPrediction: number;
  /** Over both surfaces pooled. */
  readonly symmetric: number;
  /** The largest distance of any element; no mean can be above it. */
  readonly largest: number;
  /** Sum of distance times area over both surfaces, in mm³. */
  readonly moment: number;
  /** Area of both surfaces, in mm². */
  readonly area: number;
}

/**
 * Average distances between surfaces made of surface elements, as Nikolov et al. (arXiv:1809.04430) and their
 * surface-distance library define them: an element sits where eight voxels meet and not all eight are inside, and
 * has the area of {@link elementAreas}.
 *
 * Unlike the voxel surface this one does not count a flat face and a staircase differently. In a volume of one
 * slice the elements are pieces of the contour, weighed by their length.
 */
export function areaWeightedDistances(pair: MaskPair): AreaWeightedDistances {
  const { shape, spacing, flat } = pair;
  const grow = (axis: 0 | 1 | 2): number => shape[axis] + (flat[axis] ? 0 : 1);
  const corners: Triple = [grow(0), grow(1), grow(2)];
  const areas = areasFor(spacing);
  const predicted = elementCodes(pair.prediction, pair, corners),
    referred = elementCodes(pair.reference, pair, corners);
  const forward = weigh(predicted, squaredDistance(referred, corners, spacing, predicted), areas);
  const back = weigh(referred, squaredDistance(predicted, corners, spacing, referred), areas);
  const moment = forward.moment + back.moment, area = forward.area + back.area;
  return {
    predictionToReference: forward.moment / forward.area,
    referenceToPrediction: back.moment / back.area,
    symmetric: moment / area,
    largest: Math.max(forward.largest, back.largest),
    moment,
    area,
  };
}

const areasBySpacing = new Map<string, Float64Array>();

/** The areas depend on the spacing alone, which the cases of a data set mostly share. */
function areasFor(spacing: Triple): Float64Array {
  const key = spacing.join();
  const known = areasBySpacing.get(key) ?? elementAreas(spacing);
  areasBySpacing.set(key, known);
  return known;
}

/**
 * Which of the eight voxels around each corner point are inside, one bit a voxel; 0 where all or none are.
 *
 * Along an axis of one slice the volume has no end, so that a contour in the plane is a wall across it: the
 * thickness of the wall is the same everywhere and drops out of every mean.
 */
function elementCodes(mask: Uint8Array, { shape, flat }: MaskPair, corners: Triple): Uint8Array {
  const codes = new Uint8Array(corners[0] * corners[1] * corners[2]);
  const row = corners[2], plane = corners[1] * row;
  const [z1, y1, x1] = [flat[0] ? 0 : plane, flat[1] ? 0 : row, flat[2] ? 0 : 1];
  let at = 0;
  for (let z = 0; z < shape[0]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      let corner = z * plane + y * row;
      for (let x = 0; x < shape[2]; x++, at++, corner++) {
        if (mask[at] === 0) continue;
        codes[corner]! |= 1;
        codes[corner + x1]! |= 2;
        codes[corner + y1]! |= 4;
        codes[corner + y1 + x1]! |= 8;
        codes[corner + z1]! |= 16;
        codes[corner + z1 + x1]! |= 32;
        codes[corner + z1 + y1]! |= 64;
        codes[corner + z1 + y1 + x1]! |= 128;
      }
    }
  }
  for (let i = 0; i < codes.length; i++) if (codes[i] === 255) codes[i] = 0;
  return codes;
}

/**
 * Sums by pattern, which the areas then weigh.
 *
 * The long loop keeps its sums in memory on purpose. As three local variables they came out wrong twice in one process and
 * right in the next, and never when it was tried on purpose: as far as that tells, when the engine replaced the code
 * of the running loop.
 */
function weigh(
  codes: Uint8Array,
  squared: Float64Array,
  areas: Float64Array,
): { moment: number; area: number; largest: number } {
  const counts = new Float64Array(256), distances = new Float64Array(256), farthest = new Float64Array(256);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    if (code === 0) continue;
    const distance = Math.sqrt(squared[i]!);
    counts[code]!++;
    distances[code]! += distance;
    if (distance > farthest[code]!) farthest[code] = distance;
  }
  let moment = 0, area = 0;
  for (const [code, size] of areas.entries()) {
    moment += size * distances[code]!;
    area += size * counts[code]!;
  }
  return { moment, area, largest: Math.max(...farthest) };
}
