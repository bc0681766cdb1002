/**
 * The cases that `predict` is asked to segment, and the files it will write for each.
 *
 * @module
 */

import {
  checkFinite,
  type DataWarning,
  entryPath,
  type FileDataset,
  fileName,
  type Grid,
  gridOfFile,
  type NanPolicy,
  type NiftiHeader,
  readImage,
  readNiftiHeader,
  recordOf,
  type Volume,
  type VolumePath,
  volumePath,
} from "../data/mod.ts";
import { CodedError } from "../tensor/errors.ts";
import { UsageError, type Values } from "./command.ts";

/** A scan with the header its results are written like. */
export interface Scan {
  /** The voxels. */
  readonly volume: Volume<Float32Array>;
  /** The header of its file. */
  readonly header: NiftiHeader;
}

/** One case to segment. */
export interface Job {
  /** Its id, or what stands for it. */
  readonly id: string;
  /** Where the scan of each modality lies. */
  readonly files: ReadonlyMap<string, VolumePath>;
  /** Reads the scans. */
  readonly load: () => Promise<Map<string, Scan>>;
  /** The file, without ending, of what is said about a modality, or of all together. */
  readonly place: (modality: string | null) => string;
}

/** `MODALITY=FILE` pairs. */
function imagePaths(values: Values): Map<string, string> {
  const paths = new Map<string, string>();
  for (const pair of (values.image ?? []) as string[]) {
    const at = pair.indexOf("=");
    const [modality, path] = [pair.slice(0, at), pair.slice(at + 1)];
    if (at < 1 || path === "") throw new UsageError(`--image ${pair}: expected MODALITY=FILE`);
    if (paths.has(modality)) throw new UsageError(`--image: modality ${modality} is given twice`);
    paths.set(modality, path);
  }
  return paths;
}

/** The one case of `--image`; its results are named after `--out`. */
export function jobOfImages(
  values: Values,
  out: string,
  nanPolicy: NanPolicy,
  onWarning: (warning: DataWarning) => void,
): { job: Job; ending: string } {
  const [, stem, ending] = /^(.*?)(\.nii(?:\.gz)?)$/i.exec(out) ?? [];
  if (stem === undefined || ending === undefined) {
    throw new UsageError(`--out ${out}: expected a name in .nii or .nii.gz`);
  }
  const paths = imagePaths(values);
  const files = new Map([...paths].map(([id, path]) => [id, volumePath(path)]));
  return {
    ending,
    job: {
      id: out,
      files,
      place: (modality) => modality === null || files.size === 1 ? stem : stem + fileName("", modality),
      async load() {
        const scans = new Map<string, Scan>();
        for (const [id, { path, ...channel }] of files) {
          const image = await readImage(path, channel);
          image.warnings.forEach(onWarning);
          const volume = checkFinite(image, paths.get(id)!, nanPolicy, onWarning);
          scans.set(id, { volume, header: image.header });
        }
        return scans;
      },
    },
  };
}

/**
 * The cases of a data set; results are named after ids, in the folder `out`.
 *
 * @param known the modalities that the network knows; scans of others are not used
 */
export function jobsOfDataset(dataset: FileDataset, out: string, known: readonly string[]): Job[] {
  if (!dataset.modalities.some(({ id }) => known.includes(id))) {
    throw new CodedError(
      "predict.modality",
      `the data set has ${dataset.modalities.map(({ id }) => id).join(", ")}; the network knows ${
        known.join(", ")
      }`,
      { fix: "Name the modalities in the manifest as the training did." },
    );
  }
  return dataset.cases.map((of): Job => {
    const images = recordOf(Object.entries(of.images).filter(([id]) => known.includes(id)));
    const used = dataset.modalities.map(({ id }) => id).filter((id) => images[id] !== undefined);
    const files = new Map(used.map((id) => [id, entryPath(dataset.root, images[id]!)]));
    return {
      id: of.id,
      files,
      place: (modality) =>
        `${out}/${modality === null || files.size === 1 ? fileName(of.id) : fileName(of.id, modality)}`,
      async load() {
        if (used.length === 0) {
          throw new CodedError("predict.modality", `case ${of.id} has no image that the network knows`);
        }
        const volumes = await dataset.loadImages({ id: of.id, subject: of.subject, images });
        const scans = new Map<string, Scan>();
        for (const [at, id] of used.entries()) {
          const { header } = await readNiftiHeader(files.get(id)!.path);
          scans.set(id, { volume: volumes[at]!, header });
        }
        return scans;
      },
    };
  });
}

/** The grids of a job's scans, from their headers; nothing where a header cannot be read. */
export async function gridsOf({ files }: Job): Promise<Map<string, Grid> | undefined> {
  const grids = new Map<string, Grid>();
  for (const [id, { path }] of files) {
    const read = await readNiftiHeader(path).catch((error) => {
      if (error instanceof CodedError) return undefined;
      throw error;
    });
    if (read === undefined) return undefined; // reading the case will say why
    grids.set(id, gridOfFile(read.header));
  }
  return grids;
}
