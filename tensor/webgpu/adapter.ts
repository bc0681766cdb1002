/**
 * Finds a WebGPU adapter and opens it with the limits and features the kernels want: f16 storage where the
 * adapter has it.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";

/** Limits that decide what fits; all are requested at the adapter's maximum. */
const wanted = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxUniformBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** With it, shaders may read and write f16 buffers. */
export const f16Feature: GPUFeatureName = "shader-f16";

/** What was found when looking for an adapter. */
export interface AdapterProbe {
  /** The adapter, or null. */
  readonly adapter: GPUAdapter | null;
  /** Whether it is a program rather than a graphics processor. */
  readonly software: boolean;
  /** What was asked and what came back, for people. */
  readonly summary: string;
}

/** Whether an adapter computes on the CPU; some drivers do not say so, hence the names. */
function isSoftware({ isFallbackAdapter, description }: GPUAdapterInfo): boolean {
  return isFallbackAdapter || /llvmpipe|lavapipe|swiftshader|software/i.test(description);
}

/** Looks for an adapter, a fast one first. */
export async function probeAdapter(): Promise<AdapterProbe> {
  // deno-lint-ignore no-explicit-any -- absent in runtimes without WebGPU, whatever the types say
  const gpu: GPU | undefined = (globalThis as any).navigator?.gpu;
  if (!gpu) return { adapter: null, software: false, summary: "navigator.gpu is missing in this runtime" };
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    return { adapter, software: false, summary: "navigator.gpu.requestAdapter() found no adapter" };
  }
  const { info } = adapter;
  const software = isSoftware(info);
  const name = info.description || `vendor ${info.vendor}, device ${info.device}`;
  return { adapter, software, summary: `${name}${software ? " (software)" : ""}` };
}

/**
 * Opens an adapter.
 *
 * @throws {DeviceError} `device.unavailable` when there is none or it refuses
 */
export async function requestDevice({ adapter, summary }: AdapterProbe): Promise<GPUDevice> {
  if (!adapter) {
    throw new DeviceError("device.unavailable", `openWebGpu: ${summary}`, {
      fix: "Install a Vulkan driver (Debian and Ubuntu: apt install mesa-vulkan-drivers), " +
        'or use the device "cpu".',
    });
  }
  const requiredLimits = Object.fromEntries(wanted.map((name) => [name, adapter.limits[name]]));
  const requiredFeatures = adapter.features.has(f16Feature) ? [f16Feature] : [];
  try {
    return await adapter.requestDevice({ requiredLimits, requiredFeatures });
  } catch (cause) {
    throw new DeviceError("device.unavailable", `openWebGpu: ${summary} refused: ${cause}`, {
      fix: 'Update the graphics driver, or use the device "cpu".',
      cause,
    });
  }
}
