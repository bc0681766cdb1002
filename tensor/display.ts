/**
 * What a notebook shows of a tensor.
 *
 * @module
 */

import type { HostArray } from "./device.ts";
import { shapeText } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** Finite range and how many values are not finite. */
function rangeOf(data: HostArray): { low: number; high: number; notFinite: number } {
  let [low, high, notFinite] = [Infinity, -Infinity, 0];
  for (const value of data) {
    if (!Number.isFinite(value)) notFinite++;
    else {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return { low, high, notFinite };
}

const brief = (value: number) => Number(value.toPrecision(4)).toString();

function summaryOf({ dtype, shape, device }: Tensor, data: HostArray): string {
  const { low, high, notFinite } = rangeOf(data);
  const range = low <= high ? `, ${brief(low)} … ${brief(high)}` : "";
  const warning = notFinite > 0 ? `, ${notFinite} not finite` : "";
  return `Tensor ${dtype}${shapeText(shape)} on ${device.kind}${range}${warning}`;
}

/**
 * The middle slice of the last three axes, first index on those before, as a grey BMP from the lowest to the
 * highest value. Values that are not finite are red.
 */
function sliceImage(shape: readonly number[], data: HostArray): Uint8Array {
  const [depth, height, width] = shape.slice(-3) as [number, number, number];
  const start = Math.floor(depth / 2) * height * width;
  const pixels = data.slice(start, start + height * width);
  const { low, high } = rangeOf(pixels);
  const stride = Math.ceil(3 * width / 4) * 4;
  const bytes = new Uint8Array(54 + stride * height);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, 54, true); // offset of the pixels
  view.setUint32(14, 40, true); // size of this header
  view.setInt32(18, width, true);
  view.setInt32(22, -height, true); // rows from the top
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true); // blue, green, red
  pixels.forEach((value, i) => {
    const grey = high > low ? Math.round(255 * (value - low) / (high - low)) : 128;
    const colour = Number.isFinite(value) ? [grey, grey, grey] : [0, 0, 255];
    bytes.set(colour, 54 + Math.floor(i / width) * stride + 3 * (i % width));
  });
  return bytes;
}

/** Shape, dtype, device and range as text; for three axes and more also a picture of the middle slice. */
export async function displayTensor(tensor: Tensor): Promise<Record<string, string>> {
  const data = await tensor.data();
  const summary = summaryOf(tensor, data);
  if (tensor.shape.length < 3 || data.length === 0) return { "text/plain": summary };
  const image = sliceImage(tensor.shape, data);
  const binary = Array.from(image, (byte) => String.fromCharCode(byte)).join("");
  const [, height, width] = tensor.shape.slice(-3) as [number, number, number];
  const scale = Math.max(1, Math.round(192 / Math.max(height, width)));
  const picture = `<img alt="middle slice" width="${width * scale}" height="${height * scale}" ` +
    `style="image-rendering:pixelated" src="data:image/bmp;base64,${btoa(binary)}">`;
  return {
    "text/plain": summary,
    "text/html": `<figure>${picture}<figcaption>${summary}</figcaption></figure>`,
  };
}
