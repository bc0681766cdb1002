import assert from "node:assert/strict";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import type { Device } from "../../tensor/device.ts";
import { scope } from "../../tensor/scope.ts";
import { testOnDevices } from "./devices.ts";
import { collect, runProgram } from "./programs.ts";
import { around, assertClose } from "./tolerance.ts";

/** Programs a device runs; CMC_PROGRAMS asks for more. A GPU compiles shaders for nearly each of them. */
const countFor = (device: Device) =>
  Number(Deno.env.get("CMC_PROGRAMS") ?? (device.kind === "webgpu" ? 20 : 200));
const together = 50; // read back together, because waiting for a GPU costs more than a program

testOnDevices("random programs give what the oracle gives and leave no buffer", async (device) => {
  const count = countFor(device);
  using oracle = openOracle();
  for (let first = 0; first < count; first += together) {
    const seeds = Array.from({ length: Math.min(together, count - first) }, (_, i) => first + i);
    const outcomes = seeds.map((seed) => scope(() => runProgram(device, seed)));
    const results = await Promise.all(outcomes.map(collect));
    for (const [i, seed] of seeds.entries()) {
      const expected = await collect(scope(() => runProgram(oracle, seed)));
      expected.forEach((values, k) => {
        const what = `program ${seed}, ${k === 0 ? "loss" : `gradient of leaf ${k - 1}`}`;
        assertClose(results[i]![k]!, values, around(values, 1e-4, 1e-5), what);
      });
    }
    assert.equal(device.stats().liveBuffers, 0, "live buffers");
    assert.equal(oracle.stats().liveBuffers, 0, "live buffers of the oracle");
  }
});

testOnDevices("the same seed gives the same bits twice", async (device) => {
  for (let seed = 500; seed < 510; seed++) {
    const first = await collect(scope(() => runProgram(device, seed)));
    const second = await collect(scope(() => runProgram(device, seed)));
    assert.deepEqual(second, first);
  }
});
