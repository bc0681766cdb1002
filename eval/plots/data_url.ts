import { Buffer } from "node:buffer";
import { encodePng } from "../deps.ts";

/** Pixels as a PNG in a `data:` address. `channels` 1 is grey, 4 is RGBA. */
export function pngUrl(data: Uint8Array, width: number, height: number, channels: 1 | 4): string {
  const png = encodePng({ data, width, height, channels, depth: 8 });
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}
