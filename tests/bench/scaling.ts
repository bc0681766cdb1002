/** How time and memory of a training step grow with patch, channels and threads. */

import { type DeviceChoice, openDevice } from "../../tensor/open_device.ts";
import { medianOf, medianTimes, timed, type Times } from "./measure.ts";
import { cmcStep, unetStep } from "./network_workloads.ts";
import type { Prepare } from "./workloads.ts";

/** A measured step. */
export interface ScalingPoint {
  /** What was varied: edge of the patch in voxels, channels of the first level, or threads. */
  readonly x: number;
  /** Median time. */
  readonly ms: number;
  /** Most bytes of tensors. */
  readonly peakBytes: number;
}

/** Everything the plots show. */
export interface Scaling {
  /** U-Net 8/16/32, N = 2, against the edge of the cube. */
  readonly patch: readonly ScalingPoint[];
  /** U-Net c/2c/4c, 32³, N = 2, against c. */
  readonly channels: readonly ScalingPoint[];
  /** Steps against the number of threads; empty on WebGPU. */
  readonly threads: Readonly<Record<string, readonly ScalingPoint[]>>;
}

async function point(kind: DeviceChoice, threads: number, x: number, prepare: Prepare, repetitions: number) {
  using device = await openDevice(kind, { threads });
  const { wall } = await medianOf(prepare(device), repetitions);
  return { x, ms: wall, peakBytes: device.stats().peakBytes };
}

/** One device for each number of threads, all in turns. */
async function overThreads(prepare: Prepare, most: number, repetitions: number): Promise<ScalingPoint[]> {
  const counts = Array.from({ length: most }, (_, i) => i + 1);
  const devices = await Promise.all(counts.map((threads) => openDevice("cpu", { threads })));
  const runs = devices.map(prepare);
  const times = counts.map((): Times[] => []);
  for (let turn = 0; turn < 2 + repetitions; turn++) {
    for (const [i, run] of runs.entries()) {
      const time = await timed(run);
      if (turn >= 2) times[i]!.push(time);
    }
  }
  const points = counts.map((x, i) => ({
    x,
    ms: medianTimes(times[i]!).wall,
    peakBytes: devices[i]!.stats().peakBytes,
  }));
  for (const device of devices) device[Symbol.dispose]();
  return points;
}

/** Measures all; `report` is told of each part. */
export async function measureScaling(
  kind: "cpu" | "webgpu",
  threads: number,
  repetitions: number,
  report: (line: string) => void,
): Promise<Scaling> {
  const patch: ScalingPoint[] = [], channels: ScalingPoint[] = [];
  for (const size of kind === "cpu" ? [16, 24, 32, 48, 64] : [16, 24, 32]) {
    patch.push(await point(kind, threads, size, unetStep([8, 16, 32], size, 2), repetitions));
    report(`U-Net 8/16/32, ${size}³: ${patch.at(-1)!.ms.toFixed(1)} ms`);
  }
  for (const c of kind === "cpu" ? [4, 8, 16, 32] : [4, 8, 16]) {
    channels.push(await point(kind, threads, c, unetStep([c, 2 * c, 4 * c], 32, 2), repetitions));
    report(`U-Net ${c}/${2 * c}/${4 * c}, 32³: ${channels.at(-1)!.ms.toFixed(1)} ms`);
  }
  const steps = {
    "CMC unet-light 24×40×32": cmcStep("unet-light", [24, 40, 32], true),
    "U-Net 16/32/64, 32³": unetStep([16, 32, 64], 32, 2),
  };
  const byThreads: Record<string, ScalingPoint[]> = {};
  if (kind === "cpu") {
    for (const [name, prepare] of Object.entries(steps)) {
      byThreads[name] = await overThreads(prepare, threads, repetitions);
      report(
        `${name}: ${byThreads[name].map(({ x, ms }) => `${x} thread(s) ${ms.toFixed(1)} ms`).join(", ")}`,
      );
    }
  }
  return { patch, channels, threads: byThreads };
}
