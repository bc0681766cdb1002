/**
 * Names of volumes: the path of a file and, for one of several in a 4-D file, which.
 *
 * @module
 */

/** Where a volume lies. */
export interface VolumePath {
  /** The file. */
  readonly path: string;
  /** Which volume of a 4-D file, from 0; a `ReadOptions` can be made of it. */
  readonly channel?: number;
}

/**
 * Takes `scan.nii.gz#channel=2` apart. A name without `#channel=` is a path.
 *
 * @example
 * ```ts
 * import { volumePath } from "./volume_path.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(volumePath("a#1.nii#channel=2"), { path: "a#1.nii", channel: 2 });
 * assert.deepEqual(volumePath("a#1.nii"), { path: "a#1.nii" });
 * ```
 */
export function volumePath(name: string): VolumePath {
  const [, path, channel] = /^([^]*?)(?:#channel=(\d+))?$/.exec(name)!;
  return { path: path!, ...(channel === undefined ? {} : { channel: Number(channel) }) };
}
