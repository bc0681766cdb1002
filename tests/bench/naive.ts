/** Our WebGPU kernels against naive ones on the same adapter. */

import type { Device } from "../../tensor/device.ts";
import { DeviceError } from "../../tensor/errors.ts";
import { openDevice } from "../../tensor/open_device.ts";
import { scope } from "../../tensor/scope.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { probeAdapter, requestDevice } from "../../tensor/webgpu/adapter.ts";
import { median, timed } from "./measure.ts";
import { type NaiveCase, naiveCases, shaderOf } from "./naive_kernels.ts";
import { normalValues } from "./random_data.ts";
import { markdownTable, short } from "./table.ts";

/** A naive kernel, ready to be queued. */
interface NaiveRun {
  /** Queues it some times and waits. */
  run(times: number): Promise<void>;
  read(): Promise<Float32Array>;
}

function prepareNaive(gpu: GPUDevice, test: NaiveCase, data: readonly Float32Array[]): NaiveRun {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const size = 4 * sizeOf(test.output);
  const out = gpu.createBuffer({ size, usage });
  const buffers = data.map((values) => {
    const buffer = gpu.createBuffer({ size: values.byteLength, usage });
    gpu.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
    return buffer;
  });
  const module = gpu.createShaderModule({ code: shaderOf(test) });
  const pipeline = gpu.createComputePipeline({ layout: "auto", compute: { module } });
  const entries = [...buffers, out].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const groups = Math.ceil(size / 4 / 64);
  const rows = Math.ceil(groups / 65535);
  return {
    async run(times) {
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      for (let i = 0; i < times; i++) pass.dispatchWorkgroups(Math.ceil(groups / rows), rows);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
      await gpu.queue.onSubmittedWorkDone();
    },
    async read() {
      const copy = gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      const encoder = gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(out, 0, copy, 0, size);
      gpu.queue.submit([encoder.finish()]);
      await copy.mapAsync(GPUMapMode.READ);
      const values = new Float32Array(copy.getMappedRange().slice(0));
      for (const buffer of [copy, out, ...buffers]) buffer.destroy();
      return values;
    },
  };
}

/** Largest difference as a share of the largest value. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0, largest = 0;
  for (let i = 0; i < a.length; i++) {
    const gap = Math.abs(a[i]! - b[i]!);
    if (!(gap <= most)) most = gap; // NaN stays
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return most / largest;
}

async function compare(device: Device, gpu: GPUDevice, test: NaiveCase): Promise<string[]> {
  const data = test.inputs.map((shape, k) => normalValues(`${k}`, sizeOf(shape)));
  const naive = prepareNaive(gpu, test, data);
  const inputs = data.map((values, k) => Tensor.from(device, values, test.inputs[k]!));
  const ours = async (times: number) => {
    for (let i = 0; i < times; i++) scope(() => void test.ours(inputs));
    await device.flush();
  };
  await naive.run(1);
  await ours(1);
  // Waiting costs milliseconds: enough runs at once make it small.
  const once = (await timed(() => naive.run(1))).wall;
  const times = Math.max(1, Math.min(50, Math.ceil(200 / once)));
  const theirs: number[] = [], mine: number[] = [];
  for (let i = 0; i < 5; i++) {
    theirs.push((await timed(() => naive.run(times))).wall / times);
    mine.push((await timed(() => ours(times))).wall / times);
  }
  using result = scope(() => test.ours(inputs));
  const gap = difference(await result.data(), await naive.read());
  for (const input of inputs) input.dispose();
  if (!(gap < 1e-4)) throw new Error(`${test.name}: the naive kernel and ours differ by ${gap}`);
  const [t, m] = [median(theirs), median(mine)];
  return [test.name, short(m), short(t), `${short(t / m)}×`];
}

/**
 * A table of both times and their ratio.
 *
 * @throws {DeviceError} where there is no adapter
 */
export async function naiveComparison(report: (line: string) => void): Promise<string> {
  using device = await openDevice("webgpu");
  const gpu = await requestDevice(await probeAdapter());
  const complaints: string[] = [];
  gpu.addEventListener("uncapturederror", ({ error }) => complaints.push(error.message));
  const lines: string[][] = [];
  for (const test of naiveCases) {
    lines.push(await compare(device, gpu, test));
    report(lines.at(-1)!.join(", "));
    if (complaints.length > 0) {
      throw new DeviceError("device.command", `naive ${test.name}: ${complaints[0]}`);
    }
  }
  gpu.destroy();
  return `${device.description}\n\n${
    markdownTable(["kernel", "ours ms", "naive ms", "times as fast"], lines)
  }\n`;
}
