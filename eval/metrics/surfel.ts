import { squaredDistance } from "./edt.ts";
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
}

/**
 * Average distances between surfaces made of surface elements, as Nikolov et al. (arXiv:1809.04430) define
 * them: an element sits where eight voxels meet and not all eight are inside, and has the area of the
 * surface that separates the inner from the outer voxels there.
 *
 * Unlike the voxel surface this one does not count a flat face and a staircase differently.
 */
export function areaWeightedDistances(pair: MaskPair): AreaWeightedDistances {
  const { shape, spacing } = pair;
  const corners: Triple = [shape[0] + 1, shape[1] + 1, shape[2] + 1];
  const areas = areasFor(spacing);
  const predicted = elementCodes(pair.prediction, shape), referred = elementCodes(pair.reference, shape);
  const forward = weigh(predicted, squaredDistance(referred, corners, spacing, predicted), areas);
  const back = weigh(referred, squaredDistance(predicted, corners, spacing, referred), areas);
  return {
    predictionToReference: forward.moment / forward.area,
    referenceToPrediction: back.moment / back.area,
    symmetric: (forward.moment + back.moment) / (forward.area + back.area),
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

/** Which of the eight voxels around each corner point are inside, one bit a voxel; 0 where all or none are. */
function elementCodes(mask: Uint8Array, [depth, height, width]: Triple): Uint8Array {
  const codes = new Uint8Array((depth + 1) * (height + 1) * (width + 1));
  const row = width + 1, plane = (height + 1) * row;
  let at = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      let corner = z * plane + y * row;
      for (let x = 0; x < width; x++, at++, corner++) {
        if (mask[at] === 0) continue;
        codes[corner]! |= 128;
        codes[corner + 1]! |= 64;
        codes[corner + row]! |= 32;
        codes[corner + row + 1]! |= 16;
        codes[corner + plane]! |= 8;
        codes[corner + plane + 1]! |= 4;
        codes[corner + plane + row]! |= 2;
        codes[corner + plane + row + 1]! |= 1;
      }
    }
  }
  for (let i = 0; i < codes.length; i++) if (codes[i] === 255) codes[i] = 0;
  return codes;
}

function weigh(
  codes: Uint8Array,
  squared: Float64Array,
  areas: Float64Array,
): { moment: number; area: number } {
  let moment = 0, area = 0;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    if (code === 0) continue;
    moment += areas[code]! * Math.sqrt(squared[i]!);
    area += areas[code]!;
  }
  return { moment, area };
}

type Point = [number, number, number];

/** Corner b of the cube of eight voxel centres: bit 2 is its step along axis 0, bit 1 along 1, bit 0 along 2. */
const corner = (b: number): Point => [(b >> 2) & 1, (b >> 1) & 1, b & 1];

/** The four corners of each face, around it. */
const faces = [[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]] as const;

/**
 * Area in mm² of the separating surface for each of the 256 patterns of inner voxels.
 *
 * The surface crosses an edge of the cube at its middle. On each face the crossings are joined so that
 * inner voxels which only touch diagonally stay apart; the joints close into loops, and a loop spans the fan
 * of triangles around its mean point.
 */
export function elementAreas(spacing: Triple): Float64Array {
  return Float64Array.from({ length: 256 }, (_, code) => {
    const joints = new Map<string, string[]>(); // crossing → the two crossings it is joined to
    const join = (a: string, b: string): void => {
      joints.set(a, [...(joints.get(a) ?? []), b]);
      joints.set(b, [...(joints.get(b) ?? []), a]);
    };
    const inner = (b: number): boolean => (code >> b & 1) === 1;
    for (const face of faces) {
      const crossings = face.map((from, i) => {
        const to = face[(i + 1) % 4]!;
        return inner(from) === inner(to) ? undefined : [Math.min(from, to), Math.max(from, to)].join();
      });
      const crossed = crossings.filter((c) => c !== undefined);
      if (crossed.length === 2) join(crossed[0]!, crossed[1]!);
      if (crossed.length === 4) {
        face.forEach((b, i) => inner(b) && join(crossings[i]!, crossings[(i + 3) % 4]!));
      }
    }
    return loops(joints).reduce((area, loop) => area + fanArea(loop.map((edge) => middle(edge, spacing))), 0);
  });
}

function loops(joints: Map<string, string[]>): string[][] {
  const left = new Set(joints.keys()), found: string[][] = [];
  for (const start of joints.keys()) {
    if (!left.has(start)) continue;
    const loop: string[] = [];
    for (let next: string | undefined = start; next !== undefined;) {
      left.delete(next);
      loop.push(next);
      next = joints.get(next)!.find((edge) => left.has(edge));
    }
    found.push(loop);
  }
  return found;
}

function middle(edge: string, spacing: Triple): Point {
  const [a, b] = edge.split(",").map((text) => corner(Number(text))) as [Point, Point];
  return a.map((value, axis) => (value + b[axis]!) / 2 * spacing[axis]!) as Point;
}

function fanArea(loop: Point[]): number {
  const mean = [0, 1, 2].map((axis) => loop.reduce((sum, p) => sum + p[axis]!, 0) / loop.length);
  return loop.reduce((area, p, i) => {
    const q = loop[(i + 1) % loop.length]!;
    const [a, b, c] = [0, 1, 2].map((axis) => p[axis]! - mean[axis]!) as Point;
    const [d, e, f] = [0, 1, 2].map((axis) => q[axis]! - mean[axis]!) as Point;
    return area + Math.hypot(b * f - c * e, c * d - a * f, a * e - b * d) / 2;
  }, 0);
}
