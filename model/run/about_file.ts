/**
 * Names the file in front of what is wrong with its content.
 *
 * @module
 */

import { ParameterFileError } from "../../tensor/errors.ts";

/**
 * Calls `read` on what a file holds.
 *
 * @throws {ParameterFileError} as `read`, its message preceded by the name of the file
 */
export function aboutFile<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof ParameterFileError)) throw cause;
    const { code, message, fix } = cause;
    throw new ParameterFileError(code, `${name}: ${message}`, { cause, ...(fix !== undefined && { fix }) });
  }
}
