/**
 * An abdomen of nothing but a seed.
 *
 * A soft-edged body holds three organs of different size; patches of fat and vessel that look like an organ in
 * one modality but not in the other make single voxels ambiguous. The first contrast is in Hounsfield units, the
 * others in arbitrary units with a bias field, each with its own noise and resolution. The anatomy is not that of
 * any person.
 *
 * @module
 */

import type { Random } from "../../tensor/random.ts";
import { type Affine, scalingAffine, type Triple } from "../affine.ts";
import { applyBiasField } from "../bias_field.ts";
import { boxBlur } from "../blur.ts";
import { toAnatomical } from "../orientation.ts";
import { type Volume, volumeFrom } from "../volume.ts";
import type { Anatomy } from "./anatomy.ts";

/** Voxel size to the Right, Anterior and Superior. */
const spacing: Triple = [1.8, 1.8, 2];

const tissues = ["air", "body", "liver", "kidney", "node", "vessel", "fat"] as const;
type Tissue = typeof tissues[number];
const classNames = ["liver", "kidney", "node"] as const;

/** Mean intensities: Hounsfield units for CT, fractions of the tissue signal for MR. */
const contrast: Record<"ct" | "mr", Record<Tissue, number>> = {
  ct: { air: -1000, body: 30, liver: 110, kidney: 165, node: 85, vessel: 160, fat: -90 },
  mr: { air: 0, body: 0.45, liver: 0.68, kidney: 0.3, node: 0.95, vessel: 0.5, fat: 0.9 },
};

/**
 * The abdomen.
 *
 * @param size voxels along the axes, `[D,H,W]`
 * @param misalignmentMm how far each modality after the first is shifted against it
 */
export function abdomen(size: Triple, misalignmentMm: number): Anatomy {
  const shape: Triple = [size[2], size[1], size[0]]; // drawn in x, y, z to R, A, S
  const affine = scalingAffine(spacing, [
    -spacing[0] * (shape[0] - 1) / 2,
    -spacing[1] * (shape[1] - 1) / 2,
    -spacing[2] * (shape[2] - 1) / 2,
  ]);
  const kindOf = (modality: string) => modality.startsWith("ct") ? "ct" as const : "mr" as const;
  const scene = (random: Random, modality: number) =>
    drawTissue(shape, random.child("anatomy"), shiftOf(random, modality, misalignmentMm));
  return {
    name: "phantom",
    classes: classNames,
    kindOf,
    image(random, { at, id }): Volume<Float32Array> {
      const stream = random.child(`image/${id}`);
      return toAnatomical(volumeFrom(render(scene(random, at), shape, kindOf(id), stream), shape, affine));
    },
    labels: (random, { at }) => labelsOf(scene(random, at), shape, affine),
  };
}

/** The shift of a modality in mm: none for the first, then of the given length in a random direction. */
function shiftOf(random: Random, modality: number, length: number): Triple {
  if (modality === 0) return [0, 0, 0];
  const stream = random.child(`shift/${modality}`);
  const [x, y, z] = [stream.normal(), stream.normal(), stream.normal()];
  const scale = length / Math.hypot(x, y, z);
  return [x * scale, y * scale, z * scale];
}

/** A star-shaped blob: an ellipsoid whose radius is modulated by a few smooth waves over the directions. */
interface Blob {
  readonly tissue: Tissue;
  readonly centre: Triple;
  readonly radii: Triple;
  readonly waves: readonly { readonly direction: Triple; readonly phase: number; readonly height: number }[];
}

