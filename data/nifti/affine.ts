/**
 * From the orientation fields of a NIfTI header to one affine.
 *
 * @module
 */

import {
  type Affine,
  applyAffine,
  determinant,
  scalingAffine,
  shearOf,
  spacingOf,
  type Triple,
} from "../affine.ts";
import { DataError, type DataWarning } from "../errors.ts";

/** The fields of a header that say where the voxels lie. */
export interface OrientationFields {
  /** Voxels along each axis. */
  readonly shape: Triple;
  /** `pixdim[1…3]`, in mm. */
  readonly spacing: Triple;
  /** `pixdim[0]`: −1 turns the third axis around, anything else does not. */
  readonly qfac: number;
  /** `qform_code`; above 0 the quaternion is valid. */
  readonly qformCode: number;
  /** `quatern_b`, `quatern_c`, `quatern_d`. */
  readonly quaternion: Triple;
  /** `qoffset_x`, `qoffset_y`, `qoffset_z`, in mm. */
  readonly offset: Triple;
  /** `sform_code`; above 0 the sform is valid. */
  readonly sformCode: number;
  /** The sform, 4×4 row-major. */
  readonly sform: Affine;
}

/**
 * The affine of a header: the sform where its code is above 0, else the qform, else the voxel size alone with
 * the volume centred and its first axis running to the left, which is what nibabel assumes.
 *
 * @throws {DataError} `geometry.affine` when the matrix is singular or not finite, or the quaternion is none
 */
export function niftiAffine(
  fields: OrientationFields,
  path: string,
): { affine: Affine; warnings: DataWarning[] } {
  const warnings: DataWarning[] = [];
  const warn = (code: string, message: string) => warnings.push({ code, message: `${path}: ${message}` });
  const { shape, spacing, qformCode, sformCode, sform } = fields;
  let affine: Affine;
  if (sformCode > 0) {
    affine = sform;
    if (qformCode > 0) {
      const qform = qformAffine(fields);
      const gap = qform === undefined ? NaN : largestGap(qform, sform, shape);
      if (!(gap <= 0.1 * Math.min(...spacingOf(sform)))) {
        warn(
          "geometry.disagree",
          `qform and sform differ${
            Number.isNaN(gap) ? "" : ` by up to ${gap.toFixed(3)} mm`
          }; the sform is used`,
        );
      }
    }
  } else if (qformCode > 0) {
    const qform = qformAffine(fields);
    if (qform === undefined) {
      throw new DataError(
        "geometry.affine",
        `${path}: (${fields.quaternion.join(", ")}) is no unit quaternion`,
        {
          fix: "Repair the qform, or set a valid sform.",
        },
      );
    }
    affine = qform;
  } else {
    warn(
      "geometry.unknown",
      "neither qform nor sform is set; a centred volume is assumed, left and right are a guess",
    );
    const [x, y, z] = spacing;
    affine = scalingAffine([-x, y, z], [
      x * (shape[0] - 1) / 2,
      -y * (shape[1] - 1) / 2,
      -z * (shape[2] - 1) / 2,
    ]);
  }
  const volume = Math.abs(determinant(affine));
  const size = spacingOf(affine);
  if (!affine.every(Number.isFinite) || !(volume > 1e-6 * size[0] * size[1] * size[2])) {
    throw new DataError(
      "geometry.affine",
      `${path}: the affine is ${affine.every(Number.isFinite) ? "singular" : "not finite"}: [${
        affine.join(", ")
      }]`,
      { fix: "Repair the sform or qform: an affine must map three independent axes to finite positions." },
    );
  }
  const shear = shearOf(affine);
  if (shear > 1e-3) {
    warn(
      "geometry.shear",
      `the axes are sheared (largest cosine ${shear.toFixed(4)}); the shear is kept in the affine`,
    );
  }
  if (Math.max(...size) >= 100 || Math.min(...size) < 0.01) {
    warn(
      "geometry.absurd",
      `voxels of ${size.map((mm) => mm.toPrecision(4)).join(" × ")} mm; is the unit right?`,
    );
  }
  return { affine, warnings };
}

/** The qform matrix (method 2 of nifti1.h), or nothing when b² + c² + d² exceeds 1 beyond rounding. */
function qformAffine(
  { spacing, qfac, quaternion: [b, c, d], offset }: OrientationFields,
): Affine | undefined {
  const rest = 1 - (b * b + c * c + d * d);
  if (!(rest > -1e-5) || !offset.every(Number.isFinite)) return undefined;
  const a = rest < 3.6e-7 ? 0 : Math.sqrt(rest); // below float32 rounding: a half turn
  const [x, y] = spacing, z = qfac < 0 ? -spacing[2] : spacing[2];
  return [
    (a * a + b * b - c * c - d * d) * x,
    2 * (b * c - a * d) * y,
    2 * (b * d + a * c) * z,
    offset[0],
    2 * (b * c + a * d) * x,
    (a * a + c * c - b * b - d * d) * y,
    2 * (c * d - a * b) * z,
    offset[1],
    2 * (b * d - a * c) * x,
    2 * (c * d + a * b) * y,
    (a * a + d * d - b * b - c * c) * z,
    offset[2],
    0,
    0,
    0,
    1,
  ];
}

/** How far two affines put a corner of the volume apart, at most, in mm. */
export function largestGap(a: Affine, b: Affine, shape: Triple): number {
  let gap = 0;
  for (let corner = 0; corner < 8; corner++) {
    const index: Triple = [
      corner & 1 ? shape[0] - 1 : 0,
      corner & 2 ? shape[1] - 1 : 0,
      corner & 4 ? shape[2] - 1 : 0,
    ];
    const p = applyAffine(a, index), q = applyAffine(b, index);
    gap = Math.max(gap, Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]));
  }
  return gap;
}
