import type { Triple } from "./label_grid.ts";

type Point = readonly [number, number, number];

/**
 * Area in mm² of the surface element at a point where eight voxels meet, for each of the 256 patterns of inner
 * voxels (bit 7 the voxel at `[0, 0, 0]`, bit 0 the one at `[1, 1, 1]`).
 *
 * These are the areas that Nikolov et al. (arXiv:1809.04430) publish as a table with their surface-distance
 * library. Four rules give the whole table:
 *
 * - The surface crosses an edge of the cube of voxel centres at its middle.
 * - A pattern of more than four inner voxels has the surface of its complement.
 * - On a face whose inner voxels touch only diagonally, they stay apart.
 * - The crossings close into loops. A loop that is not flat is cut into the triangles with the largest total area
 *   in a cube of side 1; other voxel sizes stretch these triangles.
 *
 * @param spacing voxel size along each axis in mm
 */
export function elementAreas([d, h, w]: Triple): Float64Array {
  return Float64Array.from(
    elementNormals(),
    (normals) => normals.reduce((area, [z, y, x]) => area + Math.hypot(z * h * w, y * d * w, x * d * h), 0),
  );
}

let normals: readonly (readonly Point[])[] | undefined;

/** Normals of the triangles of each pattern in a cube of side 1, as long as the triangles are large. */
function elementNormals(): readonly (readonly Point[])[] {
  normals ??= Array.from({ length: 256 }, (_, code) => {
    const inner = bitCount(code) > 4 ? 255 ^ code : code;
    return loops(crossings(inner)).flatMap((loop) => widestCut(loop.map(middle)));
  });
  return normals;
}

function bitCount(code: number): number {
  return [...code.toString(2)].filter((bit) => bit === "1").length;
}

/** The four corners of each face of the cube, around it. */
const faces = [[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]] as const;

/** For each edge that the surface crosses, the two crossings it is joined to. An edge is named by its corners. */
function crossings(code: number): Map<string, string[]> {
  const joints = new Map<string, string[]>();
  const join = (a: string, b: string): void => {
    joints.set(a, [...(joints.get(a) ?? []), b]);
    joints.set(b, [...(joints.get(b) ?? []), a]);
  };
  const isInner = (corner: number): boolean => (code >> (7 - corner) & 1) === 1;
  for (const face of faces) {
    const crossed = face.map((from, i) => {
      const to = face[(i + 1) % 4]!;
      return isInner(from) === isInner(to) ? undefined : [Math.min(from, to), Math.max(from, to)].join();
    });
    const found = crossed.filter((edge) => edge !== undefined);
    if (found.length === 2) join(found[0]!, found[1]!);
    if (found.length === 4) {
      face.forEach((corner, i) => isInner(corner) && join(crossed[i]!, crossed[(i + 3) % 4]!));
    }
  }
  return joints;
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

/** Corner b of the cube: bit 2 is its step along axis 0, bit 1 along 1, bit 0 along 2. */
function corner(b: number): Point {
  return [(b >> 2) & 1, (b >> 1) & 1, b & 1];
}

function middle(edge: string): Point {
  const [a, b] = edge.split(",").map((text) => corner(Number(text))) as [Point, Point];
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2];
}

/** Normals of the triangles that a loop is cut into, of all ways the one with the largest total area. */
function widestCut(loop: readonly Point[]): Point[] {
  const first = loop[0]!, last = loop.at(-1)!;
  let best: Point[] = [], most = -1;
  for (let k = 1; k < loop.length - 1; k++) {
    const cut = [
      normalOf(first, loop[k]!, last),
      ...widestCut(loop.slice(0, k + 1)),
      ...widestCut(loop.slice(k)),
    ];
    const area = cut.reduce((sum, normal) => sum + Math.hypot(...normal), 0);
    if (area > most) [best, most] = [cut, area];
  }
  return best;
}

function normalOf(p: Point, q: Point, r: Point): Point {
  const [a, b, c] = [q[0] - p[0], q[1] - p[1], q[2] - p[2]];
  const [d, e, f] = [r[0] - p[0], r[1] - p[1], r[2] - p[2]];
  return [(b * f - c * e) / 2, (c * d - a * f) / 2, (a * e - b * d) / 2];
}
