/** Measures one workload in several programs in turns, so that all meet the same load of the machine. */

import { median, medianTimes, type Times } from "./measure.ts";
import { isConvolution, type WorkloadName } from "./names.ts";
import { ProgramProcess } from "./program_process.ts";
import type { Program } from "./programs.ts";
import type { Sample } from "./protocol.ts";

/** What a program did with a workload. */
export interface Measurement extends Times {
  /** Version, backend and threads. */
  readonly version: string;
  /** Time of the first run, compilation included, in ms. */
  readonly firstMs: number;
  /** Samples behind the medians `wall` and `processor`; 0 where the first run is the only one. */
  readonly repetitions: number;
  /** Most memory of the process. */
  readonly residentMiB: number;
  /** Most memory in tensors, where it is counted. */
  readonly tensorMiB?: number;
}

/** A measurement, or why there is none. */
export type Outcome = Measurement | { readonly refused: string };

/** How long a measurement may take. */
export interface Patience {
  /** Samples after the warm-up. */
  readonly repetitions: number;
  /** A sample that takes longer is cut off. */
  readonly limitMs: number;
  /** Once the runs of a program took longer together, it is not run again; ours has five after the first. */
  readonly budgetMs: number;
}

/**
 * Before samples count, programs have had so many and so many ms: an engine compiles code well only once it has run
 * for a while, which a training of thousands of steps does not notice.
 */
const warmUp = 2, warmUpMs = 3000;

/**
 * A sample of a short workload is the mean of runs in a row that take so many ms together, as steps run kernels one
 * after the other: alone, a kernel of a tenth of a millisecond shows how fast threads wake up. Code is also compiled
 * well only after many calls. Where runs are queued the sample is longer, since to hear of the end of all takes 11 ms
 * in Deno.
 */
const sampleMs = 50, queuedSampleMs = 250;

/** Runs of the next sample. */
export function runsOf({ isQueued }: Pick<Program, "isQueued">, previous: Sample | undefined): number {
  if (previous === undefined) return 1;
  return Math.min(1000, Math.max(1, Math.round((isQueued ? queuedSampleMs : sampleMs) / previous.wall)));
}

/** The first run stands apart; the last samples count, and warm-up runs only where less than five others remain. */
export function summarise(version: string, samples: readonly Sample[], repetitions: number): Measurement {
  const [first, ...later] = samples as [Sample, ...Sample[]];
  const kept = later.slice(Math.max(0, later.length - repetitions, Math.min(warmUp, later.length - 5)));
  const { residentMiB, tensorMiB } = samples.at(-1)!;
  return {
    version,
    firstMs: first.wall,
    repetitions: kept.length,
    ...medianTimes(kept.length > 0 ? kept : [first]),
    residentMiB,
    ...(tensorMiB !== undefined && { tensorMiB }),
  };
}

/** Remembers how fast programs were, to leave out what would take too long. */
export class Expectations {
  readonly #rates = new Map<string, number[]>();

  #key(program: Program, workload: WorkloadName): string {
    return `${program.name} ${program.device} ${isConvolution(workload) ? "convolution" : workload}`;
  }

  /** Notes a time, in ms. */
  learn(program: Program, workload: WorkloadName, operations: number, ms: number): void {
    if (operations === 0) return;
    const key = this.#key(program, workload);
    this.#rates.set(key, [...this.#rates.get(key) ?? [], operations / ms]);
  }

  /** Time to expect, in ms; undefined where nothing comparable was measured. */
  expect(program: Program, workload: WorkloadName, operations: number): number | undefined {
    const rates = this.#rates.get(this.#key(program, workload));
    return rates && operations / median(rates);
  }
}

interface Running {
  readonly program: Program;
  readonly process: ProgramProcess;
  readonly samples: Sample[];
  spentMs: number;
}

/** Starts the programs that can be expected to finish in time; the outcomes of the others are known. */
async function startAll(
  workload: WorkloadName,
  operations: number,
  programs: readonly Program[],
  { threads, limitMs, expectations }: Setting,
  outcomes: Map<string, Outcome>,
): Promise<Running[]> {
  const running: Running[] = [];
  for (const program of programs) {
    const process = await ProgramProcess.start(program, workload, { threads, limitMs });
    if (!(process instanceof ProgramProcess)) {
      outcomes.set(program.name, process);
      continue;
    }
    const expected = expectations.expect(program, workload, operations);
    if (expected === undefined || expected <= limitMs) {
      running.push({ program, process, samples: [], spentMs: 0 });
      continue;
    }
    await process[Symbol.asyncDispose]();
    outcomes.set(program.name, { refused: `left out: more than ${limitMs / 1000} s a run to be expected` });
  }
  return running;
}

/** What all rows share. */
export interface Setting extends Patience {
  /** Threads of programs that let us choose. */
  readonly threads: number;
  /** Rates so far. */
  readonly expectations: Expectations;
}

/** Measures a workload: the outcome of each program by name. */
export async function measureRow(
  workload: WorkloadName,
  operations: number,
  programs: readonly Program[],
  setting: Setting,
): Promise<Map<string, Outcome>> {
  const { repetitions, limitMs, budgetMs, expectations } = setting;
  const outcomes = new Map<string, Outcome>();
  let running = await startAll(workload, operations, programs, setting, outcomes);
  let isWarm = false;
  for (let turn = 0, left = repetitions; running.length > 0 && left > 0; turn++) {
    if (isWarm) left--;
    const going: Running[] = [];
    for (const entry of running) {
      const { program, process, samples } = entry;
      const runs = runsOf(program, samples.at(-1));
      const sample = await process.run(runs, limitMs);
      if ("refused" in sample) {
        outcomes.set(
          program.name,
          samples.length > 0 ? summarise(process.version, samples, repetitions) : sample,
        );
        if (sample.refused.startsWith("over")) expectations.learn(program, workload, operations, limitMs);
        continue;
      }
      samples.push(sample);
      entry.spentMs += runs * sample.wall;
      outcomes.set(program.name, summarise(process.version, samples, repetitions));
      const enough = program.name === "ours" ? 1 + 5 : 1;
      if (samples.length < enough || entry.spentMs < budgetMs) going.push(entry);
      else await process[Symbol.asyncDispose]();
    }
    running = going;
    isWarm ||= turn >= warmUp && running.every(({ spentMs }) => spentMs >= warmUpMs);
  }
  for (const { process } of running) await process[Symbol.asyncDispose]();
  for (const program of programs) {
    const outcome = outcomes.get(program.name);
    if (outcome && !("refused" in outcome)) expectations.learn(program, workload, operations, outcome.wall);
  }
  return outcomes;
}
