/** What the numbers were measured on. */

import os from "node:os";
import { probeAdapter } from "../../tensor/webgpu/adapter.ts";

/** Processor, memory, system, runtime, adapter. */
export async function machine(): Promise<string> {
  const cores = os.cpus();
  const gibibytes = (os.totalmem() / 2 ** 30).toFixed(0);
  const { summary } = await probeAdapter();
  return `${cores[0]?.model ?? Deno.build.arch}, ${cores.length} cores, ${gibibytes} GiB; ` +
    `${Deno.build.os} ${Deno.build.arch}; Deno ${Deno.version.deno}, V8 ${Deno.version.v8}; WebGPU: ${summary}`;
}
