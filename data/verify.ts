/**
 * Finds everything that is wrong with a data set, in one pass.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import type { Triple } from "./affine.ts";
import { type Case, isLabelled, recordOf, type UnlabelledCase } from "./dataset.ts";
import { CodedError, DataError, type DataWarning } from "./errors.ts";
import { hashFile } from "./file_hashes.ts";
import { diskFiles } from "./files.ts";
import { foregroundMask } from "./foreground.ts";
import { sameGrid } from "./grid_check.ts";
import { importManifest } from "./import/import_manifest.ts";
import { listFiles } from "./import/list_files.ts";
import { importRecipe } from "./import/recipe.ts";
import { readText } from "./json.ts";
import { listed } from "./listed.ts";
import { type Manifest, manifestProblems, parseManifestShape } from "./manifest.ts";
import { largestGap } from "./nifti/affine.ts";
import { readImage, readNiftiHeader } from "./nifti/read.ts";
import { datasetOf, entryPath, type FileDataset, type OpenOptions } from "./open_dataset.ts";
import { overlapOf } from "./prepare/common_grid.ts";
import { modalitiesOf } from "./dataset.ts";
import { checkSplit } from "./split.ts";
import { type SurveyedImage, surveyWarnings } from "./survey_check.ts";
import { gridOf, rowMajor, shapeOf, type Volume } from "./volume.ts";

/** One thing that is wrong, or odd. */
export interface Problem {
  /** An `error` keeps the data from being used as they are, a `warning` does not. */
  readonly severity: "error" | "warning";
  /** Stable identifier. */
  readonly code: string;
  /** What, where, got and expected. */
  readonly message: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** What a verification found. */
export interface Verification {
  /** Number of cases looked at, or of files in a folder without manifest. */
  readonly checked: number;
  /** Everything found, in order of the cases. */
  readonly problems: readonly Problem[];
}

/** How to verify. */
export interface VerifyOptions extends OpenOptions {
  /** Voxels along D, H and W that a network is to be trained on; volumes are compared with it. */
  readonly patch?: Triple;
}

/** Collects problems: thrown errors, warnings, and what is added by hand. */
class Findings {
  readonly problems: Problem[] = [];

  /** Runs a check; what it throws on purpose becomes a problem, and nothing is returned. */
  async attempt<T>(check: () => Promise<T> | T): Promise<T | undefined> {
    try {
      return await check();
    } catch (error) {
      this.refused(error);
    }
  }

  refused(error: unknown): void {
    if (!(error instanceof CodedError)) throw error;
    const { code, message, fix } = error;
    this.#add({ severity: "error", code, message, ...(fix === undefined ? {} : { fix }) });
  }

  error(code: string, message: string, fix: string): void {
    this.#add({ severity: "error", code, message, fix });
  }

  readonly warn = ({ code, message }: DataWarning): void => this.#add({ severity: "warning", code, message });

  #add(problem: Problem): void {
    const known = this.problems.some(({ code, message }) =>
      code === problem.code && message === problem.message
    );
    if (!known) this.problems.push(problem);
  }
}

/**
 * Checks a data set: the manifest, every image and label map down to the last voxel, how they fit together, and
 * the split. A folder without a manifest has each of its NIfTI files checked on its own.
 *
 * @param path a manifest or a folder
 * @throws {DataError} `data.path` when there is nothing at the path
 */
export async function verifyDataset(path: string, options: VerifyOptions = {}): Promise<Verification> {
  const findings = new Findings();
  const info = await Deno.stat(path).catch(() => undefined);
  const file = info?.isDirectory ? `${path}/dataset.json` : path;
  if (info?.isDirectory && await Deno.stat(file).then(() => false, () => true)) {
    return await verifyFiles(path, findings, options);
  }
  const text = await readText(options.files ?? diskFiles, file);
  const manifest = await readManifest(text, file, findings);
  if (manifest === undefined) return { checked: 0, problems: findings.problems };
  const root = resolve(dirname(file), manifest.root ?? ".");
  return await checkContent(manifest, root, findings, options);
}

/**
 * As {@link verifyDataset}, for a folder described by a recipe.
 *
 * @param recipe path of the recipe
 * @param folder where it is followed
 * @throws {DataError} `data.path` and `manifest.*` when the recipe makes no manifest
 */
