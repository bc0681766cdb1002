/** The devices that tests run on, opened one at a time. */

import "./webgpu/vulkan.ts";
import { CodedError } from "../../tensor/errors.ts";
import type { Device } from "../../tensor/device.ts";
import { openDevice } from "../../tensor/open_device.ts";
import { openReferenceCpu } from "../../tensor/cpu/open.ts";
import { logRuns } from "./op_log.ts";

/** A device under test. */
export interface TestDevice {
  readonly name: string;
  open(): Promise<Device>;
}

type Checked = readonly string[] | void;

/** Whether there is a WebGPU adapter. With CMC_REQUIRE_WEBGPU set a missing one is an error, not a skip. */
async function hasWebGpu(): Promise<boolean> {
  try {
    using _ = await openDevice("webgpu");
    return true;
  } catch (error) {
    const isMissing = error instanceof CodedError && error.code === "device.unavailable";
    if (!isMissing || Deno.env.get("CMC_REQUIRE_WEBGPU")) throw error;
    return false;
  }
}

const webgpu: TestDevice = { name: "webgpu", open: () => openDevice("webgpu") };

/** All devices that this machine has. */
export const devices: readonly TestDevice[] = [
  { name: "reference cpu", open: () => Promise.resolve(openReferenceCpu()) },
  { name: "cpu", open: () => openDevice("cpu") },
  ...(await hasWebGpu() ? [webgpu] : []),
];

/**
 * Defines one test a device. A body may return the names of functions it checked that are no rows of their
 * own but made of rows, for the op table. The ones for a WebGPU device that is missing show as ignored. */
export function testOnDevices(
  name: string,
  body: (device: Device, t: Deno.TestContext) => Checked | Promise<Checked>,
): void {
  for (const { name: deviceName, open } of devices) {
    Deno.test(`${name} [${deviceName}]`, async (t) => {
      using device = await open();
      const writeLog = logRuns(device, deviceName, t.origin);
      const checked = await body(device, t) ?? [];
      await device.flush(); // a kernel that failed and whose result nobody read
      writeLog(checked);
    });
  }
  if (!devices.includes(webgpu)) {
    Deno.test({ name: `${name} [webgpu: no adapter]`, ignore: true, fn() {} });
  }
}
