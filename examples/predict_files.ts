/**
 * The files that `predict` writes for a case.
 *
 * @module
 */

import { type ClassInfo, fileName, picture, writeNifti } from "../data/mod.ts";
import type { CaseSegmentation } from "../model/mod.ts";
import type { Job, Scan } from "./predict_jobs.ts";

/** What is to be written besides label maps, and how it is named. */
export interface Wanted {
  /** Ending of volumes, `.nii` or `.nii.gz`. */
  readonly ending: string;
  /** Whether the probability of each class is. */
  readonly probabilities: boolean;
  /** Whether pictures of the scans with the label maps over them are. */
  readonly overlays: boolean;
  /** The foreground classes. */
  readonly classes: readonly Pick<ClassInfo, "name">[];
}

/** The files of one segmentation. */
interface ResultFiles {
  readonly labels: string;
  /** Of each class, background first. */
  readonly probabilities: readonly string[];
  readonly overlay: string | undefined;
}

function filesAt(place: string, { ending, probabilities, overlays, classes }: Wanted): ResultFiles {
  const names = ["background", ...classes.map(({ name }) => name)];
  return {
    labels: place + ending,
    probabilities: probabilities ? names.map((name) => place + fileName("", "p", name) + ending) : [],
    overlay: overlays ? `${place}.png` : undefined,
  };
}

/** What a case gets: a result for each scan and, of scans that share one space, first one of all together. */
export function resultsOf({ files }: Pick<Job, "files">, aligned: boolean): (string | null)[] {
  return aligned && files.size > 1 ? [null, ...files.keys()] : [...files.keys()];
}

/** All files that a job will write. */
export function plannedFiles(job: Job, aligned: boolean, wanted: Wanted): string[] {
  return resultsOf(job, aligned).flatMap((modality) => {
    const { labels, probabilities, overlay } = filesAt(job.place(modality), wanted);
    return [labels, ...probabilities, ...(overlay === undefined ? [] : [overlay])];
  });
}

/**
 * Writes what was found in a case, but for the files that are to stay; gives the label map of each modality, and of all
 * together under `all`.
 */
export async function writeResults(
  job: Job,
  scans: ReadonlyMap<string, Scan>,
  segmentations: readonly CaseSegmentation[],
  wanted: Wanted,
  stay: ReadonlySet<string>,
): Promise<{ modality: string | null; file: string }[]> {
  const written = [];
  for (const { modality, on, labels, probabilities } of segmentations) {
    const files = filesAt(job.place(modality), wanted), { volume, header: like } = scans.get(on)!;
    if (files.overlay !== undefined && !stay.has(files.overlay)) {
      await Deno.writeFile(files.overlay, picture(volume, labels));
    }
    for (const [k, path] of files.probabilities.entries()) {
      if (!stay.has(path)) await writeNifti(path, probabilities![k]!, { like, dtype: "float32" });
    }
    if (!stay.has(files.labels)) await writeNifti(files.labels, labels, { like });
    written.push({ modality, file: files.labels });
  }
  return written;
}
