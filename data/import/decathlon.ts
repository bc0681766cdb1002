/**
 * The `dataset.json` of the Medical Segmentation Decathlon.
 *
 * @module
 */

import type { ModalityKind } from "../dataset.ts";
import { z } from "../deps.ts";
import { DataError } from "../errors.ts";
import { checkManifest, type Manifest, schemaProblems } from "../manifest.ts";

const schema = z.looseObject({
  name: z.string().default("decathlon"),
  modality: z.record(z.string(), z.string()),
  labels: z.record(z.string().regex(/^\d+$/), z.string()),
  numTraining: z.int().optional(),
  numTest: z.int().optional(),
  training: z.array(z.looseObject({ image: z.string(), label: z.string() })),
  test: z.array(z.string()).default([]),
});

/**
 * Reads a Decathlon description. Several modalities are the channels of 4-D images there; the test images have no
 * labels and become unlabelled cases.
 *
 * @throws {DataError} `manifest.schema`, `manifest.count` when the lists do not have the stated lengths,
 * `manifest.*` as `checkManifest`
 */
export function importDecathlon(content: unknown, path: string): Manifest {
  const parsed = schema.safeParse(content);
  if (!parsed.success) throw schemaProblems(parsed.error, path);
  const { name, modality, labels, numTraining, numTest, training, test } = parsed.data;
  checkCount(path, "numTraining", numTraining, training.length);
  checkCount(path, "numTest", numTest, test.length);
  const channels = Object.entries(modality).sort(([a], [b]) => Number(a) - Number(b));
  const modalities = channels.map(([channel, title]) => ({
    id: title.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "") || `channel_${channel}`,
    kind: kindOf(title),
  }));
  const images = (image: string) =>
    Object.fromEntries(modalities.map(({ id }, at) => [
      id,
      below(image) + (modalities.length > 1 ? `#channel=${at}` : ""),
    ]));
  const { classes, labelMap } = classesOf(labels);
  return checkManifest({
    version: 1,
    name,
    modalities,
    classes,
    ...(labelMap === undefined ? {} : { labelMap }),
    paired: true,
    aligned: true,
    cases: [
      ...training.map(({ image, label }) => ({
        id: caseId(image),
        subject: caseId(image),
        images: images(image),
        labels: { shared: below(label) },
      })),
      ...test.map((image) => ({ id: caseId(image), subject: caseId(image), images: images(image) })),
    ],
  }, path);
}

function checkCount(path: string, key: string, stated: number | undefined, found: number): void {
  if (stated === undefined || stated === found) return;
  throw new DataError("manifest.count", `${path}: ${key} is ${stated}, but ${found} cases are listed`, {
    fix: "Complete the list or correct the number: a case may have been lost.",
  });
}

/** The label table of a Decathlon-like file; ids with gaps are renumbered through a label map. */
export function classesOf(
  labels: Readonly<Record<string, string>>,
): { classes: Manifest["classes"]; labelMap?: Record<string, number> } {
  const foreground = Object.entries(labels).map(([id, name]) => ({ id: Number(id), name }))
    .filter(({ id }) => id !== 0).sort((a, b) => a.id - b.id);
  const classes = foreground.map(({ name }, at) => ({ id: at + 1, name }));
  if (foreground.every(({ id }, at) => id === at + 1)) return { classes };
  return { classes, labelMap: Object.fromEntries(foreground.map(({ id }, at) => [String(id), at + 1])) };
}

/** What the title of a modality says about its intensities. */
export function kindOf(title: string): ModalityKind {
  if (/\bct\b/i.test(title)) return "ct";
  return /mr|flair|t1|t2|adc|dwi/i.test(title) ? "mr" : "other";
}

/** The file name without folder and ending. */
export function caseId(path: string): string {
  return path.replace(/^.*[/\\]/, "").replace(/\.(nii|hdr|img)(\.gz)?$/i, "");
}

function below(path: string): string {
  return path.replace(/^\.\//, "");
}
