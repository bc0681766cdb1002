/**
 * What `deno task doctor` finds out about a device: what it computes is held against the same in float64.
 *
 * @module
 */

import { cast, conv3d, type Device, matmul, openDevice, Random, scope, Tensor } from "../tensor/mod.ts";
import { openOracle } from "../tensor/cpu/oracle.ts";
import { CodedError } from "../tensor/errors.ts";
import { probeAdapter } from "../tensor/webgpu/adapter.ts";

/** One thing that was looked at. */
export interface Finding {
  /** What was looked at. */
  readonly check: string;
  /** `fault`: something will not work; `note`: it works, but could be better. */
  readonly state: "ok" | "note" | "fault";
  /** What was found. */
  readonly found: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** Largest distance from float64 that is rounding, as a share of the largest value. */
const tolerance = 1e-5;

/** Computations that all devices must agree on. */
const computations = {
  matmul: (device: Device, random: Random) =>
    matmul(Tensor.uniform(device, random, [67, 130], -1), Tensor.uniform(device, random, [130, 45], -1)),
  conv3d: (device: Device, random: Random) =>
    conv3d(
      Tensor.uniform(device, random, [1, 5, 9, 12, 17], -1),
      Tensor.uniform(device, random, [7, 5, 3, 3, 3], -1),
      null,
      { padding: [1, 1, 1] },
    ),
} as const;

async function valuesOf(device: Device, compute: (device: Device, random: Random) => Tensor) {
  using result = scope(() => compute(device, new Random(1)));
  return await result.data();
}

/** The largest distance between two results, as a share of the largest expected value; infinite for NaN. */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [largest, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const apart = Math.abs(actual[i]! - expected[i]!);
    largest = Math.max(largest, Number.isFinite(apart) ? apart : Infinity);
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return largest / scale;
}

/** Whether a device computes as float64 does. */
export async function checkComputation(device: Device): Promise<Finding[]> {
  using oracle = openOracle();
  const findings: Finding[] = [];
  for (const [name, compute] of Object.entries(computations)) {
    const apart = distance(await valuesOf(device, compute), await valuesOf(oracle, compute));
    const found = `${apart.toExponential(1)} of the largest value away from float64`;
    const check = `${device.kind} ${name}`;
    findings.push(
      apart <= tolerance ? { check, state: "ok", found } : {
        check,
        state: "fault",
        found: `${found}; rounding explains ${tolerance}`,
        fix: device.kind === "webgpu"
          ? "Update the graphics driver, and train with --device cpu until then."
          : "Report this with the processor's name: results on this machine cannot be trusted.",
      },
    );
  }
  return findings;
}

/** Whether a WebGPU device stores half-precision numbers, and stores the right ones. */
async function checkHalf(device: Device): Promise<Finding> {
  const check = "webgpu f16";
  if (!device.dtypes.has("f16")) {
    return { check, state: "note", found: "no shader-f16", fix: "--storage f16 is refused; f32 works." };
  }
  const through = await valuesOf(
    device,
    (device, random) => cast(cast(Tensor.uniform(device, random, [1000], -1), "f16"), "f32"),
  );
  using oracle = openOracle();
  const exact = await valuesOf(oracle, (device, random) => Tensor.uniform(device, random, [1000], -1));
  const found = "--storage f16 halves the memory of a training's activations";
  return distance(through, exact) <= 2 ** -11
    ? { check, state: "ok", found }
    : { check, state: "fault", found: "numbers stored as f16 come back changed", fix: "Use --storage f32." };
}

/** The limits of an adapter that decide what fits. */
function limitsOf({ limits }: GPUAdapter): Finding {
  const mib = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`;
  const found = `a buffer ${mib(limits.maxBufferSize)}, seen at once ${
    mib(limits.maxStorageBufferBindingSize)
  }, ${limits.maxComputeInvocationsPerWorkgroup} invocations and ${
    limits.maxComputeWorkgroupStorageSize / 1024
  } KiB a workgroup`;
  return { check: "webgpu limits", state: "ok", found };
}

function failed(check: string, error: unknown): Finding {
  if (!(error instanceof CodedError)) throw error;
  return { check, state: "fault", found: error.message, fix: error.fix ?? "Use the other device." };
}

/** The processor: threads and what it computes. */
export async function checkCpu(): Promise<Finding[]> {
  try {
    using device = await openDevice("cpu");
    return [{ check: "cpu", state: "ok", found: device.description }, ...await checkComputation(device)];
  } catch (error) {
    return [failed("cpu", error)];
  }
}

/** The WebGPU adapter: which, its limits, f16, and what it computes. */
export async function checkWebGpu(): Promise<Finding[]> {
  const { adapter, software, summary } = await probeAdapter();
  if (!adapter) {
    const fix = "Trainings use the processor. For a graphics processor, install its Vulkan driver.";
    return [{ check: "webgpu", state: "note", found: summary, fix }];
  }
  try {
    using device = await openDevice("webgpu");
    const which: Finding = software
      ? { check: "webgpu", state: "note", found: summary, fix: "--device auto takes the faster cpu device." }
      : { check: "webgpu", state: "ok", found: summary };
    return [which, limitsOf(adapter), await checkHalf(device), ...await checkComputation(device)];
  } catch (error) {
    return [failed("webgpu", error)];
  }
}
