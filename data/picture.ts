/**
 * Three planes of a volume as a picture, with labels over it.
 *
 * @module
 */

import { encodePng } from "./deps.ts";
import { DataError } from "./errors.ts";
import { onGridOf } from "./grid_check.ts";
import { type DirectionLetter, drawLetter, letterSize } from "./letters.ts";
import { percentiles } from "./normalise.ts";
import { superiorFirst, turnOf, turnVolume } from "./orientation.ts";
import { gridOf, rowMajor, shapeOf, type Volume } from "./volume.ts";

/** Label colours that differ in hue and brightness for every kind of colour vision (Okabe and Ito 2008). */
const colours = [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [
  204,
  121,
  167,
]] as const;

/** What lies left, right, above and below in each plane. */
const ends: readonly (readonly [DirectionLetter, DirectionLetter, DirectionLetter, DirectionLetter])[] = [
  ["R", "L", "A", "P"],
  ["R", "L", "S", "I"],
  ["A", "P", "S", "I"],
];

/**
 * The axial, coronal and sagittal plane side by side, as the bytes of a PNG. The planes go through the middle of
 * the labels, or of the volume; voxels are shown with their true proportions, superior and anterior up, the
 * patient's right on the left; letters at the edges say so. Grey spans the whole image, but for a
 * CT's air.
 *
 * @param stored with axes in any order; it is turned to the nearest anatomical ones
 * @param overlaid labels on the same grid, their axes in any order; drawn half transparent
 * @param pixels height of the picture
 * @throws {DataError} `geometry.mismatch` when the labels lie on another grid
 */
export function picture(stored: Volume, overlaid?: Volume<Uint8Array>, pixels = 192): Uint8Array {
  const turn = turnOf(stored, superiorFirst);
  const volume = turnVolume(stored, turn), labels = overlaid && turnVolume(placed(stored, overlaid), turn);
  const shape = shapeOf(volume), { spacing } = volume;
  const image = rowMajor(volume), label = labels && rowMajor(labels);
  const centre = (label && middleOf(label, shape)) ?? shape.map((length) => length >> 1);
  const [low, high] = greyWindow(image, shape, centre);
  const scale = pixels / Math.max(...shape.map((length, axis) => length * spacing[axis]!));
  // Each plane: the axes that run right and up on the page. R to the left is the radiologists' convention.
  const planes = [[2, 1], [2, 0], [1, 0]] as const;
  const widths = planes.map(([across]) => Math.max(1, Math.round(shape[across]! * spacing[across]! * scale)));
  const width = widths.reduce((sum, w) => sum + w + 4, -4);
  const data = new Uint8Array(3 * width * pixels);
  let left = 0;
  planes.forEach(([across, up], plane) => {
    const height = Math.max(1, Math.round(shape[up]! * spacing[up]! * scale));
    const top = (pixels - height) >> 1;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < widths[plane]!; column++) {
        const voxel = [...centre];
        voxel[across] = Math.floor((widths[plane]! - 1 - column) * shape[across]! / widths[plane]!);
        voxel[up] = Math.floor((height - 1 - row) * shape[up]! / height);
        const at = (voxel[0]! * shape[1] + voxel[1]!) * shape[2] + voxel[2]!;
        const grey = high > low ? 255 * Math.min(1, Math.max(0, (image[at]! - low) / (high - low))) : 0;
        const colour = label?.[at] ? colours[(label[at]! - 1) % colours.length] : undefined;
        for (let c = 0; c < 3; c++) {
          data[3 * ((row + top) * width + left + column) + c] = colour ? 0.5 * grey + 0.5 * colour[c]! : grey;
        }
      }
    }
    drawEnds(ends[plane]!, { left, top, width: widths[plane]!, height }, pixels, (x, y, grey) => {
      if (x >= 0 && x < width && y >= 0 && y < pixels) {
        data.fill(grey, 3 * (y * width + x), 3 * (y * width + x) + 3);
      }
    });
    left += widths[plane]! + 4;
  });
  return encodePng({ width, height: pixels, data, channels: 3 });
}

/**
 * What black and white stand for: the 1st and 99th percentile. Where the part around a voxel has less than a third of that
 * range, as in a CT, beside whose air all organs would be white: the range of that part, and half of it on either side.
 */
