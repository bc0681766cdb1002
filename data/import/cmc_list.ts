/**
 * The data list of the CMC authors' repository (`cmc_data_list_example.json`).
 *
 * @module
 */

import { z } from "../deps.ts";
import { caseId, classesOf, kindOf } from "./names.ts";
import { checkManifest, type Manifest, schemaProblems } from "../manifest.ts";

const item = z.record(z.string(), z.string());
const schema = z.looseObject({
  labels: z.record(z.string().regex(/^\d+$/), z.string()),
  training: z.array(item),
  unlabeled_training: z.array(item).default([]),
  validation: z.array(item).default([]),
  testing: z.array(item).default([]),
});

/**
 * Reads the authors' list. Its pairs are scans of different patients, so the set is neither paired nor aligned.
 * The masks it lists for unlabelled training cases are left out: nothing can open them. The counts it states are
 * those of a larger private list and are not compared.
 *
 * @throws {DataError} `manifest.*`
 */
export function importCmcList(content: unknown, path: string): Manifest {
  const parsed = schema.safeParse(content);
  if (!parsed.success) throw schemaProblems(parsed.error, path);
  const { labels, training, unlabeled_training: unlabelled, validation, testing } = parsed.data;
  const keys = Object.keys(training[0] ?? {}).filter((key) => key.startsWith("img_")).map((key) =>
    key.slice(4)
  );
  const idOf = (pair: Record<string, string>) => {
    const first = keys.find((key) => pair[`img_${key}`] !== undefined) ?? keys[0]!;
    return caseId(pair[`img_${first}`] ?? "").replace(new RegExp(`_?${first}$`, "i"), "");
  };
  const pick = (pair: Record<string, string>, prefix: string) =>
    Object.fromEntries(keys.flatMap((key) => {
      const file = pair[prefix + key];
      return file === undefined ? [] : [[key.toLowerCase(), file]];
    }));
  const caseOf = (withLabels: boolean) => (pair: Record<string, string>) => {
    const id = idOf(pair);
    const of = { id, subject: id, images: pick(pair, "img_") };
    return withLabels ? { ...of, labels: pick(pair, "mask_") } : of;
  };
  const { classes, labelMap } = classesOf(labels);
  return checkManifest({
    version: 1,
    name: "cmc-list",
    modalities: keys.map((key) => ({ id: key.toLowerCase(), kind: kindOf(key) })),
    classes,
    ...(labelMap === undefined ? {} : { labelMap }),
    paired: false,
    aligned: false,
    cases: [
      ...[...training, ...validation, ...testing].map(caseOf(true)),
      ...unlabelled.map(caseOf(false)),
    ],
    splits: {
      labelled: training.map(idOf),
      unlabelled: unlabelled.map(idOf),
      validation: validation.map(idOf),
      test: testing.map(idOf),
    },
  }, path);
}
