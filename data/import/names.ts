/**
 * What the descriptions of other programs call classes, modalities and cases, in our terms.
 *
 * @module
 */

import type { Modality, ModalityKind } from "../dataset.ts";
import type { Manifest } from "../manifest.ts";

/** The label table of other programs, values to names; ids with gaps are renumbered through a label map. */
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

/** A path without `./` in front. */
export function below(path: string): string {
  return path.replace(/^\.\//, "");
}

/** Modalities with ids made of their titles: small letters, digits and `_`; titles that come again are numbered. */
export function modalitiesOf(titles: readonly string[]): Modality[] {
  const ids = titles.map((title, at) =>
    title.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "") || `channel_${at}`
  );
  return titles.map((title, at) => {
    const isRepeated = ids.indexOf(ids[at]!) !== ids.lastIndexOf(ids[at]!);
    return { id: isRepeated ? `${ids[at]}_${at}` : ids[at]!, kind: kindOf(title) };
  });
}
