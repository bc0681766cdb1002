/**
 * Runs the op tests and prints the op table, each tick from a test that ran and passed:
 * deno run --allow-read --allow-write --allow-run --allow-env tests/tensor/op_table.ts
 */

import { fileURLToPath } from "node:url";
import { elementwiseOps } from "../../tensor/ops/elementwise.ts";
import { kernelOps, ops } from "../../tensor/ops/registry.ts";

const tests = {
  values: "op_values_test.ts",
  f16: "f16_ops_test.ts",
  gradient: "op_gradients_test.ts",
  golden: "golden_test.ts",
  property: "properties_test.ts",
  gradientProperty: "gradient_properties_test.ts",
  attention: "attention_test.ts",
};
/** Functions made of rows. Their values and gradients are checked where a golden or known value is given. */
const composites = [
  "clamp",
  "variance",
  "logSumExp",
  "linear",
  "roll",
  "batchNorm",
  "instanceNorm",
  "layerNorm",
  "attention",
  "selfAttention",
  "windowPartition",
  "windowReverse",
  "dropPath",
  "normal",
  "uniform",
];
const log = Deno.makeTempFileSync();
const { success } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", "--no-check", ...Object.values(tests)],
  cwd: fileURLToPath(new URL(".", import.meta.url)),
  env: { CMC_OP_LOG: log },
  stdout: "null",
  stderr: "inherit",
}).output();
const ran = new Set(Deno.readTextFileSync(log).split("\n"));
Deno.removeSync(log);
if (!success) {
  console.error("a test failed: no table");
  Deno.exit(1);
}

const tick = (isTicked: boolean) => isTicked ? "✓" : "";
const passed = (file: string, name: string, devices = ["cpu", "webgpu"]) =>
  devices.every((device) => ran.has(`${file}\t${device}\t${name}`));
console.log("| family | op | cpu | webgpu | f16 on webgpu | gradient | golden | property |");
console.log("|---|---|---|---|---|---|---|---|");
for (const op of Object.values(ops)) {
  const hasKernel = op.name in kernelOps || op.name in elementwiseOps;
  const onDevice = (device: string) => hasKernel ? tick(passed(tests.values, op.name, [device])) : "view";
  const f16 = hasKernel ? tick(passed(tests.f16, op.name, ["webgpu"])) : "view";
  const gradient = op.name.endsWith("Grad") || op.family === "update"
    ? "is one"
    : typeof op.gradient === "string"
    ? "none"
    : hasKernel
    ? tick(passed(tests.gradient, op.name))
    : "✓";
  const golden = hasKernel ? tick(passed(tests.golden, op.name)) : "view";
  const hasProperty = passed(tests.property, op.name) || passed(tests.gradientProperty, op.name);
  const property = hasKernel ? tick(hasProperty) : "view";
  console.log(
    `| ${op.family} | ${op.name} | ${onDevice("cpu")} | ${
      onDevice("webgpu")
    } | ${f16} | ${gradient} | ${golden} | ${property} |`,
  );
}

console.log("\n| made of rows | cpu | webgpu | golden or known values | property |");
console.log("|---|---|---|---|---|");
for (const name of composites) {
  const everywhere = [tests.golden, tests.attention, tests.property];
  const onDevice = (device: string) => tick(everywhere.some((file) => passed(file, name, [device])));
  const known = tick(passed(tests.golden, name) || passed(tests.attention, name));
  // The attention tests also check that windows undo each other and give what the whole gives.
  const property = tick(passed(tests.property, name) || passed(tests.attention, name));
  console.log(
    `| ${name} | ${onDevice("cpu")} | ${onDevice("webgpu")} | ${known} | ${property} |`,
  );
}
