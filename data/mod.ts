/**
 * From scans to batches: NIfTI, geometry, data sets, label-ratio splits, patches and augmentation, phantoms.
 *
 * @module
 */

export * from "./affine.ts";
export * from "./batch.ts";
export * from "./dataset.ts";
export * from "./errors.ts";
export * from "./phantom.ts";
export * from "./split.ts";
export * from "./volume.ts";
export * from "./files.ts";
export * from "./nifti_read.ts";
export * from "./nifti_write.ts";
export * from "./orientation.ts";
