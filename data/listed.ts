/**
 * Names in messages.
 *
 * @module
 */

/** Up to ten names, and how many more there are. */
export function listed(names: readonly string[]): string {
  return names.slice(0, 10).join(", ") + (names.length > 10 ? ` and ${names.length - 10} more` : "");
}
