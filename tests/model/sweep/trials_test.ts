import assert from "node:assert/strict";
import { type CellReport, cellsOf, parseSweep, parseTrials, trialResults } from "../../../model/sweep/mod.ts";

Deno.test("trials become rows with their settings, and are told a value when all their cells are done", () => {
  const trials = parseTrials(
    [{ id: 7, settings: { learningRate: 0.01, "settings.cscWeight": 0.5 } }, { id: "b", settings: {} }],
    "trials.json",
  );
  const cells = cellsOf(parseSweep({ methods: ["cmc"], seeds: [0, 1] }), "/", trials);
  assert.deepEqual(cells.map(({ name, trial }) => [name, trial]), [
    ...[["cmc-trial-7-seed0", "7"], ["cmc-trial-7-seed1", "7"]],
    ...[["cmc-trial-b-seed0", "b"], ["cmc-trial-b-seed1", "b"]],
  ]);
  const { settings } = cells[0]!;
  assert.deepEqual(settings, { method: "cmc", learningRate: 0.01, settings: { cscWeight: 0.5 }, seed: 0 });

  const report = (i: number, state: CellReport["state"], validation: number | null): CellReport => ({
    ...{ cell: cells[i]!, state, validation, step: 8, steps: 8, seconds: null },
    error: state === "failed" ? "error[data.path]: gone" : null,
  });
  const half = [report(0, "done", 0.5), report(1, "running", 0.9), report(2, "done", 0.2)];
  assert.deepEqual(trialResults([...half, report(3, "failed", null)]), [
    { id: "7", state: "running", value: null, cells: { "cmc-trial-7-seed0": 0.5 }, errors: [] },
    {
      id: "b",
      state: "failed",
      value: null,
      cells: { "cmc-trial-b-seed0": 0.2 },
      errors: ["error[data.path]: gone"],
    },
  ]);
  const [first] = trialResults(half.with(1, report(1, "done", 0.75)));
  assert.deepEqual([first!.state, first!.value], ["done", 0.625]);
});

Deno.test("what is no list of trials is refused with its place", () => {
  for (const value of [[], {}, [{ id: "" }], [{ settings: {} }], [{ id: 1, settings: {}, value: 2 }]]) {
    assert.throws(() => parseTrials(value, "t.json"), { code: "sweep.trials", message: /^t\.json: / });
  }
});
