/** Which preparation a data set gets. */

import assert from "node:assert/strict";
import { multiplyAffine, scalingAffine } from "../../data/affine.ts";
import type { DataError } from "../../data/errors.ts";
import { axisCodes, turnGrid, turnOf } from "../../data/orientation.ts";
import { chooseFrom, type SurveyedCase } from "../../data/prepare/choose.ts";
import { commonGrid, coverage, overlapOf } from "../../data/prepare/common_grid.ts";
import { prepareImages } from "../../data/prepare/prepare.ts";
import { preparedShapes } from "../../data/prepare/prepared_shapes.ts";
import { type Grid, volumeFrom } from "../../data/volume.ts";

type Three = readonly [number, number, number];

/** A grid whose axes run along the letters, such as `SAR`, from a place in mm. */
function grid(axes: string, shape: Three, spacing: Three, origin: Three = [0, 0, 0]): Grid {
  const affine = new Array<number>(16).fill(0);
  affine[15] = 1;
  [...axes].forEach((letter, axis) => {
    const world = "RASLPI".indexOf(letter) % 3;
    affine[4 * world + axis] = "RAS".includes(letter) ? spacing[axis]! : -spacing[axis]!;
  });
  origin.forEach((mm, world) => affine[4 * world + 3] = mm);
  return { shape, spacing, affine };
}

const set = (aligned = true) => ({
  name: "set",
  modalities: [{ id: "a", kind: "mr" as const }, { id: "b", kind: "ct" as const }],
  classes: [{ id: 1, name: "organ" }],
  paired: true,
  aligned,
});
const of = (images: Grid[], labels: Grid[] = [], id = "case"): SurveyedCase => ({ id, images, labels });
const refused = (code: string) => (error: DataError) => error.code === code && error.fix !== undefined;

Deno.test("nearly isotropic volumes: anatomical, D to Superior, whatever order they are stored in", () => {
  const cases = ["SAR", "LPI", "ARS"].map((axes) => of([grid(axes, [20, 20, 20], [1, 1.2, 1.1])]));
  const { preparation, orientationReason } = chooseFrom(set(), cases);
  assert.deepEqual(preparation.orientation, { rule: "anatomical", through: "S" });
  assert.equal(orientationReason, "voxels are nearly isotropic");
  for (const { images: [one] } of cases) {
    assert.equal(axisCodes(turnGrid(one!, turnOf(one!, preparation.orientation)).affine), "SAR");
  }
});

Deno.test("one through-plane direction: anatomical with D along it; several: slices; and a person may override", () => {
  const coronal = ["ASR", "SAR", "RSA"].map((axes) => {
    const spacing = [...axes].map((letter) => letter === "A" ? 6 : 1) as unknown as Three;
    return of([grid(axes, [10, 10, 10], spacing)]);
  });
  const { preparation } = chooseFrom(set(), coronal);
  assert.deepEqual(preparation.orientation, { rule: "anatomical", through: "A" });
  assert.deepEqual(preparation.spacing, [6, 1, 1]);
  const mixed = [...coronal, of([grid("SAR", [10, 10, 10], [8, 1, 1])])];
  const { preparation: slices, orientationReason } = chooseFrom(set(), mixed);
  assert.deepEqual(slices.orientation, { rule: "slices" });
  assert.match(orientationReason, /anterior–posterior in 3, superior–inferior in 1/);
  assert.deepEqual(chooseFrom(set(), mixed, { orientation: "anatomical" }).preparation.orientation, {
    rule: "anatomical",
    through: "A",
  });
});

Deno.test("spacing: in an aligned set that of the finest labels, or of the finest image without; otherwise of all images", () => {
  const dwi = grid("SAR", [70, 100, 100], [2, 2, 2]), flair = grid("SAR", [29, 512, 512], [5, 0.45, 0.45]);
  const spacing = (aligned: boolean, labels: Grid[]) =>
    chooseFrom(set(aligned), [of([dwi, flair], labels)]).preparation.spacing;
  assert.deepEqual(spacing(true, [dwi]), [2, 2, 2]);
  assert.deepEqual(spacing(true, []), [5, 0.45, 0.45]);
  assert.deepEqual(spacing(false, [dwi]), [3.5, 1.225, 1.225]);
  assert.equal(chooseFrom(set(), [of([dwi, flair])]).preparation.oneGrid, false);
  const lacking =
    chooseFrom({ ...set(), paired: false }, [of([dwi, dwi]), of([dwi], [], "alone")]).preparation;
  assert.deepEqual([lacking.aligned, lacking.oneGrid], [false, false]);
  assert.equal(chooseFrom(set(), [of([dwi, dwi])]).preparation.oneGrid, true);
});

Deno.test("what nothing can be chosen from, or cannot be chosen, is refused", () => {
  const cases = [of([grid("SAR", [9, 9, 9], [1, 1, 1])])];
  assert.throws(() => chooseFrom(set(), []), (error: DataError) => error.code === "split.empty");
  assert.throws(() => chooseFrom(set(), cases, { spacing: [1, 0, 1] }), refused("preparation.value"));
  const normalise = { c: { kind: "zscore" as const } };
  assert.throws(() => chooseFrom(set(), cases, { normalise }), refused("config.modality"));
});

Deno.test("the common grid has the first one's axes and unites the fields of view; apart is refused", () => {
  const first = grid("SAR", [10, 10, 10], [2, 2, 2]);
  const beside = grid("SAR", [10, 10, 10], [2, 2, 2], [0, 0, 7.2]);
  const united = commonGrid([first, beside], [2, 2, 2], ["a", "b"]);
  assert.deepEqual([united.shape, united.affine[11]], [[14, 10, 10], 0]);
  assert.equal(coverage(first, first), undefined);
  const covered = coverage(beside, united)!;
  assert.equal(covered.reduce((sum, v) => sum + v, 0), 10 * 100); // centres within its outer faces
  assert.ok(Math.abs(overlapOf(first, beside) - 0.64) < 0.04, `${overlapOf(first, beside)}`);
  const far = grid("SAR", [10, 10, 10], [2, 2, 2], [0, 90, 0]);
  assert.throws(
    () => commonGrid([first, far], [2, 2, 2], ["case x (a)", "case x (b)"]),
    (error: DataError) =>
      error.code === "geometry.apart" && /case x \(b\) does not overlap case x \(a\)/.test(error.message),
  );
  // A tenth of a per cent is the rounding of headers, not another voxel size.
  assert.deepEqual(commonGrid([first], [2.001, 2, 2], ["a"]).spacing, [2, 2, 2]);
});

Deno.test("a modality alone is prepared on the target grid, and shapes are known before voxels are read", () => {
  const stored = grid("LPS", [40, 30, 12], [1, 1, 5]);
  const { preparation } = chooseFrom(set(), [of([grid("SAR", [30, 30, 30], [2, 2, 2])])]);
  const image = volumeFrom(
    Float32Array.from({ length: 40 * 30 * 12 }, (_, at) => 1 + at % 11),
    [40, 30, 12],
    multiplyAffine(stored.affine, scalingAffine([1, 1, 1])),
  );
  const [alone] = prepareImages(new Map([["b", image]]), { ...preparation, crop: "none" });
  assert.deepEqual([alone!.spacing, alone!.shape], [[2, 2, 2], [30, 15, 20]]);
  assert.deepEqual(preparedShapes([of([stored])], preparation), [[30, 15, 20]]);
});
