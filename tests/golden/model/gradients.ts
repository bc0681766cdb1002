/**
 * Compares every element of every gradient of one step of the methods with what `methods.py` beside this file left in
 * a folder, and prints the largest difference of each method.
 *
 * ```sh
 * mkdir -p gradients && /usr/bin/python3 tests/golden/model/methods.py gradients
 * deno run -A tests/golden/model/gradients.ts gradients [cpu|webgpu]
 * ```
 */

import { type DeviceChoice, openDevice } from "../../../tensor/mod.ts";
import { goldenSteps, scaleOf, takeStep } from "../../model/train/golden_step.ts";

const allowed = 1e-4;
const [folder, choice = "cpu"] = Deno.args;
if (!folder) throw new Error("name the folder that methods.py wrote to");
using device = await openDevice(choice as DeviceChoice);
console.log(`${device.description}\n`);
console.log("| step | terms: worst | gradients | elements | worst, by the largest of its tensor | where |");
console.log("|---|---|---|---|---|---|");
let isClose = true;
for (const [name, expected] of Object.entries(goldenSteps)) {
  const { terms, gradients } = await takeStep(device, expected);
  const inTerms = Object.entries(expected.terms).map(([key, [value]]) =>
    Math.abs(terms[key]![0] - value) / Math.abs(value)
  );
  const reference = new Float64Array((await Deno.readFile(`${folder}/${name}.f64`)).buffer);
  let at = 0, worst = 0, where = "";
  for (const key of Object.keys(expected.gradients)) { // the order in which the program wrote them
    const own = gradients.get(key)!, scale = scaleOf(expected, key);
    for (let i = 0; i < own.length; i++, at++) {
      const apart = Math.abs(own[i]! - reference[at]!) / scale;
      if (!(apart <= worst)) [worst, where] = [apart, key];
    }
  }
  if (at !== reference.length) throw new Error(`${name}: ${at} elements, PyTorch has ${reference.length}`);
  const cells = [name, Math.max(...inTerms).toExponential(1), gradients.size, at, worst.toExponential(1), where];
  console.log(`| ${cells.join(" | ")} |`);
  isClose &&= worst <= allowed && inTerms.every((apart) => apart <= allowed);
}
console.log(`\nall within ${allowed}: ${isClose ? "yes" : "NO"}`);
if (!isClose) Deno.exit(1);
