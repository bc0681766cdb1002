const lane = 16; // neighbouring lines handled together, so that a cache line is used whole

/**
 * Exact squared Euclidean distance in mm² from every voxel to the nearest marked voxel.
 *
 * One axis after another, each line replaced by the lower envelope of the parabolas that stand on it
 * (Felzenszwalb and Huttenlocher, Theory of Computing 2012); float64 throughout. `Infinity` everywhere when
 * nothing is marked.
 *
 * @param marked non-zero where distance is 0, row-major over `shape`
 * @param shape voxels along each axis
 * @param spacing voxel size along each axis in mm
 * @param wanted non-zero where the distance is needed; elsewhere the result may then be anything
 * @returns row-major over `shape`
 *
 * @example
 * ```ts
 * import { squaredDistance } from "./edt.ts";
 * import assert from "node:assert/strict";
 *
 * const toCentre = squaredDistance(Uint8Array.of(0, 1, 0, 0), [1, 1, 4], [1, 1, 2]);
 * assert.deepEqual([...toCentre], [4, 0, 4, 16]);
 * ```
 */
export function squaredDistance(
  marked: ArrayLike<number>,
  shape: readonly [number, number, number],
  spacing: readonly [number, number, number],
  wanted?: ArrayLike<number>,
): Float64Array {
  const [depth, height, width] = shape, plane = height * width;
  const field = new Float64Array(depth * plane);
  scanRows(marked, field, width, spacing[2]);
  const columns = wanted === undefined ? undefined : shadow(wanted, plane);
  for (let z = 0; z < depth; z++) {
    // A plane without marks is infinite all over, and stays so until the last axis.
    if (!anyFinite(field, z * plane, plane, width)) continue;
    envelopeAlong(field, z * plane, height, width, width, spacing[1]);
  }
  envelopeAlong(field, 0, depth, plane, plane, spacing[0], columns);
  return field;
}

/** The columns along the first axis that hold a wanted voxel. */
function shadow(wanted: ArrayLike<number>, plane: number): Uint8Array {
  const columns = new Uint8Array(plane);
  for (let from = 0; from < wanted.length; from += plane) {
    for (let i = 0; i < plane; i++) if (wanted[from + i]) columns[i] = 1;
  }
  return columns;
}

/** Whether a plane has a finite value; a row is finite everywhere or nowhere. */
function anyFinite(field: Float64Array, start: number, plane: number, width: number): boolean {
  for (let row = start; row < start + plane; row += width) if (field[row] !== Infinity) return true;
  return false;
}

/** Distances along contiguous rows of 0/∞ cost need no envelope: one sweep each way. */
function scanRows(marked: ArrayLike<number>, field: Float64Array, width: number, mm: number): void {
  for (let row = 0; row < field.length; row += width) {
    let steps = Infinity;
    for (let x = 0; x < width; x++) {
      steps = marked[row + x] ? 0 : steps + 1;
      field[row + x] = steps;
    }
    steps = Infinity;
    for (let x = width - 1; x >= 0; x--) {
      steps = Math.min(field[row + x]!, steps + 1);
      field[row + x] = (steps * mm) ** 2;
    }
  }
}

/** Lower envelopes along one axis, for the needed ones of `lines` lines that start next to one another at `start`. */
function envelopeAlong(
  field: Float64Array,
  start: number,
  count: number,
  stride: number,
  lines: number,
  mm: number,
  needed?: Uint8Array,
): void {
  if (count === 1) return;
  const bundle = new Float64Array(count * lane);
  const apex = new Float64Array(count),
    height = new Float64Array(count),
    border = new Float64Array(count + 1);
  for (let first = 0; first < lines; first += lane) {
    const used = Math.min(lane, lines - first);
    if (needed !== undefined && !needed.subarray(first, first + used).includes(1)) continue;
    for (let i = 0; i < count; i++) {
      const from = start + i * stride + first;
      for (let l = 0; l < used; l++) bundle[l * count + i] = field[from + l]!;
    }
    for (let l = 0; l < used; l++) envelope(bundle, l * count, count, mm, apex, height, border);
    for (let i = 0; i < count; i++) {
      const to = start + i * stride + first;
      for (let l = 0; l < used; l++) field[to + l] = bundle[l * count + i]!;
    }
  }
}

/** Replaces one line of costs by `min_j cost[j] + ((i − j) · mm)²`. */
function envelope(
  line: Float64Array,
  at: number,
  count: number,
  mm: number,
  apex: Float64Array,
  height: Float64Array,
  border: Float64Array,
): void {
  let top = -1;
  for (let i = 0; i < count; i++) {
    const cost = line[at + i]!;
    if (cost === Infinity) continue;
    const x = i * mm;
    let crossing = -Infinity;
    while (top >= 0) {
      crossing = (cost - height[top]! + x * x - apex[top]! ** 2) / (2 * (x - apex[top]!));
      if (crossing > border[top]!) break;
      top--;
    }
    top++;
    apex[top] = x;
    height[top] = cost;
    border[top] = top === 0 ? -Infinity : crossing;
  }
  if (top < 0) return;
  border[top + 1] = Infinity;
  for (let i = 0, p = 0; i < count; i++) {
    const x = i * mm;
    while (border[p + 1]! < x) p++;
    line[at + i] = height[p]! + (x - apex[p]!) ** 2;
  }
}
