import { EvalError } from "../errors.ts";
import type { NdArray } from "../deps.ts";

/** A label volume: one class id a voxel, 0 for background, and how large a voxel is. */
export interface LabelGrid {
  /** Class ids, three axes of any strides; integers whatever the element type. */
  readonly array: NdArray;
  /** Voxel size along each axis of `array`, in mm. */
  readonly spacing: readonly [number, number, number];
  /** Voxel indices to mm, 4 × 4, row-major. When both volumes of a pair have one, they must lie in one place. */
  readonly affine?: readonly number[];
}

/** A class as the manifest lists it. */
export interface LabelClass {
  /** The value that marks the class in a label volume; not 0. */
  readonly id: number;
  /** What people call it. */
  readonly name: string;
}

/** Three numbers, one an axis. */
export type Triple = readonly [number, number, number];

/**
 * Two label volumes on one grid, rewritten as class indices.
 *
 * The axes stay as the arrays have them, whatever their strides: sums come out the same to the last bit however a
 * file stores its axes.
 */
export interface LabelPair {
  /** Size of the grid in voxels. */
  readonly shape: Triple;
  /** Voxel size in mm, in the order of `shape`. */
  readonly spacing: Triple;
  /** Predicted class as its 1-based place in the class list, 0 for background; row-major over `shape`. */
  readonly prediction: Uint8Array | Uint16Array;
  /** Reference class, coded like `prediction`. */
  readonly reference: Uint8Array | Uint16Array;
}

/** Physical size of a grid from corner to corner, in mm, without its flat axes. */
export function diagonalMm(shape: Triple, spacing: Triple, flat: readonly boolean[]): number {
  return Math.hypot(...shape.map((size, axis) => flat[axis] ? 0 : size * spacing[axis]!));
}

/**
 * Checks that two label volumes share a grid and hold only listed classes, and packs them.
 *
 * @param where what to name in an error: the case and the modality
 * @throws {EvalError} `eval.shape`, `eval.spacing`, `eval.affine`, `eval.classes` or `eval.labels` (with the values found)
 */
export function pairLabels(
  where: string,
  prediction: LabelGrid,
  reference: LabelGrid,
  classes: readonly LabelClass[],
): LabelPair {
  checkClasses(where, classes);
  const shape = checkedShape(where, "reference", reference);
  const got = checkedShape(where, "prediction", prediction);
  if (shape.some((size, axis) => size !== got[axis])) {
    throw new EvalError(
      "eval.shape",
      `${where}: the prediction has shape ${got.join("×")}, the reference ${shape.join("×")}`,
      { fix: "Predict on the grid of the reference, or resample the prediction to it with nearest labels." },
    );
  }
  const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-3 * Math.max(a, b);
  if (!reference.spacing.every((mm, axis) => close(mm, prediction.spacing[axis]!))) {
    throw new EvalError(
      "eval.spacing",
      `${where}: the prediction has voxels of ${prediction.spacing.join(" × ")} mm, the reference of ` +
        `${reference.spacing.join(" × ")} mm`,
      { fix: "Compare volumes on one grid: check the affine the prediction was written with." },
    );
  }
  checkPlace(where, prediction, reference, shape);
  return {
    shape,
    spacing: reference.spacing,
    prediction: pack(`${where}, prediction`, prediction.array, classes),
    reference: pack(`${where}, reference`, reference.array, classes),
  };
}

/** Corners of one grid may lie this share of the smallest voxel side away from those of the other. */
const placeTolerance = 0.1;

