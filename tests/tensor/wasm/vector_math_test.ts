/** The functions of generated code against JavaScript's, in units in the last place. */

import assert from "node:assert/strict";
import { erf as referenceErf } from "../../../tensor/cpu/reference/erf.ts";
import { openFastCpu } from "../../../tensor/cpu/wasm/open.ts";
import { erf, exp, gelu, log, tanh } from "../../../tensor/mod.ts";
import { Tensor } from "../../../tensor/tensor.ts";

/** Distance from a float to its neighbours. */
function unitOf(value: number): number {
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value))), -126);
  return 2 ** (exponent - 23);
}

interface Case {
  readonly name: string;
  readonly of: (x: Tensor) => Tensor;
  readonly reference: (x: number) => number;
  readonly from: number;
  readonly to: number;
  /** Most units that a value may be off. */
  readonly most: number;
}

const referenceGelu = (x: number) => x * (0.5 + 0.5 * referenceErf(x * Math.SQRT1_2));

const cases: readonly Case[] = [
  { name: "exp", of: exp, reference: Math.exp, from: -87, to: 88, most: 2 },
  { name: "log", of: log, reference: Math.log, from: 1e-30, to: 30, most: 2 },
  { name: "tanh", of: tanh, reference: Math.tanh, from: -9, to: 9, most: 3 },
  { name: "erf", of: erf, reference: referenceErf, from: -5, to: 5, most: 6 },
  { name: "gelu of positive numbers", of: gelu, reference: referenceGelu, from: 0, to: 9, most: 3 },
];

for (const { name, of, reference, from, to, most } of cases) {
  Deno.test(`${name} is off by at most ${most} units in the last place`, async () => {
    using device = await openFastCpu({ threads: 1 });
    const count = 100_003;
    const x = Float32Array.from({ length: count }, (_, i) => from + (to - from) * i / (count - 1));
    for (let i = 0; i < 2000; i++) x[i] = Math.max(from, Math.sign(to) * 10 ** (-i / 60)); // small ones too
    using input = Tensor.from(device, x, [count]);
    using output = of(input);
    const y = await output.data();
    let [worst, at] = [0, 0];
    for (let i = 0; i < count; i++) {
      const expected = reference(x[i]!);
      const off = Math.abs(y[i]! - expected) / unitOf(expected);
      if (off > worst) [worst, at] = [off, x[i]!];
    }
    assert.ok(worst <= most, `${worst.toFixed(2)} units at ${at}`);
  });
}

Deno.test("erf stays within −1 and 1, keeps NaN and the sign of zero", async () => {
  using device = await openFastCpu({ threads: 1 });
  using input = Tensor.from(device, [Infinity, -Infinity, 4, -100, NaN, -0], [6]);
  using output = erf(input);
  assert.deepEqual([...await output.data()], [1, -1, 1, -1, NaN, -0]);
});

Deno.test("gelu of negative numbers is off by three roundings of ½ at most; far out it is 0 or the number itself", async () => {
  using device = await openFastCpu({ threads: 1 });
  const x = Float32Array.from({ length: 30_001 }, (_, i) => -i / 5000);
  using input = Tensor.from(device, x, [x.length]);
  using output = gelu(input);
  const y = await output.data();
  x.forEach((value, i) => {
    const off = Math.abs(y[i]! - referenceGelu(value));
    assert.ok(off <= 1.8e-7 * Math.abs(value), `${off} at ${value}`);
  });
  using ends = Tensor.from(device, [-1e30, -7, 7, 1e30, Infinity, NaN], [6]);
  using there = gelu(ends);
  assert.deepEqual([...await there.data()].map((v) => v + 0), [0, 0, 7, Math.fround(1e30), Infinity, NaN]);
});
