import { d3 } from "../deps.ts";
import type { LabelClass } from "../metrics/label_grid.ts";
import { color } from "../plots/figure.ts";
import { pngUrl } from "../plots/data_url.ts";
import { cutSlice, greyScale, type ImageGrid, requireAnatomical, sliceCount } from "../plots/slice.ts";

/** How the axial slices of a volume lie in one picture. */
export interface SpriteLayout {
  /** Width of a slice in pixels. */
  readonly width: number;
  /** Height of a slice in pixels. */
  readonly height: number;
  /** Slices in a row of the picture. */
  readonly columns: number;
  /** Slices in all, from inferior to superior. */
  readonly slices: number;
  /** Width of a slice over its height, in mm. */
  readonly aspect: number;
  /** Every how many-th voxel in the plane is shown. */
  readonly step: number;
  /** Every how many-th slice is shown. */
  readonly through: number;
}

const mostPixels = 192, mostSlices = 96;

/** A layout for a volume: at most 192 pixels a side and 96 slices. */
export function spriteLayout(grid: ImageGrid): SpriteLayout {
  requireAnatomical(grid, "slice viewer");
  const step = Math.ceil(Math.max(grid.array.shape[0]!, grid.array.shape[1]!) / mostPixels);
  const through = Math.ceil(sliceCount(grid, "axial") / mostSlices);
  const first = cutSlice(grid, "axial", 0, step);
  const slices = Math.ceil(sliceCount(grid, "axial") / through);
  return {
    width: first.width,
    height: first.height,
    columns: Math.ceil(Math.sqrt(slices)),
    slices,
    aspect: (first.width * first.pixel[0]) / (first.height * first.pixel[1]),
    step,
    through,
  };
}

/** All slices of an image in grey, as a PNG in a `data:` address. */
export function imageSprite(image: ImageGrid, layout: SpriteLayout): string {
  const grey = greyScale(image);
  return paint(image, layout, 1, (values, put) => values.forEach((value, i) => put(i, [grey(value)])));
}

/** All slices of a label volume, each class filled faintly and outlined, transparent elsewhere. */
export function labelSprite(labels: ImageGrid, classes: readonly LabelClass[], layout: SpriteLayout): string {
  const colors = new Map(classes.map((c, i) => [c.id, d3.rgb(color(i))]));
  const { width, height } = layout;
  return paint(labels, layout, 4, (values, put) =>
    values.forEach((value, i) => {
      const rgb = colors.get(value);
      if (rgb === undefined) return;
      const x = i % width, y = Math.floor(i / width);
      const inner = x > 0 && x < width - 1 && y > 0 && y < height - 1 &&
        [i - 1, i + 1, i - width, i + width].every((j) => values[j] === value);
      put(i, [rgb.r, rgb.g, rgb.b, inner ? 70 : 255]);
    }));
}

function paint(
  grid: ImageGrid,
  { width, height, columns, slices, step, through }: SpriteLayout,
  channels: 1 | 4,
  draw: (values: Float64Array, put: (at: number, pixel: number[]) => void) => void,
): string {
  const rows = Math.ceil(slices / columns), stride = columns * width;
  const data = new Uint8Array(stride * rows * height * channels);
  for (let s = 0; s < slices; s++) {
    const origin = Math.floor(s / columns) * height * stride + (s % columns) * width;
    draw(cutSlice(grid, "axial", s * through, step).values, (at, pixel) => {
      data.set(pixel, (origin + Math.floor(at / width) * stride + at % width) * channels);
    });
  }
  return pngUrl(data, stride, rows * height, channels);
}
