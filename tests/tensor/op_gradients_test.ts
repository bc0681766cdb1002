import assert from "node:assert/strict";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import type { AnyOp } from "../../tensor/ops/op.ts";
import { testOnDevices } from "./devices.ts";
import { analytic, checkGradients, differentiable } from "./gradient_check.ts";
import { hostInputs } from "./samples.ts";
import { around, assertClose } from "./tolerance.ts";

Deno.test("every gradient row agrees with central differences in float64", async (t) => {
  using oracle = openOracle();
  for (const op of differentiable) {
    await t.step(op.name, async () => {
      assert.ok(op.samples.length > 0, `${op.name} has a gradient but no sample`);
      for (const [s, sample] of op.samples.entries()) {
        await checkGradients(oracle, op, sample, `${op.name}/${s}`);
      }
    });
  }
});

/** The row with the sign of one input's gradient flipped. */
function mutant(op: AnyOp, input: number): AnyOp {
  const { gradient } = op;
  if (typeof gradient === "string") throw new TypeError(`${op.name} has no gradient`);
  return {
    ...op,
    gradient: (...call) => gradient(...call).map((g, k) => k === input ? g?.neg() ?? null : g),
  };
}

Deno.test("the check above notices a flipped sign in any gradient row", async () => {
  using oracle = openOracle();
  const survivors: string[] = [];
  let count = 0;
  for (const op of differentiable) {
    const inputs = op.samples[0]?.inputs ?? [];
    for (const [k, input] of inputs.entries()) {
      if ("classes" in input || (op.name === "where" && k === 0)) continue; // no gradient flows there
      count++;
      const bad = mutant(op, k);
      // The kernel is found by the row itself, so the mutant's run is the row's.
      const run = oracle.run.bind(oracle);
      oracle.run = (o, ...rest) => run(o === bad ? op : o, ...rest);
      const killed = await checkGradients(oracle, bad, op.samples[0]!, `${op.name}/0`).then(
        () => false,
        (error) => {
          assert.ok(error instanceof assert.AssertionError, error); // red, not broken
          return true;
        },
      );
      if (!killed) survivors.push(`${op.name}, input ${k}`);
      oracle.run = run;
    }
  }
  assert.deepEqual(survivors, []);
  assert.ok(count > 50, `only ${count} mutants`);
});

testOnDevices("every gradient row gives on its samples what the float64 oracle gives", async (device, t) => {
  using oracle = openOracle();
  for (const op of differentiable) {
    await t.step(op.name, async () => {
      for (const [s, sample] of op.samples.entries()) {
        const data = hostInputs(sample, `${op.name}/${s}`);
        const expected = await analytic(oracle, op, sample, data);
        const actual = await analytic(device, op, sample, data);
        expected.forEach((values, k) => {
          if (!values) return assert.equal(actual[k], null);
          const what = `${op.name} sample ${s}, gradient of input ${k}`;
          assertClose(actual[k]!, values, around(values, 1e-5, 1e-5), what);
        });
      }
    });
  }
});
