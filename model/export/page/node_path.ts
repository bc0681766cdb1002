/**
 * What the page has in place of `node:path`: its files have names and lie nowhere.
 *
 * @module
 */

/** The name itself. */
export const resolve = (name: string): string => name;