/** The tissue of every voxel (an index into `tissues`), row-major; coordinates are fractions of half the side. */
function drawTissue(shape: Triple, random: Random, shiftMm: Triple): Uint8Array {
  const jitter = (amount: number) => random.uniform(-amount, amount);
  const blob = (
    tissue: Tissue,
    centre: Triple,
    radii: Triple,
    place: number,
    size: number,
    height: number,
  ): Blob => ({
    tissue,
    centre: [centre[0] + jitter(place), centre[1] + jitter(place), centre[2] + jitter(place)],
    radii: [radii[0] * (1 + jitter(size)), radii[1] * (1 + jitter(size)), radii[2] * (1 + jitter(size))],
    waves: Array.from({ length: 4 }, () => ({
      direction: [random.normal(0, 1.6), random.normal(0, 1.6), random.normal(0, 1.6)],
      phase: random.uniform(0, 2 * Math.PI),
      height: random.uniform(0, height),
    })),
  });
  // Later blobs lie over earlier ones; organs come last, so no fat or vessel cuts into them.
  const blobs = [
    blob("fat", [0, 0, 0], [0.88, 0.84, 0.92], 0.02, 0.04, 0.02),
    blob("body", [0, 0, 0], [0.8, 0.76, 0.86], 0.02, 0.04, 0.03),
    ...Array.from({ length: 3 }, () => blob("vessel", [0, -0.1, 0], [0.1, 0.1, 0.14], 0.5, 0.3, 0.08)),
    ...Array.from({ length: 3 }, () => blob("fat", [0, -0.1, 0], [0.13, 0.13, 0.13], 0.5, 0.3, 0.1)),
    blob("liver", [0.3, 0.12, 0.05], [0.4, 0.42, 0.46], 0.07, 0.14, 0.1),
    blob("kidney", [-0.36, -0.24, -0.05], [0.27, 0.28, 0.4], 0.07, 0.14, 0.09),
    blob("node", [-0.26, 0.36, 0.15], [0.23, 0.22, 0.25], 0.07, 0.12, 0.06),
  ];
  const half = shape.map((length) => (length - 1) / 2);
  const shift = shiftMm.map((mm, axis) => mm / spacing[axis]! / half[axis]!);
  const [nx, ny, nz] = shape;
  const tissue = new Uint8Array(nx * ny * nz);
  for (const { tissue: name, centre, radii, waves } of blobs) {
    const value = tissues.indexOf(name);
    const reach = 1 + waves.reduce((sum, { height }) => sum + height, 0);
    const from = (axis: number) =>
      Math.max(0, Math.floor(half[axis]! * (1 + shift[axis]! + centre[axis]! - reach * radii[axis]!)));
    const to = (axis: number) =>
      Math.min(
        shape[axis]! - 1,
        Math.ceil(half[axis]! * (1 + shift[axis]! + centre[axis]! + reach * radii[axis]!)),
      );
    for (let x = from(0); x <= to(0); x++) {
      const dx = (x / half[0]! - 1 - shift[0]! - centre[0]) / radii[0];
      for (let y = from(1); y <= to(1); y++) {
        const dy = (y / half[1]! - 1 - shift[1]! - centre[1]) / radii[1];
        for (let z = from(2); z <= to(2); z++) {
          const dz = (z / half[2]! - 1 - shift[2]! - centre[2]) / radii[2];
          const distance = Math.sqrt(dx * dx + dy * dy + dz * dz);
          if (distance > reach) continue;
          let edge = 1;
          for (const { direction: [a, b, c], phase, height } of waves) {
            edge += height * Math.sin((a * dx + b * dy + c * dz) / (distance + 1e-6) + phase);
          }
          if (distance < edge) tissue[(x * ny + y) * nz + z] = value;
        }
      }
    }
  }
  return tissue;
}

/** Intensities of a tissue map: contrast, partial volume, texture, bias (MR), noise. */
function render(tissue: Uint8Array, shape: Triple, kind: "ct" | "mr", random: Random): Float32Array {
  const level = tissues.map((name) =>
    contrast[kind][name] + (kind === "ct" ? random.normal(0, 6) : name === "air" ? 0 : random.normal(0, 0.02))
  );
  const image = Float32Array.from(tissue, (value) => level[value]!);
  boxBlur(image, shape);

  // Noise with a grain of its own: white noise blurred once has a third of the amplitude in each axis.
  const grain = Float32Array.from(image, () => random.normal());
  boxBlur(grain, shape);
  const gain = kind === "ct" ? 1 : random.uniform(200, 900);
  const deviation = kind === "ct" ? 20 : 0.05;
  if (kind === "mr") applyBiasField(image, shape, random, 0.22);
  for (let at = 0; at < image.length; at++) {
    const noisy = image[at]! + deviation * (2.2 * grain[at]! + 0.6 * random.normal());
    // CT numbers are integers; MR is a magnitude, and its arbitrary unit differs from scan to scan.
    image[at] = kind === "ct" ? Math.max(-1024, Math.round(noisy)) : Math.round(Math.abs(noisy) * gain);
  }
  return image;
}

function labelsOf(tissue: Uint8Array, shape: Triple, affine: Affine): Volume<Uint8Array> {
  const classOf = tissues.map((name) => (classNames as readonly string[]).indexOf(name) + 1);
  return toAnatomical(volumeFrom(tissue.map((value) => classOf[value]!), shape, affine));
}
