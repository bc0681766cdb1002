import assert from "node:assert/strict";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import type { Device } from "../../tensor/device.ts";
import { cast } from "../../tensor/ops/layout.ts";
import { kernelOps, ops } from "../../tensor/ops/registry.ts";
import { scope } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { compareWithOracle } from "./compare_with_oracle.ts";
import { testOnDevices } from "./devices.ts";
import { callOp, hostInputs, toDevice } from "./samples.ts";

/** Records which rows a device ran. */
function recordRuns(device: Device): Set<string> {
  const names = new Set<string>();
  const run = device.run.bind(device);
  device.run = (op, ...rest) => {
    names.add(op.name);
    run(op, ...rest);
  };
  return names;
}

testOnDevices("every row computes on its samples what the float64 oracle computes", async (device, t) => {
  using oracle = openOracle();
  for (const op of Object.values(ops)) {
    await t.step(op.name, async () => {
      for (const [i, sample] of op.samples.entries()) {
        await compareWithOracle(device, oracle, op, sample, { seed: `${op.name}/${i}` });
      }
    });
  }
});

testOnDevices("every row without a sample of its own runs as the gradient of one that has", (device) => {
  const ran = recordRuns(device);
  for (const op of Object.values(ops)) {
    for (const [i, sample] of op.samples.entries()) {
      scope(() => {
        const tensors = toDevice(device, sample.inputs, hostInputs(sample, `${op.name}/${i}`));
        if (typeof op.gradient !== "string") {
          for (const tensor of tensors) tensor.requiresGrad = tensor.dtype === "f32";
        }
        const [out] = callOp(op, tensors, sample.attributes);
        if (out!.node) out!.sum().backward();
      });
    }
  }
  scope(() => cast(Tensor.from(device, [1]), "i32"));
  assert.deepEqual(Object.keys(kernelOps).filter((name) => !ran.has(name)), []);
});

testOnDevices("cast() rounds toward zero and back exactly", async (device) => {
  using x = Tensor.from(device, [-2.9, -0.5, 0, 0.99, 7, 2 ** 24]);
  using ids = cast(x, "i32");
  assert.deepEqual(await ids.data(), Int32Array.of(-2, 0, 0, 0, 7, 2 ** 24));
  using back = cast(ids, "f32");
  assert.deepEqual([...await back.data()], [-2, 0, 0, 0, 7, 2 ** 24]);
});
