/** What every row of the table of methods must do. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  costOf,
  type Method,
  methods,
  resolveConfig,
  taskOf,
  train,
  type TrainState,
} from "../../../model/mod.ts";
import { type Device, openDevice, type StateDict } from "../../../tensor/mod.ts";
import { dataFor, options } from "./method_data.ts";

function fingerprint(state: StateDict): string {
  const hash = createHash("sha256");
  for (const [name, { data }] of state) {
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

/** Trains and returns the log and the states that were saved. */
async function outcome(method: Method, device: Device, resume?: TrainState) {
  const states: TrainState[] = [];
  const save = (state: TrainState) => Promise.resolve(void states.push(state));
  const setting = { device, ...dataFor(method), save, ...(resume && { resume }) };
  using run = await train({ ...options, method }, setting);
  return { log: run!.log, states };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

for (const method of methods.values()) {
  Deno.test(`${method.name} learns, and a resumed run ends with the same bits`, async () => {
    using device = await openDevice("cpu");
    const whole = await outcome(method, device);
    const { peakBytes } = await costOf(
      resolveConfig(options, method),
      taskOf(dataFor(method).dataset),
      method,
    );
    const ratio = device.stats().peakBytes / peakBytes;
    assert.ok(ratio > 0.8 && ratio < 1.2, `its step took ${ratio} of the memory that was predicted`);
    const labelled = whole.log.map((row) => row.supervised ?? row.pasted ?? row.reconstruction!);
    const [first, last] = [mean(labelled.slice(0, 5)), mean(labelled.slice(-5))];
    assert.ok(
      last < 0.85 * first,
      `loss on labelled voxels: ${first} in the first steps, ${last} in the last`,
    );
    const half = whole.states.find(({ step }) => step === 15)!;
    const resumed = await outcome(method, device, half);
    assert.deepEqual(resumed.log, whole.log);
    const end = (states: readonly TrainState[]) => states.at(-1)!;
    assert.equal(end(resumed.states).step, 30);
    assert.equal(fingerprint(end(resumed.states).network), fingerprint(end(whole.states).network));
    assert.equal(device.stats().liveBuffers, 0);
  });
}
