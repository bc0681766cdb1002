/** The multiply-adds that rows of the op table report, against loops that count them one by one. */

import assert from "node:assert/strict";
import { CountingDevice } from "../../tensor/counting_device.ts";
import type { AnyOp } from "../../tensor/ops/op.ts";
import { ops } from "../../tensor/ops/registry.ts";
import { scope } from "../../tensor/scope.ts";
import { callOp, hostInputs, toDevice } from "./samples.ts";

/** Multiply-adds of a row's samples, in their order. */
function counted(op: AnyOp): number[] {
  using device = new CountingDevice();
  return op.samples.map((sample) => {
    const before = device.multiplyAdds;
    scope(() => void callOp(op, toDevice(device, sample.inputs, hostInputs(sample, "")), sample.attributes));
    return device.multiplyAdds - before;
  });
}

Deno.test("products of matrices count rows × columns × inner size of every matrix", () => {
  assert.deepEqual(counted(ops["matmul"]!), [
    3 * 4 * 5,
    2 * 3 * 4 * 5,
    2 * 3 * 4 * 5,
    2 * 7 * 3 * 5,
    17 * 19 * 33,
  ]);
});

Deno.test("convolutions count a product for each output and tap, their gradients as many", () => {
  const plain = 2 * 4 * (4 * 5 * 6) * 3 * 27; // samples, outputs, voxels, inputs, taps
  const strided = 1 * 6 * (2 * 4 * 4) * 2 * 18; // two inputs a group
  assert.deepEqual(counted(ops["conv3d"]!).slice(0, 2), [plain, strided]);
  assert.deepEqual(counted(ops["conv3dInputGrad"]!), [plain, strided]);
  assert.deepEqual(counted(ops["conv3dWeightGrad"]!), [plain, strided, plain, plain]);
});

Deno.test("rows without products of weights or matrices count nothing", () => {
  for (const name of ["add", "groupNorm", "softmax", "sum"]) {
    assert.ok(counted(ops[name]!).every((n) => n === 0), name);
  }
});
