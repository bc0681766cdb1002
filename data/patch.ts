/**
 * Cutting augmented patches out of prepared cases.
 *
 * @module
 */

import type { Random } from "../tensor/random.ts";
import type { Triple } from "./affine.ts";
import {
  type Augmentation,
  changeIntensity,
  type Deformation,
  type IntensityRanges,
  randomGeometry,
  weaken,
} from "./augmentation.ts";
import type { PreparedImage, PreparedLabelledCase } from "./prepare/prepare.ts";
import { sampleAffine } from "./resample.ts";

/** A patch of each image of a case. */
export interface Patch {
  /** One `[D,H,W]` array an image: the strong view. */
  readonly images: readonly Float32Array<ArrayBuffer>[];
  /** The same patches under a weak change of intensities, where asked for. */
  readonly weakImages?: readonly Float32Array<ArrayBuffer>[];
  /** The same patches under another strong change of intensities, where asked for. */
  readonly secondImages?: readonly Float32Array<ArrayBuffer>[];
  /** Where the patches were cut, one an image. */
  readonly deformations: readonly Deformation[];
}

/** Which views of a patch there are beside the strong one. */
export interface FurtherViews {
  /** One with a weak change of intensities. */
  readonly weak?: boolean;
  /** A second strong one. */
  readonly second?: boolean;
}

/** Share of labelled patches that are centred on a class instead of anywhere. */
const classShare = 2 / 3;

/**
 * A patch for the labelled stream: two in three contain a voxel of a class drawn evenly from those the case
 * has, so that small structures are seen; the others lie anywhere.
 */
export function cutLabelledPatch(
  { images, labels, classVoxels }: PreparedLabelledCase,
  shape: Triple,
  aligned: boolean,
  augmentation: Augmentation,
  random: Random,
): Patch & { readonly labels: readonly Uint8Array<ArrayBuffer>[] } {
  const patch = cutImages(images, shape, aligned, augmentation, random, {}, false, (at, stream) => {
    const present = classVoxels[at]!.slice(1).filter((voxels) => voxels.length > 0);
    if (present.length === 0 || stream.uniform() >= classShare) return undefined;
    return pick(present[stream.integer(present.length)]!, stream);
  });
  const cut = patch.deformations.map(({ map, displacement }, at) => {
    const out = new Uint8Array(shape[0] * shape[1] * shape[2]);
    sampleAffine(labels[at]!, images[at]!.shape, map, out, shape, "nearest", 0, displacement);
    return out;
  });
  return { ...patch, labels: cut };
}

/**
 * A patch for the unlabelled stream, around a voxel that the intensities say is patient; labels play no part. Where
 * the field of view of one of the aligned images ends, all of them show background: what only some show cannot be
 * compared.
 */
export function cutUnlabelledPatch(
  images: readonly PreparedImage[],
  shape: Triple,
  aligned: boolean,
  augmentation: Augmentation,
  random: Random,
  views: FurtherViews,
): Patch {
  return cutImages(
    images,
    shape,
    aligned,
    augmentation,
    random,
    views,
    aligned,
    (at, stream) => pick(images[at]!.foreground, stream),
  );
}

function pick(voxels: Uint32Array, random: Random): number {
  return voxels[random.integer(voxels.length)]!;
}

/**
 * Cuts one patch an image; aligned images share place and geometry, others have their own.
 *
 * @param blank whether voxels that one image lacks are background in all of them
 * @param anchor the flat index of a voxel that the patch must contain, or nothing for a patch anywhere
 */
function cutImages(
  images: readonly PreparedImage[],
  shape: Triple,
  aligned: boolean,
  augmentation: Augmentation,
  random: Random,
  views: FurtherViews,
  blank: boolean,
  anchor: (image: number, stream: Random) => number | undefined,
): Patch {
  const draw = (at: number) => {
    const stream = random.child(`geometry/${at}`);
    const start = patchStart(images[at]!.shape, shape, anchor(at, stream), stream);
    return randomGeometry(start, shape, images[at]!.spacing, augmentation, stream);
  };
  const shared = aligned ? draw(0) : undefined;
  const deformations = images.map((_, at) => shared ?? draw(at));
  const plain = images.map((image, at) => {
    const out = new Float32Array(shape[0] * shape[1] * shape[2]);
    const { map, displacement } = deformations[at]!;
    sampleAffine(image.data, image.shape, map, out, shape, "linear", image.background, displacement);
    return out;
  });
  if (blank) blankWhereAnyLacks(plain, images, deformations, shape);
  const viewOf = (name: string, ranges: IntensityRanges) =>
    plain.map((patch, at) => {
      const view = patch.slice();
      changeIntensity(view, shape, ranges, random.child(`${name}/${at}`), images[at]!.spacing);
      return view;
    });
  return {
    images: viewOf("strong", augmentation.intensity),
    ...(views.weak && { weakImages: viewOf("weak", weaken(augmentation.intensity)) }),
    ...(views.second && { secondImages: viewOf("second", augmentation.intensity) }),
    deformations,
  };
}

/** Fills all patches with background at voxels that one of the scans does not have. */
function blankWhereAnyLacks(
  patches: readonly Float32Array[],
  images: readonly PreparedImage[],
  deformations: readonly Deformation[],
  shape: Triple,
): void {
  const lacking = new Uint8Array(shape[0] * shape[1] * shape[2]);
  images.forEach(({ inside, shape: size }, at) => {
    if (inside === undefined) return;
    const one = new Uint8Array(lacking.length), { map, displacement } = deformations[at]!;
    sampleAffine(inside, size, map, one, shape, "nearest", 1, displacement);
    for (let voxel = 0; voxel < one.length; voxel++) if (one[voxel] === 0) lacking[voxel] = 1;
  });
  patches.forEach((patch, at) => {
    for (let voxel = 0; voxel < patch.length; voxel++) {
      if (lacking[voxel] === 1) patch[voxel] = images[at]!.background;
    }
  });
}

/** The first voxel of a patch; along an axis where the patch is larger than the volume it is centred. */
function patchStart(volume: Triple, patch: Triple, anchor: number | undefined, random: Random): Triple {
  const [, ny, nz] = volume;
  const voxel = anchor === undefined
    ? undefined
    : [Math.floor(anchor / (ny * nz)), Math.floor(anchor / nz) % ny, anchor % nz];
  const along = (axis: number): number => {
    const room = volume[axis]! - patch[axis]!;
    const draw = random.uniform();
    if (room <= 0) return -Math.floor(-room / 2); // as sliding windows do
    if (voxel === undefined) return Math.floor(draw * (room + 1));
    return Math.min(room, Math.max(0, voxel[axis]! - Math.floor(draw * patch[axis]!)));
  };
  return [along(0), along(1), along(2)];
}
