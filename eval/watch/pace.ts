import { average } from "../statistics/summarise.ts";
import type { LiveRun } from "./live_run.ts";

/** How fast a run is. */
export interface Pace {
  /** Seconds of a step, of late. */
  readonly step: number | null;
  /** Seconds to the last step at the pace of the process at work, its validations included; not known at its first step. */
  readonly left: number | null;
  /** Bytes of the process when it was last seen. */
  readonly memory: number | null;
}

/** The pace of a run by its `timing.csv`. */
export function paceOf({ timing, steps }: Pick<LiveRun, "timing" | "steps">): Pace {
  const last = timing.at(-1);
  if (last === undefined) return { step: null, left: null, memory: null };
  const own = timing.filter(({ session }) => session === last.session), first = own[0]!;
  // The first step compiles kernels and reads files: it says nothing about the others.
  const usual = own.length > 1 ? own.slice(1) : own;
  const late = average(usual.slice(-5).map((row) => row.step_ms!))! / 1000;
  const done = last.step - first.step, seconds = last.unix_s! - first.unix_s!;
  const left = done === 0 ? null : Math.max(seconds / done, late) * (steps - last.step);
  return { step: late, left, memory: last.process_bytes! };
}