/** Refuses volumes that lie in different places, such as one whose axes were exchanged. */
function checkPlace(
  where: string,
  { affine: a }: LabelGrid,
  { affine: b, spacing }: LabelGrid,
  shape: Triple,
): void {
  if (a === undefined || b === undefined) return;
  let gap = 0;
  for (let corner = 0; corner < 8; corner++) {
    const at = shape.map((size, axis) => (corner >> axis & 1) * (size - 1));
    const apart = [0, 4, 8].map((row) =>
      at.reduce((sum, x, axis) => sum + x * (a[row + axis]! - b[row + axis]!), a[row + 3]! - b[row + 3]!)
    );
    gap = Math.max(gap, Math.hypot(...apart));
  }
  if (gap <= placeTolerance * Math.min(...spacing)) return;
  throw new EvalError(
    "eval.affine",
    `${where}: prediction and reference lie up to ${gap.toPrecision(3)} mm apart (affines [${
      a.slice(0, 12).join(", ")
    }] and [${b.slice(0, 12).join(", ")}])`,
    {
      fix:
        "Compare the volumes with their axes in one order and on one grid: turn the prediction as the reference " +
        "is turned, or resample it.",
    },
  );
}

function checkClasses(where: string, classes: readonly LabelClass[]): void {
  const ids = new Set(classes.map((c) => c.id));
  if (classes.length === 0 || ids.size !== classes.length || ids.has(0)) {
    throw new EvalError(
      "eval.classes",
      `${where}: the class list is [${classes.map((c) => c.id).join(", ")}]; expected at least one class, ` +
        "each id once, none of them 0 (the background)",
      { fix: "Give the foreground classes only, each once." },
    );
  }
}

function checkedShape(where: string, role: string, grid: LabelGrid): Triple {
  const shape = grid.array.shape;
  if (shape.length !== 3 || shape.some((size) => size < 1)) {
    throw new EvalError(
      "eval.shape",
      `${where}: the ${role} has shape [${shape.join(", ")}]; expected three axes of at least one voxel`,
      { fix: "Give a 3-D label volume; a single slice is a volume with one voxel along an axis." },
    );
  }
  if (grid.spacing.length !== 3 || !grid.spacing.every((mm) => Number.isFinite(mm) && mm > 0)) {
    throw new EvalError(
      "eval.spacing",
      `${where}: the ${role} has voxels of ${grid.spacing.join(" × ")} mm; expected three positive sizes`,
      { fix: "Correct the voxel sizes in the header of the file." },
    );
  }
  return [shape[0]!, shape[1]!, shape[2]!];
}

/** Class indices of a strided volume, row-major. */
function pack(
  where: string,
  array: NdArray,
  classes: readonly LabelClass[],
): Uint8Array | Uint16Array {
  const [size0, size1, size2] = array.shape as [number, number, number];
  const [step0, step1, step2] = array.stride as [number, number, number];
  const data = array.data as ArrayLike<number>;
  const packed = classes.length < 256
    ? new Uint8Array(size0 * size1 * size2)
    : new Uint16Array(size0 * size1 * size2);
  const indexOf = new Map(classes.map((c, i) => [c.id, i + 1]));
  const unexpected = new Map<number, number>();
  let at = 0, lastValue = 0, lastIndex = 0; // neighbours mostly carry the same label
  for (let i = 0; i < size0; i++) {
    for (let j = 0; j < size1; j++) {
      let from = array.offset + i * step0 + j * step1;
      for (let k = 0; k < size2; k++, from += step2, at++) {
        const value = data[from]!;
        if (value === 0) continue;
        if (value !== lastValue) {
          const index = indexOf.get(value);
          if (index === undefined) {
            unexpected.set(value, (unexpected.get(value) ?? 0) + 1);
            continue;
          }
          lastValue = value;
          lastIndex = index;
        }
        packed[at] = lastIndex;
      }
    }
  }
  if (unexpected.size > 0) {
    const found = [...unexpected].sort((a, b) => a[0] - b[0]);
    const shown = found.slice(0, 8).map(([value, count]) => `${value} (${count} voxels)`).join(", ");
    throw new EvalError(
      "eval.labels",
      `${where}: values ${shown}${found.length > 8 ? ` and ${found.length - 8} more` : ""} are not in the ` +
        `class list [${classes.map((c) => c.id).join(", ")}]`,
      { fix: "Add the classes to the list, or map the values before evaluating." },
    );
  }
  return packed;
}
