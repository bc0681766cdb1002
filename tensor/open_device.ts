/**
 * Opens a device.
 *
 * @module
 */

import { openFastCpu } from "./cpu/wasm/open.ts";
import type { Device } from "./device.ts";
import { probeAdapter } from "./webgpu/adapter.ts";
import { openWebGpu } from "./webgpu/device.ts";
import type { TuningFile } from "./webgpu/tuning_file.ts";

/** Which device to open: "auto" takes the GPU where there is a real one. */
export type DeviceChoice = "auto" | "cpu" | "webgpu";

/** How to open a device. */
export interface DeviceOptions {
  /** Threads of the CPU device; all cores by default. */
  readonly threads?: number | undefined;
  /** Measured block sizes of WebGPU adapters, as `deno task tune` writes them. */
  readonly measured?: TuningFile | undefined;
}

/**
 * Opens a device. `device.description` says which one it is and why.
 *
 * @example
 * ```ts
 * import { openDevice, Tensor } from "./mod.ts";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice("auto");
 * using x = Tensor.full(device, [2, 2], 3);
 * assert.deepEqual([...await x.data()], [3, 3, 3, 3]);
 * ```
 * @param choice "webgpu" also takes a software adapter; "auto" takes a hardware adapter, else the CPU
 * @throws {DeviceError} `device.unavailable` for "webgpu" without an adapter
 */
export async function openDevice(
  choice: DeviceChoice = "auto",
  { threads, measured }: DeviceOptions = {},
): Promise<Device> {
  if (choice === "cpu") return await openFastCpu({ threads });
  const probe = await probeAdapter();
  if (choice === "webgpu") return await openWebGpu({ probe, measured });
  if (probe.adapter && !probe.software) {
    return describe(await openWebGpu({ probe, measured }), "chosen because it is a hardware adapter");
  }
  const reason = probe.adapter
    ? `the only WebGPU adapter, ${probe.summary}, is slower than this`
    : `no WebGPU: ${probe.summary}`;
  return describe(await openFastCpu({ threads }), `chosen because ${reason}`);
}

/** Adds to a device's description why it was chosen. */
function describe(device: Device, reason: string): Device {
  return Object.defineProperty(device, "description", { value: `${device.description}; ${reason}` });
}
