/**
 * A data set whose cases lie in NIfTI files.
 *
 * @module
 */

import { dirname, isAbsolute, relative, resolve } from "node:path";
import type { Case, Dataset, LabelledCase, UnlabelledCase } from "./dataset.ts";
import { DataError, type DataWarning } from "./errors.ts";
import { diskFiles, type Files, readBytes } from "./files.ts";
import { checkFinite, type NanPolicy } from "./finite.ts";
import { checkSameGrid } from "./grid_check.ts";
import { importManifest } from "./import/import_manifest.ts";
import type { Manifest } from "./manifest.ts";
import { type NiftiVolume, readImage, readLabels, readNiftiHeader } from "./nifti/read.ts";
import { toRas } from "./orientation.ts";
import { modalitiesOf } from "./prepare.ts";
import type { Split } from "./split.ts";
import type { Volume } from "./volume.ts";

/** How to open a data set. */
export interface OpenOptions {
  /** What to do with NaN and infinite voxels: refuse the image (when absent) or set them to 0, with a warning. */
  readonly nanPolicy?: NanPolicy;
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
  const bytes = await readBytes(files, file).catch((cause) => {
    if (!info?.isDirectory || !(cause instanceof DataError)) throw cause;
    throw new DataError("manifest.missing", `${path} has no dataset.json`, {
      cause,
      fix:
        "Describe its file names with a recipe (--recipe FILE, importRecipe), or name the manifest itself.",
    });
  });
  const manifest = await importManifest(new TextDecoder().decode(bytes), file);
  return datasetOf(manifest, resolve(dirname(file), manifest.root ?? "."), options);
}

/**
 * A data set from a manifest in memory.
 *
 * @param root the folder its paths start from
 */
export function datasetOf(manifest: Manifest, root: string, options: OpenOptions = {}): FileDataset {
  const { modalities, classes, paired, aligned, labelMap, splits } = manifest;
  const warn = options.onWarning ?? (() => {});
  const map = labelMap && new Map(Object.entries(labelMap).map(([value, label]) => [Number(value), label]));
  const at = (entry: string) => imagePath(root, entry);
  const report = <T extends NiftiVolume>(volume: T): T => {
    volume.warnings.forEach(warn);
    return volume;
  };
  const { files: _files, onWarning: _onWarning, ...plain } = options;
  return {
    name: manifest.name,
    modalities: modalities.map(({ derivedFrom, ...rest }) => ({
      ...rest,
      ...(derivedFrom === undefined ? {} : { derivedFrom }),
    })),
    classes,
    paired,
    aligned,
    cases: manifest.cases.map(({ labels, ...rest }): Case =>
      labels === undefined ? rest : { ...rest, labels }
    ),
    source: { kind: "manifest", options: { manifest, root, plain } },
    root,
    ...(splits === undefined ? {} : { split: splits }),

    loadImages(of: UnlabelledCase): Promise<Volume<Float32Array>[]> {
      return inOrder(modalitiesOf({ modalities: this.modalities }, of), async ({ id }) => {
        const { path, channel } = at(of.images[id]!);
        const volume = await inside(root, path, () => readImage(path, { ...options, ...channel }));
        return toRas(checkFinite(report(volume), `case ${of.id} (${id})`, options.nanPolicy, warn));
      });
    },

    async loadLabels(of: LabelledCase): Promise<Volume<Uint8Array>[]> {
      const loaded = new Map<string, Volume<Uint8Array>>();
      return await inOrder(modalitiesOf({ modalities: this.modalities }, of), async ({ id }) => {
        const { path } = at(of.labels[id] ?? of.labels.shared!);
        const what = `case ${of.id} (${id})`;
        const held = loaded.get(path);
        if (held !== undefined) return held;
        const volume = report(await inside(root, path, () => readLabels(path, map, options)));
        const image = await readNiftiHeader(at(of.images[id]!).path, options);
        checkSameGrid(image.header, volume.header, what).forEach(warn);
        checkValues(volume, classes.length, what, warn);
        const turned = toRas(volume);
        loaded.set(path, turned);
        return turned;
      });
    },
  };
}

/** Where an entry of a manifest leads: a file, and after `#channel=` which volume of a 4-D file. */
export function imagePath(root: string, entry: string): { path: string; channel: { channel?: number } } {
  const [, file, channel] = /^(.*?)(?:#channel=(\d+))?$/.exec(entry)!;
  return { path: resolve(root, file!), channel: channel === undefined ? {} : { channel: Number(channel) } };
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
