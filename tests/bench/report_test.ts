import assert from "node:assert/strict";
import { linearFit } from "./linear_fit.ts";
import { median } from "./measure.ts";
import { Expectations, runsOf, summarise } from "./measure_row.ts";
import { installation, ours, peers } from "./programs.ts";
import { report } from "./report.ts";
import { markdownTable, short } from "./table.ts";

const sample = (wall: number) => ({ wall, processor: 2 * wall, residentMiB: 10 * wall });

Deno.test("median() is the middle value, whatever the order, and refuses an empty list", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 3);
  assert.throws(() => median([]), RangeError);
});

Deno.test("summarise() sets the first run apart and takes the last samples, warm-up among them where there are few", () => {
  const many = summarise("v", [100, 90, 80, 70, 50, 40, 1, 2, 3, 4, 5].map(sample), 5);
  assert.deepEqual([many.firstMs, many.repetitions, many.wall, many.processor], [100, 5, 3, 6]);
  assert.equal(summarise("v", [100, 50, 40, 1, 2, 3, 4, 5].map(sample), 9).repetitions, 5);
  assert.equal(summarise("v", [100, 50, 1, 2, 3, 4, 5].map(sample), 9).repetitions, 5);
  assert.equal(summarise("v", [100, 50, 40].map(sample), 9).repetitions, 2);
  const one = summarise("v", [sample(100)], 5);
  assert.deepEqual([one.repetitions, one.wall, one.residentMiB], [0, 100, 1000]);
});

Deno.test("runsOf() fills 50 ms, with queued runs 250, with runs of a short workload, as the sample before says", () => {
  assert.equal(runsOf({}, undefined), 1);
  const walls = [0.001, 0.25, 9, 49, 1000];
  assert.deepEqual(walls.map((wall) => runsOf({}, sample(wall))), [1000, 200, 6, 1, 1]);
  assert.deepEqual(walls.map((wall) => runsOf({ isQueued: true }, sample(wall))), [1000, 1000, 28, 5, 1]);
});

Deno.test("Expectations predict convolutions from convolutions, other rows only from themselves", () => {
  const expectations = new Expectations(), program = ours("cpu");
  expectations.learn(program, "conv3d 32→32 32³ forward", 100, 10);
  assert.equal(expectations.expect(program, "UNet3D 16/32/64 64³ step", 1000), 100);
  assert.equal(expectations.expect(program, "matmul 1024³", 1000), undefined);
  assert.equal(expectations.expect(ours("webgpu"), "UNet3D 16/32/64 64³ step", 1000), undefined);
});

Deno.test("linearFit() finds a line and says how well it fits", () => {
  const exact = linearFit([[0, 1], [1, 3], [2, 5]]);
  assert.deepEqual(exact, { slope: 2, intercept: 1, r2: 1 });
  const bent = linearFit([[0, 0], [1, 1], [2, 4]]);
  assert.ok(Math.abs(bent.slope - 2) < 1e-12 && Math.abs(bent.r2 - 12 / 13) < 1e-12);
  assert.throws(() => linearFit([[1, 1], [1, 2]]), RangeError);
});

Deno.test("markdownTable() aligns columns by characters, not code units", () => {
  assert.equal(
    markdownTable(["a", "ms"], [["32³", "1.5"], ["𝛾", "10"]]),
    ["| a   |  ms |", "| --- | --: |", "| 32³ | 1.5 |", "| 𝛾   |  10 |"].join("\n"),
  );
  assert.deepEqual([1234.5, 12.34, 1.234].map(short), ["1235", "12.3", "1.23"]);
});

Deno.test("report() marks few runs, compares with each peer and says why a number is missing", () => {
  const text = report(
    [{
      workload: "conv3d 32→32 32³ forward",
      operations: 4e6,
      outcomes: {
        ours: { ...summarise("cpu", [9, 8, 7, 2, 2, 2, 2, 2].map(sample), 5), tensorMiB: 3 },
        "jax-js-wasm": summarise("jax", [sample(200)], 5),
        "tensorflow-wasm": summarise("tf", [150, 100, 100, 100, 100].map(sample), 5),
        pytorch: { refused: "not installed" },
      },
    }],
    ["ours", "pytorch", "jax-js-wasm", "tensorflow-wasm"],
    5,
  );
  assert.match(text, /\| 2\.00 \(2\.00\) \| +– \| 200‡ \(0\.02\) \| +100† \(0\.04\) \|/);
  assert.match(text, /\| +– \| +100× \| +50\.0× \| +50\.0× \|/);
  assert.match(text, /- pytorch: not installed\n/);
  assert.match(text, /20\.0 \(3\.00\)/);
});

Deno.test("report() says in brackets how the fast mode compares; it is no peer itself", () => {
  const outcomes = { "ours": sample(4), "ours-fast": sample(2), pytorch: sample(6) };
  const workload = "GELU 4 M forward", programs = Object.keys(outcomes);
  const measured = Object.fromEntries(
    Object.entries(outcomes).map(([name, one]) => [name, summarise(name, [one], 5)]),
  );
  const text = report([{ workload, operations: 0, outcomes: measured }], programs, 5);
  assert.match(text, /\| workload +\| +pytorch \|\n.*\n\| GELU 4 M forward \| 1\.50× \(3\.00×\) \|/);
});

Deno.test("README names the command that installs the peers of the table", async () => {
  const readme = await Deno.readTextFile(new URL("./README.md", import.meta.url));
  assert.ok(readme.replaceAll(" \\\n  ", " ").includes(`\n${installation(peers)}\n`), installation(peers));
});
