import assert from "node:assert/strict";
import {
  argmax,
  concat,
  expand,
  flip,
  oneHot,
  pad,
  permute,
  scope,
  slice,
  Tensor,
} from "../../tensor/mod.ts";
import { testOnDevices } from "./devices.ts";

testOnDevices("moves keep labels as they are, also those that would be no float", async (device) => {
  const ids = [0, 1, 7, -1, 0x7fc00001, 255];
  const moved = scope(() => {
    const x = Tensor.from(device, ids, [2, 3], "i32");
    return {
      permute: permute(x, [1, 0]),
      slice: slice(x, [0, 1], [2, 2]),
      pad: pad(x, [0, 1], [0, 0], 3),
      concat: concat([x, x], 0),
      flip: flip(x, [1]),
      expand: expand(x.reshape([2, 1, 3]), [2, 2, 3]),
      reshape: x.reshape([3, 2]),
    };
  });
  const [a, b, c, d, e, f] = ids as [number, number, number, number, number, number];
  const expected: Record<keyof typeof moved, number[]> = {
    permute: [a, d, b, e, c, f],
    slice: [b, c, e, f],
    pad: [3, a, b, c, 3, d, e, f],
    concat: [...ids, ...ids],
    flip: [c, b, a, f, e, d],
    expand: [a, b, c, a, b, c, d, e, f, d, e, f],
    reshape: ids,
  };
  for (const [name, tensor] of Object.entries(moved)) {
    assert.equal(tensor.dtype, "i32");
    assert.deepEqual(await tensor.data(), Int32Array.from(expected[name as keyof typeof moved]), name);
    tensor.dispose();
  }
});

testOnDevices("oneHot() leaves ids that are no class all 0", async (device) => {
  using hot = scope(() => oneHot(Tensor.from(device, [0, 2, -1, 5], [4], "i32"), 3));
  assert.deepEqual([...await hot.data()], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
});

testOnDevices(
  "argmax() takes the first of equal values, in rows beside each other and along the last axis",
  async (device) => {
    const rows = [[1, 3, 3, 2], [9, 9, 1, 2], [1, 0, 2, 2], [5, 5, 5, 5], [-0, 0, -1, -2]];
    const columns = rows[0]!.flatMap((_, k) => rows.map((row) => row[k]!));
    using beside = scope(() => argmax(Tensor.from(device, columns, [4, 5]), 0));
    using along = scope(() => argmax(Tensor.from(device, rows.flat(), [5, 4]), 1));
    assert.deepEqual([...await beside.data()], [1, 0, 2, 0, 0]);
    assert.deepEqual([...await along.data()], [1, 0, 2, 0, 0]);
  },
);