export async function verifyRecipe(
  recipe: string,
  folder: string,
  options: VerifyOptions = {},
): Promise<Verification> {
  const findings = new Findings();
  const manifest = await importRecipe(recipe, { folder, files: options.files, onWarning: findings.warn });
  return await checkContent(manifest, folder, findings, options);
}

async function checkContent(
  manifest: Manifest,
  root: string,
  findings: Findings,
  options: VerifyOptions,
): Promise<Verification> {
  const dataset = datasetOf(manifest, root, { ...options, onWarning: findings.warn });
  const labels: FoundLabels = { values: new Set(), unread: false }, images: SurveyedImage[] = [];
  const hashes = new Map<string, { what: string; subject: string }>();
  for (const of of dataset.cases) {
    await verifyCase(dataset, of, findings, labels, images);
    await findCopies(dataset, of, findings, hashes);
  }
  surveyWarnings(images, options.patch).forEach(findings.warn);
  for (const { id, name } of dataset.classes) {
    if (!labels.unread && !labels.values.has(id) && dataset.cases.some(isLabelled)) {
      findings.warn({ code: "label.missing", message: `class ${id} (${name}) occurs in no case` });
    }
  }
  if (manifest.splits !== undefined) {
    const split = manifest.splits, named = new Set(Object.values(split).flat());
    await findings.attempt(() => checkSplit(dataset, split));
    const unused = dataset.cases.map(({ id }) => id).filter((id) => !named.has(id));
    if (unused.length > 0) {
      findings.warn({
        code: "split.unused",
        message: `${unused.length} cases are in no part of the split: ${listed(unused)}`,
      });
    }
  }
  return { checked: dataset.cases.length, problems: findings.problems };
}

/** The manifest, as far as it can be used: cases that lead out of the folder are taken out. */
async function readManifest(text: string, file: string, findings: Findings): Promise<Manifest | undefined> {
  try {
    return await importManifest(text, file, findings.warn);
  } catch (error) {
    const shape = await new Findings().attempt(() => parseManifestShape(text, file));
    if (shape === undefined) {
      findings.refused(error);
      return undefined;
    }
    const problems = manifestProblems(shape, file);
    problems.forEach((problem) => findings.refused(problem));
    // What is wrong with the whole, such as two classes of one name, does not keep its files from being checked.
    const found = (cases: Manifest["cases"]) =>
      manifestProblems({ ...shape, cases }, file).filter(({ code }) => code !== "manifest.unpaired").length;
    const ofTheWhole = found([]);
    const usable = shape.cases.filter((of) => found([of]) === ofTheWhole);
    return { ...shape, cases: usable };
  }
}

async function verifyFiles(
  folder: string,
  findings: Findings,
  options: VerifyOptions,
): Promise<Verification> {
  const files = (await listFiles(folder)).files.filter((file) => /\.(nii|hdr)(\.gz)?$/i.test(file));
  findings.warn({
    code: "manifest.missing",
    message: `${folder} has no dataset.json; each file is checked on its own`,
  });
  for (const file of files) {
    const path = `${folder}/${file}`;
    await findings.attempt(async () => {
      const { header } = await readNiftiHeader(path, options);
      for (let channel = 0; channel < header.channels; channel++) {
        const volume = await readImage(path, { ...options, channel });
        volume.warnings.forEach(findings.warn);
        const bad = volume.array.data.reduce((count, value) => count + +!Number.isFinite(value), 0);
        if (bad > 0) {
          findings.error("data.nonfinite", `${path}: ${bad} voxels are NaN or infinite`, "Repair the image.");
        }
      }
    });
  }
  return { checked: files.length, problems: findings.problems };
}

/** What the label maps hold, as far as they could be read: what is missing from the rest is not known to be missing. */
interface FoundLabels {
  readonly values: Set<number>;
  unread: boolean;
}

