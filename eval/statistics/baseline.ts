/**
 * What a method is compared with: the baseline, or, where that is a method which a sweep ran with several settings, its
 * row with the same settings. Rows of a sweep are named by their method and then their settings, as in
 * `cmc, misalignMm 4`: the settings are what the two names end with.
 *
 * @param method the row
 * @param baseline a row, or the method of several
 * @param rows all rows
 * @returns the row to compare with; undefined where there is none or it is the method itself
 */
export function baselineOf(method: string, baseline: string, rows: readonly string[]): string | undefined {
  const named = rows.includes(baseline) ? [baseline] : rows
    .filter((row) => row.startsWith(`${baseline}, `) && method.endsWith(row.slice(baseline.length)))
    .toSorted((a, b) => b.length - a.length);
  return named[0] === method ? undefined : named[0];
}

/** Whether rows can be compared with a baseline: it is one of them, or a method that some of them have. */
export function isBaseline(baseline: string, rows: readonly string[]): boolean {
  return rows.some((row) => row === baseline || row.startsWith(`${baseline}, `));
}
