/** Tests that need a WebGPU adapter are ignored without one; with CMC_REQUIRE_WEBGPU set they fail. */

import { probeAdapter } from "../../../tensor/webgpu/adapter.ts";
import { openWebGpu, type WebGpuDevice, type WebGpuOptions } from "../../../tensor/webgpu/device.ts";

const { adapter } = await probeAdapter();

/** Defines a test that gets a device opened with the given options. */
export function testWebGpu(
  name: string,
  body: (device: WebGpuDevice, t: Deno.TestContext) => void | Promise<void>,
  options: WebGpuOptions = {},
): void {
  Deno.test({
    name: adapter ? name : `${name} [no adapter]`,
    ignore: !adapter && !Deno.env.get("CMC_REQUIRE_WEBGPU"),
    async fn(t) {
      using device = await openWebGpu(options);
      await body(device, t);
    },
  });
}