/** Checks the images and labels of one case, each on its own, and notes its images and which classes occur. */
async function verifyCase(
  dataset: FileDataset,
  of: Case,
  findings: Findings,
  found: FoundLabels,
  images: SurveyedImage[],
): Promise<void> {
  let first: Volume | undefined;
  const readable: [string, string][] = [];
  for (const { id, kind } of modalitiesOf(dataset, of)) {
    const what = `case ${of.id} (${id})`, entry = of.images[id]!;
    const only: UnlabelledCase = { id: of.id, subject: of.subject, images: recordOf([[id, entry]]) };
    const [image] = await findings.attempt(() => dataset.loadImages(only)) ?? [];
    if (image !== undefined) {
      const foreground = checkIntensities(image, kind, what, findings);
      if (dataset.aligned && first !== undefined) checkTogether(first, image, what, findings);
      first ??= image;
      images.push({ what, grid: gridOf(image), foreground });
    }
    const header = await readNiftiHeader(entryPath(dataset.root, entry).path).catch(() => undefined);
    if (header !== undefined) readable.push([id, entry]); // why it cannot be read is reported already
  }
  if (!isLabelled(of)) return;
  const labels = readable.length === 0
    ? undefined
    : await findings.attempt(() => dataset.loadLabels({ ...of, images: recordOf(readable) }));
  if (labels === undefined) found.unread = true;
  for (const label of new Set(labels)) {
    for (const value of new Set(label.array.data)) found.values.add(value);
  }
}

/** Reports intensities that make no sense, and returns the share of the voxels that show the patient. */
function checkIntensities(
  image: Volume<Float32Array>,
  kind: string,
  what: string,
  findings: Findings,
): number {
  const voxels = rowMajor(image), shape = shapeOf(image);
  const mask = foregroundMask(voxels, shape, kind === "ct" ? "ct" : "mr");
  let low = Infinity, high = -Infinity, inside = 0;
  for (let at = 0; at < voxels.length; at++) {
    if (mask[at] === 0) continue;
    inside++;
    low = Math.min(low, voxels[at]!);
    high = Math.max(high, voxels[at]!);
  }
  if (!(high > low)) {
    findings.error(
      "data.constant",
      `${what}: ${
        low === Infinity ? "no voxel differs from the background" : `all foreground voxels are ${low}`
      }`,
      "Export the image again, or take the case out of the manifest.",
    );
  } else if (kind === "ct" && (low > -100 || high > 32000)) {
    const range = `${low.toPrecision(4)} to ${high.toPrecision(4)}`;
    findings.warn({
      code: "data.range",
      message: `${what}: ${range} are no Hounsfield units of a body with air around`,
    });
  }
  return inside / voxels.length;
}

/** Less than this share of a field of view seen by the other modality as well is worth a warning. */
const leastOverlap = 0.8;

/** Two images of a case in an aligned set: on one grid, or on grids that cover the same place. */
function checkTogether(first: Volume, image: Volume, what: string, findings: Findings): void {
  const a = gridOf(first), b = gridOf(image);
  if (sameGrid(a, b)) return;
  const shared = Math.min(overlapOf(a, b), overlapOf(b, a));
  if (shared === 0) {
    findings.error(
      "geometry.apart",
      `${what}: it does not overlap the first modality`,
      'The images do not show the same place: repair the affine, or set "aligned": false.',
    );
    return;
  }
  if (shared < leastOverlap) {
    findings.warn({
      code: "geometry.overlap",
      message: `${what}: its field of view and that of the first modality share only ${
        Math.round(100 * shared)
      } %`,
    });
  }
  const how = a.shape.join() === b.shape.join()
    ? `corners up to ${largestGap(a.affine, b.affine, a.shape).toPrecision(3)} mm apart`
    : `${b.shape.join("×")} voxels against ${a.shape.join("×")}`;
  findings.warn({
    code: "geometry.grids",
    message: `${what}: not on the grid of the first modality (${how}); both are brought onto one`,
  });
}

/** Images that are the same although they belong to cases of different subjects. */
async function findCopies(
  dataset: FileDataset,
  of: Case,
  findings: Findings,
  hashes: Map<string, { what: string; subject: string }>,
): Promise<void> {
  for (const [modality, entry] of Object.entries(of.images)) {
    const { path, channel = 0 } = entryPath(dataset.root, entry);
    const hash = await hashFile(path).catch((error) => {
      if (error instanceof DataError) return undefined; // already reported when it was loaded
      throw error;
    });
    if (hash === undefined) continue;
    const what = `case ${of.id} (${modality})`, image = `${hash}#${channel}`;
    const other = hashes.get(image);
    if (other !== undefined && other.subject !== of.subject) {
      findings.error(
        "split.leak",
        `${what} and ${other.what} are the same file`,
        "Remove one of the two, or give both cases the same subject.",
      );
    }
    hashes.set(image, { what, subject: of.subject });
  }
}
