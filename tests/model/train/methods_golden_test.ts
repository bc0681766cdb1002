/** Loss terms and all gradients of one step, held against PyTorch (tests/golden/model/methods.py). */

import assert from "node:assert/strict";
import { openDevice } from "../../../tensor/mod.ts";
import { stream } from "../digest.ts";
import { goldenSteps, scaleOf, takeStep } from "./golden_step.ts";

for (const [name, expected] of Object.entries(goldenSteps)) {
  Deno.test(`one step of ${name} has PyTorch's loss terms and gradients to 1e-4`, async () => {
    using device = await openDevice("cpu");
    const { terms, gradients } = await takeStep(device, expected);
    assert.deepEqual(Object.keys(terms).sort(), Object.keys(expected.terms).sort());
    for (const [key, [value, weight]] of Object.entries(terms)) {
      const [wanted, factor] = expected.terms[key]!;
      assert.ok(
        Math.abs(value - wanted) < 1e-4 * Math.abs(wanted),
        `${key}: ${value}, PyTorch has ${wanted}`,
      );
      assert.ok(Math.abs(weight - factor) < 1e-12, `${key} has weight ${weight}`);
    }
    assert.deepEqual([...gradients.keys()].sort(), Object.keys(expected.gradients).sort());
    for (const [key, data] of gradients) {
      const { product, squares, values } = expected.gradients[key]!;
      const scale = scaleOf(expected, key), stride = Math.max(1, Math.floor(data.length / 4));
      values.forEach((value, i) => {
        const found = data[i * stride]!;
        assert.ok(
          Math.abs(found - value) < 1e-4 * scale,
          `${key}[${i * stride}]: ${found}, PyTorch has ${value}`,
        );
      });
      // Every element counts in these: with the largest allowed errors they may be this far off.
      const weights = stream([data.length], 99);
      let [p, s] = [0, 0];
      for (let i = 0; i < data.length; i++) {
        p += data[i]! * weights[i]!;
        s += data[i]! ** 2;
      }
      const most = 1e-4 * scale * Math.sqrt(data.length);
      assert.ok(Math.abs(p - product) < most, `${key}: ${p}, PyTorch has ${product}`);
      const norms = [Math.sqrt(s), Math.sqrt(squares)] as const;
      assert.ok(Math.abs(norms[0] - norms[1]) < most, `${key}: norm ${norms[0]} of ${norms[1]}`);
    }
  });
}
