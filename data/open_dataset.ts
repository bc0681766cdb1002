/**
 * A data set whose cases lie in NIfTI files.
 *
 * @module
 */

import { dirname, isAbsolute, relative, resolve } from "node:path";
import {
  type Case,
  type CaseGeometry,
  type Dataset,
  isLabelled,
  type LabelledCase,
  modalitiesOf,
  recordOf,
  type UnlabelledCase,
} from "./dataset.ts";
import { DataError, type DataWarning } from "./errors.ts";
import { diskFiles, type Files } from "./files.ts";
import { checkFinite, type NanPolicy } from "./finite.ts";
import { importManifest } from "./import/import_manifest.ts";
import { readText } from "./json.ts";
import { labelOnGrid } from "./label_grid.ts";
import { listed } from "./listed.ts";
import type { Manifest } from "./manifest.ts";
import { gridOfFile } from "./nifti/header.ts";
import { type NiftiVolume, readImage, readLabels, readNiftiHeader } from "./nifti/read.ts";
import type { Split } from "./split.ts";
import type { Grid, Volume } from "./volume.ts";
import { type VolumePath, volumePath } from "./volume_path.ts";

/** How to open a data set. */
export interface OpenOptions {
  /** What to do with NaN and infinite voxels: refuse the image (when absent) or set them to 0, with a warning. */
  readonly nanPolicy?: NanPolicy;
  /** Ids of the modalities to use; all when absent. Cases that have none of them are left out. */
  readonly modalities?: readonly string[];
  /** The most memory a volume may take, in bytes; 4 GiB when absent. */
  readonly maxVolumeBytes?: number;
  /** Where files come from; this computer's disk when absent. */
  readonly files?: Files;
  /** Called with everything odd about a file, when it is loaded. */
  readonly onWarning?: (warning: DataWarning) => void;
}

/** A data set in files. */
export interface FileDataset extends Dataset {
  /** The folder the paths of the cases start from. */
  readonly root: string;
  /** The split the manifest states, if it does. */
  readonly split?: Split;
}

/**
 * Opens a data set from its manifest: our own, a recipe with file-name patterns, a Medical Segmentation Decathlon
 * `dataset.json`, or the list of the CMC authors. No scan is read.
 *
 * @param path the manifest, or a folder with a `dataset.json`
 * @throws {DataError} `data.path`, `manifest.*`
 */
export async function openDataset(path: string, options: OpenOptions = {}): Promise<FileDataset> {
  const info = await Deno.stat(path).catch(() => undefined);
  const file = info?.isDirectory ? `${path}/dataset.json` : path;
  const files = options.files ?? diskFiles;
  const text = await readText(files, file).catch((cause) => {
    if (!info?.isDirectory || !(cause instanceof DataError)) throw cause;
    throw new DataError("manifest.missing", `${path} has no dataset.json`, {
      cause,
      fix:
        "`deno task manifest DIR` guesses a recipe from the names of its files; give it with --recipe FILE " +
        "(importRecipe). Or name the manifest itself.",
    });
  });
  const manifest = await importManifest(text, file, options.onWarning);
  return datasetOf(manifest, resolve(dirname(file), manifest.root ?? "."), options);
}

/**
 * A data set from a manifest in memory.
 *
 * @param root the folder its paths start from
 */
export function datasetOf(manifest: Manifest, root: string, options: OpenOptions = {}): FileDataset {
  const { modalities, classes, paired, aligned, labelMap, splits } = manifest;
  const chosen = chosenModalities(modalities, options.modalities);
  const warn = options.onWarning ?? (() => {});
  const map = labelMap && new Map(Object.entries(labelMap).map(([value, label]) => [Number(value), label]));
  const at = (entry: string) => entryPath(root, entry);
  const report = <T extends NiftiVolume>(volume: T): T => {
    volume.warnings.forEach(warn);
    return volume;
  };
  const { files: _files, onWarning: _onWarning, ...plain } = options;
  const partial: string[] = [];
  const cases = manifest.cases.flatMap(({ id, subject, images, labels }): Case[] => {
    const own = Object.entries(images).filter(([key]) => chosen.some((of) => of.id === key));
    if (own.length === 0) return [];
    const of = { id, subject, images: recordOf(own) };
    if (labels === undefined) return [of];
    const bare = own.map(([key]) => key).filter((key) => !Object.hasOwn(labels, key));
    if (Object.hasOwn(labels, "shared") || bare.length === 0) {
      return [{ ...of, labels: recordOf(Object.entries(labels)) }];
    }
    partial.push(`${id} (none for ${bare.join(", ")})`);
    return [of];
  });
  if (partial.length > 0) {
    warn({
      code: "label.partial",
      message: `${partial.length} cases have labels for some of their images only and count as unlabelled: ` +
        listed(partial),
    });
  }
  return {
    name: manifest.name,
    modalities: chosen.map(({ derivedFrom, ...rest }) => ({
      ...rest,
      ...(derivedFrom === undefined ? {} : { derivedFrom }),
    })),
    classes,
    paired: paired || chosen.length === 1,
    aligned,
    cases,
    source: { kind: "manifest", options: { manifest, root, plain } },
    root,
    ...(splits === undefined ? {} : { split: withoutCases(splits, manifest, cases) }),

    loadImages(of: UnlabelledCase): Promise<Volume<Float32Array>[]> {
      return inOrder(modalitiesOf({ modalities: this.modalities }, of), async ({ id }) => {
        const { path, ...channel } = at(of.images[id]!);
        const volume = await inside(root, path, () => readImage(path, { ...options, ...channel }));
        return checkFinite(report(volume), `case ${of.id} (${id})`, options.nanPolicy, warn);
      });
    },

    async loadGeometry(of: Case): Promise<CaseGeometry> {
      const gridOfEntry = async (entry: string) => {
        const { path } = at(entry);
        return gridOfFile((await inside(root, path, () => readNiftiHeader(path, options))).header);
      };
      const images = await inOrder(modalitiesOf(this, of), ({ id }) => gridOfEntry(of.images[id]!));
      const labels = isLabelled(of) ? await inOrder([...new Set(Object.values(of.labels))], gridOfEntry) : [];
      return { images, labels };
    },

    async loadLabels(of: LabelledCase): Promise<Volume<Uint8Array>[]> {
      const read = new Map<string, NiftiVolume<Uint8Array>>(), placed = new Map<string, Volume<Uint8Array>>();
      const grids = new Map<string, Grid>();
      const present = modalitiesOf({ modalities: this.modalities }, of);
      for (const { id } of present) {
        const { path } = at(of.images[id]!);
        const { header } = await inside(root, path, () => readNiftiHeader(path, options));
        grids.set(id, gridOfFile(header));
      }
      return await inOrder(present, async ({ id }) => {
        const own = of.labels[id], entry = own ?? of.labels.shared!, what = `case ${of.id} (${id})`;
        let stored = read.get(entry);
        if (stored === undefined) {
          const { path, ...channel } = at(entry);
          stored = report(await inside(root, path, () => readLabels(path, map, { ...options, ...channel })));
          checkValues(stored, classes.length, what, warn);
          read.set(entry, stored);
        }
        const grid = grids.get(id)!;
        const others = own === undefined && aligned ? [...grids.values()].filter((of) => of !== grid) : [];
        const label = onOneGrid(stored, [grid, ...others], what, warn), place = `${entry} ${label.affine}`;
        if (!placed.has(place)) placed.set(place, label); // images that share labels get one volume
        return placed.get(place)!;
      });
    },
  };
}

