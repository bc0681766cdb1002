import { average } from "../statistics/summarise.ts";
import type { LiveRun } from "./live_run.ts";

/** How fast a run is. */
export interface Pace {
  /** Seconds of a step, of late. */
  readonly step: number | null;
  /** Seconds to the last step at the pace of the process at work, its validations included. */
  readonly left: number | null;
  /** Bytes of the process when it was last seen. */
  readonly memory: number | null;
}

/** The pace of a run by its `timing.csv`. */
export function paceOf({ timing, steps }: Pick<LiveRun, "timing" | "steps">): Pace {
  const last = timing.at(-1);
  if (last === undefined) return { step: null, left: null, memory: null };
  const own = timing.filter(({ session }) => session === last.session), first = own[0]!;
  const late = average(own.slice(-5).map((row) => row.step_ms!))! / 1000;
  // A process that has just begun has shown no validation yet.
  const whole = last.step > first.step ? (last.unix_s! - first.unix_s!) / (last.step - first.step) : late;
  return { step: late, left: Math.max(whole, late) * (steps - last.step), memory: last.process_bytes! };
}
