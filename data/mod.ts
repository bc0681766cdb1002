/**
 * From scans to batches: NIfTI, geometry, data sets, label-ratio splits, patches and augmentation, phantoms.
 *
 * @module
 */

export * from "./affine.ts";
export { AheadLoader, type BatchSource } from "./ahead_loader.ts";
export {
  type Augmentation,
  defaultAugmentation,
  type IntensityRanges,
  noAugmentation,
  strongAugmentation,
} from "./augmentation.ts";
export * from "./batch.ts";
export * from "./dataset.ts";
export { type AddedModality, deriveContrast, repeatModality } from "./perturb/derive_contrast.ts";
export * from "./errors.ts";
export * from "./fingerprint.ts";
export { diskFiles, type Files } from "./files.ts";
export * from "./foreground.ts";
export { fileName } from "./file_name.ts";
export { hashFile, hashLabels, hashSplit } from "./file_hashes.ts";
export { checkFinite, type NanPolicy } from "./finite.ts";
export { checkSameGrid, sameGrid } from "./grid_check.ts";
export { labelsAt } from "./label_grid.ts";
export { type FolderManifest, type FolderPattern, importFolder } from "./import/folder.ts";
export type { LeftOut } from "./import/list_files.ts";
export { type FileReport, inspectFile, inspectFolder, type ListedFile } from "./inspect_file.ts";
export { readText } from "./json.ts";
export { checkJudgedCases, checkLabelledClasses } from "./label_check.ts";
export { importManifest } from "./import/import_manifest.ts";
export { followRecipe, importRecipe, type RecipeOptions } from "./import/recipe.ts";
export { listFiles, type Listing } from "./import/list_files.ts";
export { type SuggestedRecipe, suggestRecipe } from "./import/suggest_recipe.ts";
export { BatchLoader, type BatchOptions } from "./loader.ts";
export { withPseudoLabels } from "./pseudo_labels.ts";
export type { FurtherViews } from "./patch.ts";
export { checkManifest, type Manifest, manifestJsonSchema, parseManifest } from "./manifest.ts";
export { misalign, type Misalignment } from "./perturb/misalign.ts";
export type { NiftiDtype } from "./nifti/dtypes.ts";
export { gridOfFile, type NiftiHeader } from "./nifti/header.ts";
export {
  type NiftiVolume,
  readImage,
  readLabels,
  readNifti,
  readNiftiHeader,
  type ReadOptions,
} from "./nifti/read.ts";
export { encodeNifti, type WriteOptions } from "./nifti/encode.ts";
export { writeNifti } from "./nifti/write.ts";
export * from "./normalise.ts";
export * from "./open_dataset.ts";
export * from "./orientation.ts";
export * from "./phantom.ts";
export { overlay, picture } from "./picture.ts";
export {
  chooseFrom,
  choosePreparation,
  type ChosenPreparation,
  type PreparationChoices,
  surveyCases,
  type SurveyedCase,
} from "./prepare/choose.ts";
export * from "./prepare/preparation.ts";
export { medianShape, preparedShapes } from "./prepare/prepared_shapes.ts";
export * from "./prepare/prepare.ts";
export * from "./prepare/restore.ts";
export { gridWithSpacing, type Interpolation, resampleLabels, resampleOnto } from "./resample.ts";
export * from "./split.ts";
export { readSplit } from "./split_file.ts";
export { fingerprintWarnings } from "./survey_check.ts";
export { withholdModalities } from "./perturb/withhold_modalities.ts";
export {
  type Problem,
  type Verification,
  verifyDataset,
  type VerifyOptions,
  verifyRecipe,
} from "./verify.ts";
export * from "./volume.ts";
export { type VolumePath, volumePath } from "./volume_path.ts";