/**
 * A label map in the axis order of its image. One that all images share may lie on the grid of any of them; the
 * first of `grids` is the image it is wanted for.
 */
function onOneGrid(
  stored: Volume<Uint8Array>,
  grids: readonly Grid[],
  what: string,
  warn: (warning: DataWarning) => void,
): Volume<Uint8Array> {
  let refused: unknown;
  for (const grid of grids) {
    try {
      const { label, warnings } = labelOnGrid(stored, grid, what);
      warnings.forEach(warn);
      return label;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      refused ??= error;
    }
  }
  throw refused;
}

/** A split without the cases of a manifest that have none of the chosen modalities. */
function withoutCases(split: Split, manifest: Manifest, cases: readonly Case[]): Split {
  const kept = new Set(cases.map(({ id }) => id));
  const dropped = new Set(manifest.cases.map(({ id }) => id).filter((id) => !kept.has(id)));
  const rest = (ids: readonly string[]) => ids.filter((id) => !dropped.has(id));
  const { labelled, unlabelled, validation, test } = split;
  return {
    labelled: rest(labelled),
    unlabelled: rest(unlabelled),
    validation: rest(validation),
    test: rest(test),
  };
}

/** The modalities that are asked for, in the order of the manifest. */
function chosenModalities(
  modalities: Manifest["modalities"],
  wanted: readonly string[] | undefined,
): Manifest["modalities"] {
  if (wanted === undefined) return modalities;
  const known = modalities.map(({ id }) => id), unknown = wanted.filter((id) => !known.includes(id));
  if (unknown.length > 0 || wanted.length === 0 || new Set(wanted).size < wanted.length) {
    throw new DataError(
      "config.modality",
      `modalities ${wanted.join(", ") || "none"} of ${known.join(", ")}`,
      {
        fix: "Name one or more of the data set's modalities, each once.",
      },
    );
  }
  return modalities.filter(({ id }) => wanted.includes(id));
}

/** Where an entry of a manifest leads: a file below the root, and after `#channel=` which volume of a 4-D file. */
export function entryPath(root: string, entry: string): VolumePath {
  const { path, ...channel } = volumePath(entry);
  return { path: resolve(root, path), ...channel };
}

async function inOrder<A, B>(items: readonly A[], each: (item: A) => Promise<B>): Promise<B[]> {
  const out: B[] = [];
  for (const item of items) out.push(await each(item));
  return out;
}

/** Runs `read` unless a link leads the path out of the root. */
async function inside<T>(root: string, path: string, read: () => Promise<T>): Promise<T> {
  const [base, real] = await Promise.all(
    [root, path].map((name) => Deno.realPath(name).catch(() => undefined)),
  );
  const way = base === undefined || real === undefined ? "" : relative(base, real);
  if (way.startsWith("..") || isAbsolute(way)) {
    throw new DataError(
      "manifest.path",
      `${path} is a link to ${real}, outside the data set's folder ${base}`,
      {
        fix: 'Copy the file into the folder, or set "root" in the manifest to a folder that holds both.',
      },
    );
  }
  return await read();
}

function checkValues(
  { array: { data } }: Volume<Uint8Array>,
  classes: number,
  what: string,
  warn: (warning: DataWarning) => void,
): void {
  const counts = new Array<number>(256).fill(0);
  for (let at = 0; at < data.length; at++) counts[data[at]!]!++;
  const wrong = counts.flatMap((count, value) =>
    value > classes && count > 0 ? [`${value} (${count} voxels)`] : []
  );
  if (wrong.length > 0) {
    throw new DataError(
      "label.values",
      `${what}: label has values ${wrong.slice(0, 8).join(", ")}; the manifest lists 0..${classes}`,
      { fix: 'Add the classes to "classes" in the manifest, or map them with "labelMap".' },
    );
  }
  if (counts[0] === data.length) {
    warn({ code: "label.empty", message: `${what}: the label map is empty` });
  }
}
