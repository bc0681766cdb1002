import assert from "node:assert/strict";
import { Tensor } from "../../tensor/mod.ts";
import { testOnDevices } from "./devices.ts";

type Displayed = Record<symbol, () => Promise<Record<string, string>>>;
const show = (tensor: Tensor) => (tensor as unknown as Displayed)[Symbol.for("Jupyter.display")]!();

testOnDevices("a notebook shows shape, dtype, device and range of a tensor", async (device) => {
  using x = Tensor.from(device, [1.23456, -2, NaN], [3]);
  assert.deepEqual(await show(x), {
    "text/plain": `Tensor f32[3] on ${device.kind}, -2 … 1.235, 1 not finite`,
  });
  using empty = Tensor.zeros(device, [0, 2, 3], "i32");
  assert.deepEqual(await show(empty), { "text/plain": `Tensor i32[0,2,3] on ${device.kind}` });
});

testOnDevices(
  "a notebook shows the middle slice of a volume in grey, and what is not finite in red",
  async (device) => {
    const data = [...new Array(6).fill(9), 0, 5, 10, NaN, 2, 4, ...new Array(6).fill(9)]; // the middle of three slices
    using x = Tensor.from(device, data, [1, 3, 2, 3]);
    const { "text/html": html } = await show(x);
    assert.match(html!, /<figcaption>Tensor f32\[1,3,2,3\]/);
    const bytes = Uint8Array.from(atob(/base64,([^"]*)/.exec(html!)![1]!), (char) => char.charCodeAt(0));
    assert.equal(new TextDecoder().decode(bytes.slice(0, 2)), "BM");
    assert.equal(new DataView(bytes.buffer).getUint32(2, true), bytes.length);
    const row = (y: number) => Array.from(bytes.slice(54 + 12 * y, 54 + 12 * y + 9));
    assert.deepEqual(row(0), [0, 0, 0, 128, 128, 128, 255, 255, 255]);
    assert.deepEqual(row(1), [0, 0, 255, 51, 51, 51, 102, 102, 102]);
  },
);
