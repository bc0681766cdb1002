/** Timing. */

import process from "node:process";

/** How long something took, in ms. */
export interface Times {
  /** On the clock. */
  readonly wall: number;
  /** Of all processor cores together: what remains comparable on a machine that others use too. */
  readonly processor: number;
}

/** Runs something once. */
export async function timed(run: () => Promise<void>): Promise<Times> {
  const [wall, used] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(used);
  return { wall: performance.now() - wall, processor: (user + system) / 1000 };
}

/** The median of each. */
export function median(times: readonly Times[]): Times {
  const of = (key: keyof Times) =>
    times.map((t) => t[key]).sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
  return { wall: of("wall"), processor: of("processor") };
}
