/** Writes small data sets into a temporary folder. */

import { gzipSync } from "node:zlib";
import type { Case, Dataset } from "../../data/dataset.ts";
import { choosePreparation } from "../../data/prepare/choose.ts";
import type { Preparation } from "../../data/prepare/preparation.ts";
import { bytesOf, makeNifti, type NiftiFields } from "./make_nifti.ts";

/** Voxels along each axis of the volumes made here. */
export const side = 6;

/** A small image with a bright block in the middle, as the bytes of a `.nii.gz`. */
export function imageFile(
  fields: NiftiFields = {},
  value: (at: number) => number = (at) => inBlock(at) ? 50 + at % 7 : 0,
) {
  return volumeFile(4, value, fields);
}

/** A small label map with class 1 in the left and class 2 in the right half of the block. */
export function labelFile(fields: NiftiFields = {}, value: (at: number) => number = classAt) {
  return volumeFile(2, value, fields);
}

/** Whether a voxel is in the block. */
export function inBlock(at: number): boolean {
  return [at % side, Math.floor(at / side) % side, Math.floor(at / side ** 2)].every((i) =>
    i >= 1 && i < side - 1
  );
}

function classAt(at: number): number {
  return inBlock(at) ? 1 + Number(at % side >= side / 2) : 0;
}

function volumeFile(datatype: number, value: (at: number) => number, fields: NiftiFields): Uint8Array {
  const type = fields.datatype ?? datatype;
  const data = bytesOf(Array.from({ length: side ** 3 }, (_, at) => value(at)), type);
  return gzipSync(makeNifti({ dim: [3, side, side, side, 1, 1, 1, 1], datatype: type, data, ...fields }));
}

/** The manifest of `count` cases `case_0 …` with modalities a (mr) and b (mr) and shared labels. */
export function manifestOf(count: number) {
  return {
    version: 1,
    name: "small",
    modalities: [{ id: "a", kind: "mr" }, { id: "b", kind: "mr" }],
    classes: [{ id: 1, name: "left" }, { id: 2, name: "right" }],
    paired: true,
    aligned: true,
    cases: Array.from({ length: count }, (_, i) => ({
      id: `case_${i}`,
      subject: `person_${i}`,
      images: { a: `a/case_${i}.nii.gz`, b: `b/case_${i}.nii.gz` } as Record<string, string>,
      labels: { shared: `labels/case_${i}.nii.gz` } as Record<string, string>,
    })),
  };
}

/** Runs `use` with a temporary folder that holds a data set of `count` cases, and removes it afterwards. */
export async function withDataset(
  count: number,
  use: (folder: string, manifest: ReturnType<typeof manifestOf>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const manifest = manifestOf(count);
    for (const part of ["a", "b", "labels"]) await Deno.mkdir(`${folder}/${part}`);
    for (let i = 0; i < count; i++) {
      await Deno.writeFile(
        `${folder}/a/case_${i}.nii.gz`,
        imageFile({}, (at) => inBlock(at) ? 50 + i + at % 7 : 0),
      );
      await Deno.writeFile(
        `${folder}/b/case_${i}.nii.gz`,
        imageFile({}, (at) => inBlock(at) ? 90 + i - at % 11 : 0),
      );
      await Deno.writeFile(`${folder}/labels/case_${i}.nii.gz`, labelFile());
    }
    await Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify(manifest));
    await use(folder, manifest);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The preparation that a data set calls for. */
export async function preparationOf(dataset: Dataset, cases?: readonly Case[]): Promise<Preparation> {
  return (await choosePreparation(dataset, {}, cases)).preparation;
}
