/**
 * Shows what a NIfTI file or a data set holds.
 *
 * ```sh
 * deno task inspect scan.nii.gz
 * deno task inspect data/brats --pictures pictures
 * ```
 *
 * @module
 */

import {
  chooseFrom,
  fileName,
  type FileReport,
  type Fingerprint,
  fingerprint,
  fingerprintWarnings,
  inspectFile,
  inspectFolder,
  type ListedFile,
  picture,
  type Spread,
  surveyCases,
  volumePath,
} from "../data/mod.ts";
import { type Command, main, type Result, text, UsageError, type Values } from "./command.ts";
import { openAt, printWarnings } from "./open_data.ts";

/** What `deno task inspect` does. */
export const command: Command = {
  name: "inspect",
  summary:
    "Shows what a NIfTI file holds, or sums up a data set: sizes, intensities, class volumes, pictures.",
  positional: "FILE|DIR|MANIFEST",
  options: {
    recipe: { value: "FILE", help: "file-name pattern (JSON) that makes a manifest of the folder" },
    pictures: { value: "DIR", help: "write three planes of each image with its labels there, as PNG" },
  },
  examples: [
    "scan.nii.gz",
    "scans/ --pictures pictures/",
  ],
  run,
};

async function run(values: Values, positionals: readonly string[]): Promise<Result> {
  const [path, ...rest] = positionals;
  if (path === undefined || rest.length > 0) {
    throw new UsageError("expected one file, folder or manifest", "deno task inspect FILE");
  }
  if (/\.(nii|hdr|img)(\.gz)?$/i.test(volumePath(path).path)) {
    const report = await inspectFile(path);
    return { text: fileText(report), json: report };
  }
  const recipe = text(values, "recipe");
  if (recipe === undefined && await isFolderOfFiles(path)) {
    const files = await inspectFolder(path);
    return { text: files.map(listText).join("\n"), json: files };
  }
  const dataset = await openAt(path, recipe, { onWarning: printWarnings() });
  const folder = text(values, "pictures");
  if (folder !== undefined) await Deno.mkdir(folder, { recursive: true });
  const summary = await fingerprint(dataset, async (id, images, labels) => {
    if (folder === undefined) return;
    for (const [at, image] of images.entries()) {
      await Deno.writeFile(`${folder}/${fileName(id, String(at + 1))}.png`, picture(image, labels[at]));
    }
  });
  const note = folder === undefined ? "" : `\n\nPictures: ${folder}`;
  const survey = await surveyCases(dataset);
  const chosen = chooseFrom(dataset, survey), warnings = fingerprintWarnings(summary, survey);
  const { orientation: { rule }, spacing } = chosen.preparation;
  const plan = [
    `axes         ${rule}: ${chosen.orientationReason}`,
    `voxels       ${
      spacing.map((mm) => Number(mm.toPrecision(4))).join(" × ")
    } mm [D,H,W]: ${chosen.spacingReason}`,
    ...warnings.map(({ code, message }) => `warning[${code}]: ${message}`),
  ];
  return {
    text: `${summaryText(summary)}\n\nAs a training would prepare it:\n${plan.join("\n")}${note}`,
    json: { ...summary, preparation: chosen.preparation, warnings },
  };
}

/** Whether a path is a folder without a manifest. */
async function isFolderOfFiles(path: string): Promise<boolean> {
  const isFolder = await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
  return isFolder && await Deno.stat(`${path}/dataset.json`).then(() => false, () => true);
}

function listText({ file, report, error }: ListedFile): string {
  if (report === undefined) return `${file}  error[${error!.code}]: ${error!.message}`;
  const { shape, spacing_mm: spacing, orientation, dtype, min, max, warnings } = report;
  const short = (x: number | null) => x === null ? "none" : Number(x.toPrecision(4));
  return `${file}  ${shape.join("×")}  ${spacing.map(short).join("×")} mm  ${orientation}  ${dtype}  ` +
    `${short(min)} … ${short(max)}${warnings.map(({ code }) => `  warning[${code}]`).join("")}`;
}

function fileText(report: FileReport): string {
  const value = (x: number | null) => x === null ? "none" : String(Number(x.toPrecision(7)));
  return [
    `shape        ${report.shape.join(" × ")}  (i, j, k, as in the file; --patch and --spacing take D, H, W)`,
    `spacing      ${report.spacing_mm.map((mm) => value(mm)).join(" × ")} mm`,
    `orientation  ${report.orientation}`,
    `stored as    ${report.dtype}`,
    `values       ${value(report.min)} … ${value(report.max)}, mean ${value(report.mean)}`,
    ...report.nonfinite > 0 ? [`not finite   ${report.nonfinite} voxels`] : [],
    ...report.affine.map((row, at) =>
      `${at === 0 ? "affine       " : "             "}${row.map(value).join("  ")}`
    ),
    ...report.warnings.map(({ code, message }) => `warning[${code}]: ${message}`),
  ].join("\n");
}

function summaryText({ name, cases, labelled, modalities, classes }: Fingerprint): string {
  const spread = ({ min, median, max }: Spread, digits = 4) =>
    min === max ? String(Number(min.toPrecision(digits))) : [min, median, max]
      .map((x) => Number(x.toPrecision(digits))).join(" – ");
  return [
    `${name}: ${cases} cases, ${labelled} with labels (ranges are least – median – most)`,
    ...modalities.flatMap((of) => [
      "",
      `${of.id} (${of.kind}${
        of.derivedFrom === undefined ? "" : `, derived from ${of.derivedFrom}`
      }), ${of.images} images`,
      ...["S", "A", "R"].map((axis, at) =>
        of.images === 0 ? "" : `  ${axis}  ${spread(of.shape[at]!)} voxels of ${spread(of.spacing[at]!)} mm`
      ),
      `  intensity, 0.5 % – 50 % – 99.5 % of the foreground: ${of.intensity ? spread(of.intensity) : "none"}`,
    ]),
    "",
    ...classes.map(({ id, name: title, present, of, volumeMl }) =>
      `${id} ${title}: in ${present} of ${of} label maps${
        volumeMl === null ? "" : `, ${spread(volumeMl, 3)} ml`
      }`
    ),
  ].join("\n");
}

if (import.meta.main) await main(command);
