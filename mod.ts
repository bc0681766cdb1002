/**
 * Semi-supervised multimodal 3D medical image segmentation with CMC: data, networks, losses, training and
 * evaluation.
 *
 * @example Train on a phantom and print a table
 * ```ts
 * import { makePhantom, openDevice, splitByLabelRatio, table, train } from "./mod.ts";
 *
 * using device = await openDevice("auto");
 * const dataset = makePhantom({ cases: 6, modalities: ["ct", "mr"], misalignmentMm: 1, seed: 7, shape: [16, 16, 16] });
 * const split = splitByLabelRatio(dataset, { ratio: 0.3, seed: 7, validation: 1, test: 1 });
 * using run = await train({ steps: 2, patch: [16, 16, 16], validations: 1 }, { device, dataset, split });
 * console.log(table(run!.test, { rows: ["modality", "class"], columns: ["dice", "assd_mm"] }));
 * ```
 *
 * @module
 */

export * from "./data/mod.ts";
export * from "./eval/mod.ts";
export * from "./losses/mod.ts";
export * from "./model/mod.ts";
export * from "./tensor/mod.ts";
// Two folders have a type of this name: three numbers along the axes of a volume, and of a tensor.
export type { Triple } from "./data/mod.ts";
export type { Triple as Sizes3d } from "./tensor/mod.ts";
