/**
 * Segments the scans that a page was given: the path of `predict`, from the bytes of files to the bytes of files.
 *
 * @module
 */

import { DataError } from "../../../data/errors.ts";
import type { Files } from "../../../data/files.ts";
import { checkFinite } from "../../../data/finite.ts";
import { encodeNifti } from "../../../data/nifti/encode.ts";
import { type NiftiVolume, readImage } from "../../../data/nifti/read.ts";
import { superiorFirst, turnOf, turnVolume } from "../../../data/orientation.ts";
import { type Grid, gridOf, rowMajor, type Volume, type VoxelArray } from "../../../data/volume.ts";
import type { Ensemble } from "../../inference/ensemble.ts";
import { predictCase } from "../../inference/predict_case.ts";

/** A file that was dropped on the page. */
export interface Dropped {
  /** Its name. */
  readonly name: string;
  /** Its content. */
  readonly content: Blob;
  /** Which volume of a 4-D file to take, from 0. */
  readonly channel?: number;
}

/** Voxels `[D,H,W]` with D to Superior, H to Anterior, W to Right, row-major: what is drawn. */
export interface Drawn<T extends VoxelArray> extends Grid {
  /** The voxels. */
  readonly data: T;
}

/** A label map as it is drawn and as it is saved. */
export interface PageResult {
  /** What was looked at, or null for all scans together. */
  readonly modality: string | null;
  /** The modality over whose scan it lies. */
  readonly on: string;
  /** Class ids. */
  readonly labels: Drawn<Uint8Array>;
  /** Name of its file. */
  readonly name: string;
  /** The file, a NIfTI on the scan's own grid. */
  readonly nifti: Uint8Array<ArrayBuffer>;
}

/** What a page shows of a case. */
export interface PageCase {
  /** The scans by modality. */
  readonly scans: ReadonlyMap<string, Drawn<Float32Array>>;
  /** The segmentation to trust first. */
  readonly results: readonly PageResult[];
  /** What was odd about the files. */
  readonly warnings: readonly string[];
}

/** What messages call a file: those of two modalities may have one name. */
const pathOf = (modality: string, { name }: Dropped) => `${modality}: ${name}`;

/** The files of a page by their paths. */
function filesOf(dropped: ReadonlyMap<string, Dropped>): Files {
  const byPath = new Map([...dropped].map(([id, file]) => [pathOf(id, file), file.content]));
  const blob = (path: string): Blob => {
    const found = byPath.get(path);
    if (found !== undefined) return found;
    throw new DataError("data.path", `${path} was not given`, {
      fix: "Give a single file, .nii or .nii.gz.",
    });
  };
  return {
    size: (name) => Promise.resolve(blob(name).size),
    async *stream(name) {
      const content = blob(name), step = 1 << 18;
      for (let at = 0; at < content.size; at += step) {
        yield new Uint8Array(await content.slice(at, at + step).arrayBuffer());
      }
    },
  };
}

function drawn<T extends VoxelArray>(volume: Volume<T>): Drawn<T> {
  const turned = turnVolume(volume, turnOf(volume, superiorFirst));
  return { ...gridOf(turned), data: rowMajor(turned).slice() as T };
}

/**
 * Segments a case.
 *
 * @param dropped the file of each modality; at least one of those that the networks know
 * @param options whether mirrored views are averaged too, and what is called with the share that is done
 * @throws {CodedError} as `predictCase`; {@link DataError} for files that cannot be read
 */
export async function segmentFiles(
  ensemble: Ensemble,
  dropped: ReadonlyMap<string, Dropped>,
  { mirror, progress }: { readonly mirror: boolean; readonly progress?: (share: number) => void },
): Promise<PageCase> {
  const warnings: string[] = [], files = filesOf(dropped);
  const images = new Map<string, NiftiVolume<Float32Array>>();
  for (const { id } of ensemble.preparation.modalities) {
    const file = dropped.get(id);
    if (file === undefined) continue;
    const image = await readImage(pathOf(id, file), {
      files,
      ...(file.channel !== undefined && { channel: file.channel }),
    });
    warnings.push(...image.warnings.map(({ message }) => message));
    images.set(id, checkFinite(image, pathOf(id, file)));
  }
  const segmentations = await predictCase(ensemble, images, {
    mirrorAxes: mirror ? ensemble.mirrorAxes : [],
    names: new Map([...dropped].map(([id, file]) => [id, pathOf(id, file)])),
    ...(progress && { progress }),
  });
  const stem = (modality: string) => dropped.get(modality)!.name.replace(/\.nii(\.gz)?$/i, "");
  return {
    scans: new Map([...images].map(([id, image]) => [id, drawn(image)])),
    results: segmentations.map(({ modality, on, labels }): PageResult => ({
      modality,
      on,
      labels: drawn(labels),
      name: `${stem(on)}_${modality ?? "all"}_labels.nii`,
      nifti: encodeNifti(labels, { like: images.get(on)!.header }),
    })),
    warnings,
  };
}