function greyWindow(...[image, shape, centre]: Parameters<typeof partAround>): [number, number] {
  const between = (values: typeof image) => percentiles(values, [1, 99]) as [number, number];
  const all = between(image), part = between(partAround(image, shape, centre)), range = part[1] - part[0];
  const isSmall = range > 0 && 3 * range < all[1] - all[0];
  return isSmall ? [part[0] - range / 2, part[1] + range / 2] : all;
}

/** The voxels of the quarter of each axis around one. */
function partAround(
  image: Volume["array"]["data"],
  shape: readonly [number, number, number],
  centre: readonly number[],
): Float32Array<ArrayBuffer> {
  const reach = shape.map((length) => Math.max(1, Math.round(length / 8)));
  const [x0, y0, z0] = centre.map((at, axis) => Math.max(0, at - reach[axis]!)) as [number, number, number];
  const [x1, y1, z1] = centre.map((at, axis) => Math.min(shape[axis]!, at + reach[axis]!)) as [
    number,
    number,
    number,
  ];
  const found = new Float32Array((x1 - x0) * (y1 - y0) * (z1 - z0));
  for (let x = x0, to = 0; x < x1; x++) {
    for (let y = y0; y < y1; y++) {
      for (let z = z0; z < z1; z++) found[to++] = image[(x * shape[1] + y) * shape[2] + z]!;
    }
  }
  return found;
}

/** Labels with the axes of an image. */
function placed(image: Volume, labels: Volume<Uint8Array>): Volume<Uint8Array> {
  const turned = onGridOf(labels, gridOf(image));
  if (turned !== undefined) return turned;
  const text = ({ array, affine }: Volume): string =>
    `${array.shape.join("×")} voxels, affine [${affine.slice(0, 12).join(", ")}]`;
  throw new DataError(
    "geometry.mismatch",
    `the labels do not lie on the grid of the image: ${text(labels)}; the image has ${text(image)}`,
    { fix: "Draw labels over the image they belong to, or resample them." },
  );
}

/** Writes the four directions at the edges of a plane; above and below a plane too thin to hold them. */
function drawEnds(
  [start, end, up, down]: typeof ends[number],
  plane: { left: number; top: number; width: number; height: number },
  pixels: number,
  put: Parameters<typeof drawLetter>[4],
): void {
  const scale = Math.max(1, Math.floor(pixels / 128));
  const w = letterSize.width * scale, h = letterSize.height * scale, { left, top, width, height } = plane;
  const middle = left + ((width - w) >> 1), level = top + ((height - h) >> 1);
  const outside = height < 3 * h;
  drawLetter(start, left + 2, level, scale, put);
  drawLetter(end, left + width - w - 2, level, scale, put);
  drawLetter(up, middle, outside ? top - h - 2 : top + 2, scale, put);
  drawLetter(down, middle, outside ? top + height + 2 : top + height - h - 2, scale, put);
}

/** The voxel in the middle of the labels, or nothing when there are none. */
function middleOf(label: Uint8Array, [nx, ny, nz]: readonly [number, number, number]): number[] | undefined {
  const sum = [0, 0, 0];
  let count = 0;
  for (let x = 0, at = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, at++) {
        if (label[at] === 0) continue;
        sum[0]! += x, sum[1]! += y, sum[2]! += z;
        count++;
      }
    }
  }
  return count === 0 ? undefined : sum.map((total) => Math.round(total / count));
}

/**
 * A volume with labels, as a notebook shows it.
 *
 * @param labels on the same grid
 */
export function overlay(volume: Volume, labels: Volume<Uint8Array>): object {
  return { [Symbol.for("Jupyter.display")]: () => display(volume, labels) };
}

/** The Jupyter display of a volume. */
export function display(volume: Volume, labels?: Volume<Uint8Array>): Record<string, string> {
  const { shape } = volume.array;
  const spacing = volume.spacing.map((mm) => mm.toPrecision(3)).join(" × ");
  let binary = "";
  for (const byte of picture(volume, labels)) binary += String.fromCharCode(byte);
  return { "image/png": btoa(binary), "text/plain": `Volume ${shape.join(" × ")}, ${spacing} mm` };
}
