/** A share such as a label ratio in per cent, three digits at most. */
export function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
