/**
 * Methods that are files.
 *
 * @module
 */

/** Whether what names a method is a file with one, and not a name of the table. */
export function isModule(method: string): boolean {
  return /[/\\]|\.[cm]?[jt]s$/.test(method);
}
