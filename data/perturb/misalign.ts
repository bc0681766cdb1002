/**
 * Moves one modality of a data set against the others, to study how much a method depends on registration.
 *
 * @module
 */

import { Random } from "../../tensor/random.ts";
import { type Affine, invertAffine, multiplyAffine, scalingAffine, type Triple } from "../affine.ts";
import type { Dataset, LabelledCase, UnlabelledCase } from "../dataset.ts";
import { elasticField } from "../elastic.ts";
import { DataError } from "../errors.ts";
import { labelsAt } from "../label_grid.ts";
import { superiorFirst, turnBack, turnOf, turnVolume } from "../orientation.ts";
import { modalitiesOf } from "../dataset.ts";
import { sampleAffine } from "../resample.ts";
import { gridOf, rowMajor, shapeOf, type Volume, volumeFrom } from "../volume.ts";

/** How far a modality is moved; each case in a random direction of its own. */
export interface Misalignment {
  /** Id of the modality to move. */
  readonly modality: string;
  /** Length of the shift, in mm. */
  readonly translationMm?: number;
  /** Angle of the rotation about a random axis through the centre of the volume, in degrees. */
  readonly rotationDegrees?: number;
  /** Standard deviation of a smooth deformation, in mm. */
  readonly elasticMm?: number;
  /** Slices from inferior to superior that are lost; those above close up and background fills the end. */
  readonly droppedSlices?: number;
  /** Ids of the cases in which it is moved; all when absent. */
  readonly cases?: readonly string[];
  /** Decides the directions. */
  readonly seed: number;
}

/**
 * The same data set with one modality out of place. Its labels, where it has its own, move along with it (a
 * shared label becomes its own); its affine does not change, as if nobody had noticed.
 *
 * @throws {DataError} `config.misalignment` for an unknown modality or a value below 0
 */
export function misalign(dataset: Dataset, how: Misalignment): Dataset {
  const { modality, translationMm = 0, rotationDegrees = 0, elasticMm = 0, droppedSlices = 0, seed } = how;
  const known = dataset.modalities.some(({ id }) => id === modality);
  if (!known || ![translationMm, rotationDegrees, elasticMm, droppedSlices].every((value) => value >= 0)) {
    throw new DataError("config.misalignment", `misalignment of ${modality}: ${JSON.stringify(how)}`, {
      fix: `Name one of ${dataset.modalities.map(({ id }) => id).join(", ")}, and give no value below 0.`,
    });
  }
  const random = new Random(seed).child("misalign");
  const chosen = how.cases && new Set(how.cases);
  const isMoved = (of: UnlabelledCase) => chosen?.has(of.id) ?? true;
  const move = <T extends Float32Array | Uint8Array>(
    volumes: Volume<T>[],
    of: UnlabelledCase,
    labels: boolean,
  ) =>
    modalitiesOf(dataset, of).map(({ id }, at) =>
      id === modality && isMoved(of) ? moved(volumes[at]!, how, random.child(of.id), labels) : volumes[at]!
    );
  return {
    ...dataset,
    // A part of the cases is for training; what is tested is the data set as it is.
    name: chosen ? dataset.name : `${dataset.name} (${modality} misaligned)`,
    source: { kind: "misaligned", base: dataset.source, options: how },
    loadImages: async (of: UnlabelledCase): Promise<Volume<Float32Array>[]> =>
      move(await dataset.loadImages(of), of, false),
    loadLabels: async (of: LabelledCase): Promise<Volume<Uint8Array>[]> => {
      const labels = await dataset.loadLabels(of);
      if (!isMoved(of)) return labels;
      // A map that images share may lie on the grid of another one, on which the same numbers would move it otherwise.
      const { images } = await dataset.loadGeometry(of);
      const own = modalitiesOf(dataset, of).map(({ id }, at) =>
        id === modality ? labelsAt(labels[at]!, images[at]!) : labels[at]!
      );
      return move(own, of, true);
    },
  };
}

function moved<T extends Float32Array | Uint8Array>(
  stored: Volume<T>,
  { translationMm = 0, rotationDegrees = 0, elasticMm = 0, droppedSlices = 0 }: Misalignment,
  random: Random,
  labels: boolean,
): Volume<T> {
  const isWarped = translationMm > 0 || rotationDegrees > 0 || elasticMm > 0;
  // Interpolating at places that are whole numbers but for rounding would not give every bit back.
  if (!isWarped && droppedSlices === 0) return stored;
  // Moved with anatomical axes, the result is the same however the scan is stored.
  const turn = turnOf(stored, superiorFirst), volume = turnVolume(stored, turn);
  const shape = shapeOf(volume), source = rowMajor(volume);
  const direction = unitVector(random), axis = unitVector(random);
  const outside = labels ? 0 : source[0]!;
  const dropped = (data: T) => {
    const kept = volumeFrom(dropSlices(data, shape, droppedSlices, outside, random), shape, volume.affine);
    return turnBack(kept, gridOf(stored), turn);
  };
  if (!isWarped) return dropped(source);
  const centre = shape.map((length) => (length - 1) / 2) as unknown as Triple;
  const toMm = scalingAffine(
    volume.spacing,
    centre.map((c, i) => -c * volume.spacing[i]!) as unknown as Triple,
  );
  const shift = scalingAffine([1, 1, 1], direction.map((d) => d * translationMm) as unknown as Triple);
  const rotation = rotationAbout(axis, rotationDegrees * Math.PI / 180);
  const map = [invertAffine(toMm), rotation, shift, toMm].reduce(multiplyAffine);
  const displacement = elasticMm > 0 ? elasticField(shape, volume.spacing, elasticMm, random) : undefined;
  const out = new (source.constructor as new (length: number) => T)(source.length);
  sampleAffine(source, shape, map, out, shape, labels ? "nearest" : "linear", outside, displacement);
  return dropped(out);
}

/** Takes random slices out and lets those above close up. */
function dropSlices<T extends Float32Array | Uint8Array>(
  data: T,
  [depth, height, width]: Triple,
  count: number,
  fill: number,
  random: Random,
): T {
  if (count === 0) return data;
  const dropped = new Set(random.permutation(depth).slice(0, count));
  const plane = height * width;
  const out = new (data.constructor as new (length: number) => T)(data.length).fill(fill) as T;
  let to = 0;
  for (let slice = 0; slice < depth; slice++) {
    if (!dropped.has(slice)) out.set(data.subarray(slice * plane, (slice + 1) * plane), plane * to++);
  }
  return out;
}

function unitVector(random: Random): Triple {
  const [x, y, z] = [random.normal(), random.normal(), random.normal()];
  const length = Math.hypot(x, y, z);
  return [x / length, y / length, z / length];
}

/** Rodrigues' formula. */
function rotationAbout([x, y, z]: Triple, angle: number): Affine {
  const c = Math.cos(angle), s = Math.sin(angle), t = 1 - c;
  return [
    ...[t * x * x + c, t * x * y - s * z, t * x * z + s * y, 0],
    ...[t * x * y + s * z, t * y * y + c, t * y * z - s * x, 0],
    ...[t * x * z - s * y, t * y * z + s * x, t * z * z + c, 0],
    ...[0, 0, 0, 1],
  ];
}
