/**
 * What goes wrong with data: errors that stop, and warnings that travel with a result.
 *
 * @module
 */

import { CodedError, type CodedErrorOptions } from "../tensor/errors.ts";

export { CodedError, type CodedErrorOptions };

/**
 * A scan, a manifest or a split that cannot be used as it is.
 *
 * Codes start with the area: `data.*` (a file or its voxels), `nifti.*`, `gzip.*`, `geometry.*`, `label.*`,
 * `manifest.*`, `split.*`, `config.*` (options), `io.*` (writing).
 */
export class DataError extends CodedError {}

/** Something odd in the input that does not stop the work, to be shown and repeated in the report. */
export interface DataWarning {
  /** Stable identifier, `area.problem`. */
  readonly code: string;
  /** What, where, and what was done about it. */
  readonly message: string;
}
