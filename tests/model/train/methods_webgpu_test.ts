/** Every row of the table of methods on WebGPU beside the CPU device. */

import assert from "node:assert/strict";
import { methods, train } from "../../../model/mod.ts";
import { type Device, openDevice } from "../../../tensor/mod.ts";
import { devices } from "../../tensor/devices.ts";
import { dataFor, options } from "./method_data.ts";

const webgpu = devices.find(({ name }) => name === "webgpu");

Deno.test({
  name: "methods take two steps on webgpu like those on the cpu",
  ignore: webgpu === undefined,
  async fn(t) {
    using cpu = await openDevice("cpu");
    using gpu = await webgpu!.open(); // one for all: the shaders that methods share are compiled once
    for (const method of methods.values()) {
      await t.step(method.name, async () => {
        const short = { ...options, batch: 1, steps: 2, validations: 1, semiSupervisedFrom: 0, method };
        const log = async (device: Device) => {
          using run = await train(short, { device, ...dataFor(method) });
          return run!.log;
        };
        const [expected, actual] = [await log(cpu), await log(gpu)];
        expected.forEach(({ loss }, i) => {
          const other = actual[i]!.loss!;
          assert.ok(
            Math.abs(other - loss!) < 5e-3 * loss!,
            `step ${i + 1}: ${loss} on cpu, ${other} on webgpu`,
          );
        });
      });
    }
  },
});
