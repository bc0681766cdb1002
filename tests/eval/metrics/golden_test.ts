import assert from "node:assert/strict";
import { ndarray } from "../../../eval/deps.ts";
import { evaluateCase } from "../../../eval/metrics/evaluate_case.ts";
import { type Metric, metricNames } from "../../../eval/metrics/metrics.ts";
import { maskSamples } from "../../golden/eval/masks.ts";
import golden from "../../golden/eval/metrics.json" with { type: "json" };

Deno.test("every metric equals SciPy's to 1e-12 on 24 pairs of masks", () => {
  maskSamples().forEach(({ shape, spacing, prediction, reference }, i) => {
    const grid = (mask: number[]) => ({ array: ndarray(Uint8Array.from(mask), [...shape]), spacing });
    const [record] = evaluateCase({
      case: String(i),
      modality: "m",
      prediction: grid(prediction),
      reference: grid(reference),
      classes: [{ id: 1, name: "one" }],
    });
    assert.deepEqual(Object.keys(golden[i]!).sort(), [...metricNames].sort());
    for (const [name, want] of Object.entries(golden[i]!) as [Metric, number][]) {
      const got = record![name];
      assert.ok(
        got !== null && Math.abs(got - want) <= 1e-12 * Math.max(1, Math.abs(want)),
        `sample ${i}, ${name}: ${got}, SciPy ${want}`,
      );
    }
  });
});
