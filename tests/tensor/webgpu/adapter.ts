/**
 * Tests that need a WebGPU adapter are ignored without one; with CMC_REQUIRE_WEBGPU set they fail. Tests that need
 * f16 storage are also ignored on an adapter that has none.
 */

import "./vulkan.ts";
import { f16Feature, probeAdapter } from "../../../tensor/webgpu/adapter.ts";
import { openWebGpu, type WebGpuDevice, type WebGpuOptions } from "../../../tensor/webgpu/device.ts";
import { logRuns } from "../op_log.ts";

const { adapter } = await probeAdapter();

type Body = (device: WebGpuDevice, t: Deno.TestContext) => void | Promise<void>;

/** Why a test cannot run here, or null. */
function obstacle(needsF16: boolean): string | null {
  if (!adapter) return Deno.env.get("CMC_REQUIRE_WEBGPU") ? null : "no adapter";
  return needsF16 && !adapter.features.has(f16Feature) ? `no ${f16Feature}` : null;
}

function define(name: string, body: Body, options: WebGpuOptions, needsF16: boolean): void {
  const missing = obstacle(needsF16);
  Deno.test({
    name: missing ? `${name} [${missing}]` : name,
    ignore: missing !== null,
    async fn(t) {
      using device = await openWebGpu(options);
      const writeLog = logRuns(device, "webgpu", t.origin);
      await body(device, t);
      writeLog([]);
    },
  });
}

/** Defines a test that gets a device opened with the given options. */
export function testWebGpu(name: string, body: Body, options: WebGpuOptions = {}): void {
  define(name, body, options, false);
}

/** Defines a test that gets a device which stores f16. */
export function testF16(name: string, body: Body, options: WebGpuOptions = {}): void {
  define(name, body, options, true);
}
