/**
 * What becomes of voxels that are no numbers.
 *
 * @module
 */

import { DataError, type DataWarning } from "./errors.ts";
import type { Volume } from "./volume.ts";

/** Whether NaN and infinite voxels are refused, or count as 0 with a warning. */
export type NanPolicy = "error" | "zero";

/**
 * The same volume, after a look at each voxel; with `zero`, those that are NaN or infinite are set to 0 in place.
 *
 * @param what the image in messages, such as `case 7 (ct)`
 * @throws {DataError} `data.nonfinite` with the number of such voxels
 */
export function checkFinite<V extends Volume<Float32Array>>(
  volume: V,
  what: string,
  policy: NanPolicy = "error",
  warn: (warning: DataWarning) => void = () => {},
): V {
  const { data } = volume.array;
  let count = 0;
  for (let at = 0; at < data.length; at++) {
    if (!Number.isFinite(data[at]!)) {
      count++;
      if (policy === "zero") data[at] = 0;
    }
  }
  if (count === 0) return volume;
  const message = `${what}: ${count} voxels are NaN or infinite`;
  if (policy === "zero") {
    warn({ code: "data.nonfinite", message: `${message}; they count as 0` });
    return volume;
  }
  throw new DataError("data.nonfinite", message, {
    fix: 'Repair the image, or open it with nanPolicy "zero" (--nan zero).',
  });
}
