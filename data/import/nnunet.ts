/**
 * Folders as nnU-Net v2 has them: `dataset.json`, `imagesTr/CASE_0000.nii.gz`, `labelsTr/CASE.nii.gz`, `imagesTs/`.
 *
 * @module
 */

import { dirname } from "node:path";
import { z } from "../deps.ts";
import { DataError, type DataWarning } from "../errors.ts";
import { type Manifest, schemaProblems } from "../manifest.ts";
import { importFolder } from "./folder.ts";
import { classesOf, modalitiesOf } from "./names.ts";

const schema = z.looseObject({
  name: z.string().optional(),
  channel_names: z.record(z.string().regex(/^\d+$/), z.string())
    .refine((of) => Object.keys(of).length > 0, "expected at least one channel"),
  labels: z.record(z.string(), z.union([z.int(), z.array(z.int())])),
  numTraining: z.int().optional(),
  file_ending: z.string(),
});

/**
 * Reads the description and the folder it lies in. Scans of `imagesTs` train unlabelled unless `labelsTs` has their
 * labels.
 *
 * @param path of the `dataset.json`
 * @throws {DataError} `manifest.nnunet` for regions, an ignore label, other files than NIfTI, or a folder without
 * `imagesTr`; `manifest.count`, `manifest.*`
 */
export async function importNnunet(
  content: unknown,
  path: string,
  warn: (warning: DataWarning) => void,
): Promise<Manifest> {
  const parsed = schema.safeParse(content);
  if (!parsed.success) throw schemaProblems(parsed.error, path);
  const { name = "nnU-Net data set", channel_names: channels, labels, numTraining, file_ending: ending } =
    parsed.data;
  const refuse = (what: string) =>
    new DataError("manifest.nnunet", `${path} is a dataset.json of nnU-Net v2, but ${what}`, {
      fix: "Describe the files with a recipe (--recipe FILE): patterns, modalities, classes, labelMap.",
    });
  if (!/^\.nii(\.gz)?$/.test(ending)) throw refuse(`its files end in ${ending}, not .nii.gz`);
  const values: [string, string][] = Object.entries(labels).map(([title, value]) => {
    if (Array.isArray(value)) throw refuse(`${title} is a region of the labels ${value.join(", ")}`);
    if (title === "ignore") throw refuse(`it has an ignore label (${value})`);
    return [String(value), title];
  });
  const root = dirname(path);
  if (!await Deno.stat(`${root}/imagesTr`).then(({ isDirectory }) => isDirectory, () => false)) {
    throw refuse(`there is no folder imagesTr in ${root}`);
  }
  const keys = Object.keys(channels).sort((a, b) => Number(a) - Number(b));
  const modalities = modalitiesOf(keys.map((key) => channels[key]!))
    .map((of, at) => ({ ...of, as: keys[at]!.padStart(4, "0") }));
  const { classes, labelMap } = classesOf(Object.fromEntries(values));
  const { manifest, warnings } = await importFolder(root, {
    name,
    modalities,
    classes,
    ...(labelMap === undefined ? {} : { labelMap }),
    images: `images*/{case}_{modality}${ending}`,
    labels: `labels*/{case}${ending}`,
  });
  warnings.forEach(warn);
  const training =
    manifest.cases.filter(({ images }) =>
      Object.values(images).some((image) => image.startsWith("imagesTr/"))
    ).length;
  if (numTraining !== undefined && numTraining !== training) {
    throw new DataError(
      "manifest.count",
      `${path}: numTraining is ${numTraining}, but imagesTr has ${training} cases`,
      {
        fix: "Complete the folder or correct the number: a case may have been lost.",
      },
    );
  }
  return { ...manifest, root: "." };
}
