import assert from "node:assert/strict";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import { ops } from "../../tensor/ops/registry.ts";
import { scope } from "../../tensor/scope.ts";
import { withCode } from "./refusals.ts";
import { callOp, hostInputs, toDevice } from "./samples.ts";

Deno.test("every row refuses bad calls with the stated code, before any memory is taken", async (t) => {
  using oracle = openOracle();
  for (const op of Object.values(ops)) {
    await t.step(op.name, () => {
      for (const refusal of op.refusals) {
        scope(() => {
          const tensors = toDevice(oracle, refusal.inputs, hostInputs(refusal, op.name));
          const { liveBuffers } = oracle.stats();
          assert.throws(() => callOp(op, tensors, refusal.attributes), withCode(refusal.code));
          assert.equal(oracle.stats().liveBuffers, liveBuffers);
        });
      }
    });
  }
});

Deno.test("every row refuses a disposed input and inputs on two devices", async (t) => {
  using oracle = openOracle();
  using other = openOracle();
  for (const op of Object.values(ops)) {
    const [sample] = op.samples;
    if (!sample) continue;
    await t.step(op.name, () => {
      const data = hostInputs(sample, op.name);
      scope(() => {
        const tensors = toDevice(oracle, sample.inputs, data);
        tensors.at(-1)!.dispose();
        assert.throws(() => callOp(op, tensors, sample.attributes), withCode("tensor.disposed"));
      });
      if (sample.inputs.length < 2) return;
      scope(() => {
        const tensors = [
          ...toDevice(oracle, sample.inputs, data).slice(0, -1),
          toDevice(other, sample.inputs, data).at(-1)!,
        ];
        assert.throws(() => callOp(op, tensors, sample.attributes), withCode("device.mismatch"));
      });
    });
  }
  assert.equal(oracle.stats().liveBuffers, 0);
  assert.equal(other.stats().liveBuffers, 0);
});
