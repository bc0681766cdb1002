/**
 * What a NIfTI file holds, or each of those in a folder.
 *
 * @module
 */

import { join } from "node:path";
import { CodedError } from "./errors.ts";
import { listFiles } from "./import/list_files.ts";
import { readNifti, type ReadOptions } from "./nifti/read.ts";
import { axisCodes } from "./orientation.ts";
import { volumePath } from "./volume_path.ts";

/** The content of a file in numbers; field names are those of the command's JSON. */
export interface FileReport {
  /** Voxels along each axis as stored, and volumes of a 4-D file. */
  readonly shape: readonly number[];
  /** Voxel size in mm. */
  readonly spacing_mm: readonly number[];
  /** Voxel indices to RAS mm, 4 rows. */
  readonly affine: readonly (readonly number[])[];
  /** How voxels are stored. */
  readonly dtype: string;
  /** Where the voxel axes run, such as `LPS`. */
  readonly orientation: string;
  /** Smallest finite value after scaling; null without one. */
  readonly min: number | null;
  /** Largest finite value after scaling; null without one. */
  readonly max: number | null;
  /** Mean of the finite values after scaling; null without one. */
  readonly mean: number | null;
  /** How many voxels are NaN or infinite. */
  readonly nonfinite: number;
  /** What is odd about the file. */
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

/**
 * Reads a file, all volumes of it or the one that `path#channel=N` names, and reports what it holds.
 *
 * @throws {DataError} as `readNifti`
 */
export async function inspectFile(
  path: string,
  options: Omit<ReadOptions, "channel"> = {},
): Promise<FileReport> {
  const { path: file, channel: only } = volumePath(path);
  const first = await readNifti(file, { ...options, channel: only ?? 0 });
  const { header, warnings } = first;
  const channels = only === undefined ? header.channels : 1;
  let min = Infinity, max = -Infinity, sum = 0, finite = 0, total = 0;
  for (let channel = 0; channel < channels; channel++) {
    const { array } = channel === 0 ? first : await readNifti(file, { ...options, channel });
    for (const value of array.data) {
      total++;
      if (!Number.isFinite(value)) continue;
      finite++;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  const { affine } = header;
  return {
    shape: channels > 1 ? [...header.shape, channels] : header.shape,
    spacing_mm: header.spacing,
    affine: [0, 4, 8, 12].map((row) => affine.slice(row, row + 4)),
    dtype: header.dtype,
    orientation: axisCodes(affine),
    min: finite > 0 ? min : null,
    max: finite > 0 ? max : null,
    mean: finite > 0 ? sum / finite : null,
    nonfinite: total - finite,
    warnings,
  };
}

/** One file of a folder: what it holds, or why it cannot be read. */
export interface ListedFile {
  /** Path below the folder. */
  readonly file: string;
  /** What it holds. */
  readonly report?: FileReport;
  /** Why it cannot be read. */
  readonly error?: { readonly code: string; readonly message: string };
}

/**
 * Inspects every NIfTI file below a folder, by code point of the paths. Files that cannot be read are listed with
 * the reason.
 *
 * @throws {DataError} `data.path` when the folder cannot be listed
 */
export async function inspectFolder(folder: string): Promise<ListedFile[]> {
  const files = (await listFiles(folder)).files.filter((file) => /\.(nii|hdr)(\.gz)?$/i.test(file));
  const listed: ListedFile[] = [];
  for (const file of files) {
    try {
      listed.push({ file, report: await inspectFile(join(folder, file)) });
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      listed.push({ file, error: { code: error.code, message: error.message } });
    }
  }
  return listed;
}
