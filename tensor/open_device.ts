/**
 * Opens a device.
 *
 * @module
 */

import { openReferenceCpu } from "./cpu/open.ts";
import type { Device } from "./device.ts";
import { DeviceError } from "./errors.ts";

/** Which device to open: "auto" takes the GPU where there is a real one. */
export type DeviceChoice = "auto" | "cpu" | "webgpu";

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
 * @throws {DeviceError} `device.unavailable` when there is no such device
 */
// deno-lint-ignore require-await -- opening a GPU takes time
export async function openDevice(choice: DeviceChoice = "auto"): Promise<Device> {
  if (choice === "webgpu") {
    throw new DeviceError("device.unavailable", "openDevice: no WebGPU device in this version", {
      fix: 'Use openDevice("cpu").',
    });
  }
  return openReferenceCpu();
}
