import type { RunResults } from "../eval/mod.ts";

/** The checkpoint whose parameters a run's test results are of, in its folder. */
export function judgedCheckpoint({ config }: Pick<RunResults, "config">): string {
  return `checkpoints/${config.keep === "last" ? "last" : "best"}.safetensors`;
}
