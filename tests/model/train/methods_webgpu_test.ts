/** Every row of the table of methods on WebGPU beside the CPU device. */

import assert from "node:assert/strict";
import { type Method, methods, train, type TrainOptions } from "../../../model/mod.ts";
import { type Device, openDevice } from "../../../tensor/mod.ts";
import { devices } from "../../tensor/devices.ts";
import { dataFor, options } from "./method_data.ts";

const webgpu = devices.find(({ name }) => name === "webgpu");

const short: TrainOptions = { ...options, batch: 1, steps: 3, validations: 1, semiSupervisedFrom: 0 };

/** Three levels of 8³ voxels: whole networks are taken to WebGPU by other tests, here the methods differ. */
const small: TrainOptions = {
  ...short,
  patch: [8, 8, 8],
  levels: [1, 2, 2].map((stride) => ({ kernel: [3, 3, 3], stride: [stride, stride, stride] })),
};

/** The losses of the first two steps of three: after the last a validation would follow, which is slow here. */
async function twoLosses(method: Method, device: Device): Promise<number[]> {
  const losses: number[] = [], stop = new AbortController();
  const size = method.name === "cmc-released" ? short : small; // the authors' network has its own levels
  const stopping: Method = {
    ...method,
    afterStep(network, context) {
      method.afterStep?.(network, context);
      if (context.step === 1) stop.abort();
    },
  };
  await train({ ...size, method: stopping }, {
    device,
    ...dataFor(method),
    signal: stop.signal,
    stepped: (log) => Promise.resolve(void losses.push(log.at(-1)!.loss!)),
  });
  return losses;
}

Deno.test({
  name: "methods take two steps on webgpu like those on the cpu",
  ignore: webgpu === undefined,
  async fn(t) {
    using cpu = await openDevice("cpu");
    using gpu = await webgpu!.open(); // one for all: the shaders that methods share are compiled once
    for (const method of methods.values()) {
      await t.step(method.name, async () => {
        const [expected, actual] = [await twoLosses(method, cpu), await twoLosses(method, gpu)];
        assert.equal(expected.length, 2);
        expected.forEach((loss, i) => {
          const other = actual[i]!;
          assert.ok(
            Math.abs(other - loss) < 5e-3 * loss,
            `step ${i + 1}: ${loss} on cpu, ${other} on webgpu`,
          );
        });
      });
    }
  },
});
