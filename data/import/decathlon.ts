/**
 * The `dataset.json` of the Medical Segmentation Decathlon, and the data lists of MONAI that grew from it.
 *
 * @module
 */

import { z } from "../deps.ts";
import { DataError, type DataWarning } from "../errors.ts";
import { checkManifest, type Manifest, schemaProblems } from "../manifest.ts";
import type { Split } from "../split.ts";
import { below, caseId, classesOf, modalitiesOf } from "./names.ts";

const item = z.union([
  z.string().transform((image) => ({ image, label: undefined, fold: undefined })),
  z.looseObject({
    image: z.union([z.string(), z.array(z.string()).min(1)]),
    label: z.string().optional(),
    fold: z.int().optional(),
  }),
]);
const items = z.array(item).default([]);

const schema = z.looseObject({
  name: z.string().default("decathlon"),
  modality: z.record(z.string(), z.string()).optional(),
  labels: z.record(z.string().regex(/^\d+$/), z.string(), {
    error: 'expected the name of each label value, such as {"0": "background", "1": "liver"}',
  }),
  numTraining: z.int().optional(),
  numTest: z.int().optional(),
  training: items,
  validation: items,
  testing: items,
  test: items,
});

const parts = ["training", "validation", "testing", "test"] as const;
type Item = z.infer<typeof item>;

/**
 * Reads a Decathlon description or a MONAI data list. Several modalities are the channels of 4-D images, or a list
 * of files. Items without a label become unlabelled cases. When the list names validation and test cases with labels,
 * they become those parts of the split; a validation list alone, and folds, are not used, and a warning says so.
 *
 * @throws {DataError} `manifest.schema`, `manifest.count` when the lists do not have the stated lengths,
 * `manifest.*` as `checkManifest`
 */
export function importDecathlon(
  content: unknown,
  path: string,
  warn: (warning: DataWarning) => void,
): Manifest {
  const parsed = schema.safeParse(content);
  if (!parsed.success) throw schemaProblems(parsed.error, path);
  const { name, modality, labels, numTraining, numTest, ...lists } = parsed.data;
  checkCount(path, "numTraining", numTraining, lists.training.length);
  checkCount(path, "numTest", numTest, lists.test.length + lists.testing.length);
  for (const [key, value] of Object.entries(lists)) {
    if ((parts as readonly string[]).includes(key) || !Array.isArray(value) || typeof value[0] !== "object") {
      continue;
    }
    warn({
      code: "manifest.left-out",
      message: `${path}: the list "${key}" (${value.length} entries) is not used`,
    });
  }
  const all = parts.flatMap((part) => lists[part].map((of) => ({ part, of })));
  const [first] = all;
  if (first === undefined) {
    throw new DataError("manifest.schema", `${path} lists no case`, { fix: "Fill its training list." });
  }
  const count = Array.isArray(first.of.image) ? first.of.image.length : 1;
  const titles = Object.entries(modality ?? {}).sort(([a], [b]) => Number(a) - Number(b)).map(([, title]) =>
    title
  );
  const modalities = modalitiesOf(titles.length > 0 ? titles : new Array<string>(count).fill("image"));
  for (const { of: { image } } of all) {
    if (!Array.isArray(image) || image.length === modalities.length) continue;
    throw new DataError(
      "manifest.schema",
      `${path}: ${
        image.join(", ")
      } are ${image.length} images of a case; there are ${modalities.length} modalities`,
      { fix: "List one image for each modality, in their order." },
    );
  }
  const ids = caseIds(all.map(({ of: { image } }) => Array.isArray(image) ? image[0]! : image));
  const folds = all.filter(({ of }) => of.fold !== undefined).length;
  if (folds > 0) {
    warn({ code: "manifest.left-out", message: `${path}: the folds of ${folds} cases are not used` });
  }
  const { classes, labelMap } = classesOf(labels);
  const split = statedSplit(all, ids, path, warn);
  return checkManifest({
    version: 1,
    name,
    modalities,
    classes,
    ...(labelMap === undefined ? {} : { labelMap }),
    paired: true,
    aligned: true,
    cases: all.map(({ of: { image, label } }, at) => ({
      id: ids[at]!,
      subject: ids[at]!,
      images: Object.fromEntries(
        modalities.map(({ id }, channel) => [id, imageOf(image, channel, modalities.length)]),
      ),
      ...(label === undefined ? {} : { labels: { shared: below(label) } }),
    })),
    ...(split === undefined ? {} : { splits: split }),
  }, path);
}

function imageOf(image: Item["image"], channel: number, channels: number): string {
  if (Array.isArray(image)) return below(image[channel]!);
  return below(image) + (channels > 1 ? `#channel=${channel}` : "");
}

/** The names of the files, or their whole paths where two files have one name. */
function caseIds(images: readonly string[]): string[] {
  const ids = images.map(caseId);
  if (new Set(ids).size === ids.length) return ids;
  return images.map((image) =>
    below(image).replace(/\.(nii|hdr|img)(\.gz)?$/i, "").replaceAll(/[/\\]/g, "_")
  );
}

/** The split of the list, when it names validation and test cases that can be judged. */
function statedSplit(
  all: readonly { part: (typeof parts)[number]; of: Item }[],
  ids: readonly string[],
  path: string,
  warn: (warning: DataWarning) => void,
): Split | undefined {
  const idsOf = (wanted: (part: string, isLabelled: boolean) => boolean) =>
    ids.filter((_, at) => wanted(all[at]!.part, all[at]!.of.label !== undefined));
  const validation = idsOf((part, isLabelled) => part === "validation" && isLabelled);
  if (validation.length === 0) return undefined;
  const test = idsOf((part, isLabelled) => part.startsWith("test") && isLabelled);
  if (test.length > 0) {
    return {
      labelled: idsOf((part, isLabelled) => part === "training" && isLabelled),
      unlabelled: idsOf((_, isLabelled) => !isLabelled),
      validation,
      test,
    };
  }
  warn({
    code: "manifest.split",
    message: `${path}: ${validation.length} cases are for validation, but no test case has labels; ` +
      "the list makes no split, one is drawn over all cases",
  });
}

function checkCount(path: string, key: string, stated: number | undefined, found: number): void {
  if (stated === undefined || stated === found) return;
  throw new DataError("manifest.count", `${path}: ${key} is ${stated}, but ${found} cases are listed`, {
    fix: "Complete the list or correct the number: a case may have been lost.",
  });
}
