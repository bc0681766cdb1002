/** Timing. */

import process from "node:process";

/** How long something took, in ms. */
export interface Times {
  /** On the clock. */
  readonly wall: number;
  /** Of all processor cores together: what remains comparable on a machine that others use too. */
  readonly processor: number;
}

/**
 * Runs something so many times in a row, and gives the mean.
 *
 * @param isQueued whether runs are begun while those before are under way
 */
export async function timed(run: () => Promise<void>, runs = 1, isQueued = false): Promise<Times> {
  const [begin, used] = [performance.now(), process.cpuUsage()];
  if (isQueued) await Promise.all(Array.from({ length: runs }, run));
  else for (let i = 0; i < runs; i++) await run();
  const { user, system } = process.cpuUsage(used);
  return { wall: (performance.now() - begin) / runs, processor: (user + system) / 1000 / runs };
}

/** The middle one of an odd number of values, the upper of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("median: there are no values");
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** The median of each. */
export function medianTimes(times: readonly Times[]): Times {
  return { wall: median(times.map((t) => t.wall)), processor: median(times.map((t) => t.processor)) };
}

/** Runs something a few times to warm up, then times it. */
export async function medianOf(run: () => Promise<void>, repetitions: number, warmUp = 2): Promise<Times> {
  const times: Times[] = [];
  for (let i = 0; i < warmUp + repetitions; i++) times.push(await timed(run));
  return medianTimes(times.slice(warmUp));
}
