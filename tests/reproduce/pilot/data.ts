/**
 * The volumes of the pilot: 200 cases of two modalities, prepared beforehand (clipped, z-scored, 32×48×40 voxels).
 * Axes are those of the pilot's arrays, i, j, k of the files: its patches and rotations are given along these.
 *
 * @module
 */

import { makeVolume, readImage, readLabels, rowMajor, type Triple, type Volume } from "../../../data/mod.ts";

/** Voxels of every volume. */
export const volumeShape: Triple = [32, 48, 40];

/** One case. */
export interface PilotCase {
  readonly id: string;
  /** Modalities a and b, row-major. */
  readonly images: readonly Float32Array[];
  /** 0 background, 1 anterior, 2 posterior. */
  readonly labels: Uint8Array;
}

/** The cases of each part. */
export interface PilotData {
  /** The 5 %. */
  readonly labelled: readonly PilotCase[];
  /** All training images, the labelled ones too. */
  readonly unlabelled: readonly PilotCase[];
  readonly test: readonly PilotCase[];
}

/** Voxels of class 1 that the crop cut off; they count where prediction and reference are compared. */
export const cutVoxels: Readonly<Record<string, number>> = { hippocampus_376: 14 };

/** A volume in the order of its header's axes. */
function alongHeader<T extends Float32Array | Uint8Array>({ array, affine }: Volume<T>): T {
  return rowMajor(makeVolume(array.transpose(2, 1, 0), affine));
}

/** Reads the folder that holds `a`, `b`, `labels` and `split.json`. */
export async function readPilotData(folder: string): Promise<PilotData> {
  const split = JSON.parse(await Deno.readTextFile(`${folder}/split.json`));
  const cases = new Map<string, PilotCase>();
  const read = async (id: string): Promise<PilotCase> => {
    const known = cases.get(id);
    if (known) return known;
    const file = (part: string) => `${folder}/${part}/${id}.nii.gz`;
    const images = await Promise.all(
      ["a", "b"].map(async (part) => alongHeader(await readImage(file(part)))),
    );
    const made = { id, images, labels: alongHeader(await readLabels(file("labels"))) };
    cases.set(id, made);
    return made;
  };
  const all = async (ids: readonly string[]) => {
    const loaded: PilotCase[] = [];
    for (const id of ids) loaded.push(await read(id));
    return loaded;
  };
  return {
    labelled: await all(split.labelled["5%"]),
    unlabelled: await all(split.train),
    test: await all(split.test),
  };
}
