import assert from "node:assert/strict";
import golden from "../../golden/eval/statistics.json" with { type: "json" };
import { bootstrapInterval } from "../../../eval/statistics/bootstrap.ts";
import { cohenDz, rankBiserial } from "../../../eval/statistics/effect_size.ts";
import { holm } from "../../../eval/statistics/holm.ts";
import { pairedPermutation } from "../../../eval/statistics/permutation.ts";
import { wilcoxonSignedRank } from "../../../eval/statistics/wilcoxon.ts";
import { Random } from "../../../tensor/random.ts";

interface Sample {
  differences: number[];
  pratt: number;
  drop?: number;
  mean?: number;
}

const samples = golden.samples as Sample[];
const close = (got: number | null, want: number, what: string): void =>
  assert.ok(
    got !== null && Math.abs(got - want) <= 1e-9 * Math.max(want, 1e-3),
    `${what}: ${got}, SciPy ${want}`,
  );

Deno.test("wilcoxonSignedRank() equals SciPy on 50 random samples with ties and zeros", () => {
  assert.equal(samples.length, 50);
  samples.forEach(({ differences, pratt, drop }, i) => {
    close(wilcoxonSignedRank(differences).p, pratt, `sample ${i}, Pratt`);
    if (drop !== undefined) {
      close(wilcoxonSignedRank(differences, { zeros: "drop" }).p, drop, `sample ${i}, drop`);
    }
  });
});

Deno.test("pairedPermutation() equals SciPy where all sign assignments are counted", () => {
  const exact = samples.filter((s) => s.mean !== undefined);
  assert.ok(exact.length >= 20);
  exact.forEach(({ differences, mean }, i) => close(pairedPermutation(differences).p, mean!, `sample ${i}`));
});

Deno.test("pairedPermutation() samples many pairs, the same for the same seed, near the exact p", () => {
  const random = new Random(4), exactly = Array.from({ length: 16 }, () => random.normal(0.3));
  const exact = pairedPermutation(exactly);
  assert.equal(exact.method, "exact");
  const padded = [...exactly, 0]; // a pair without difference changes no sum
  const sampled = pairedPermutation(padded, { seed: 1 });
  assert.equal(sampled.method, "sampled");
  assert.ok(Math.abs(sampled.p! - exact.p!) < 0.02, `${sampled.p} ${exact.p}`);
  assert.deepEqual(pairedPermutation(padded, { seed: 1 }), sampled);
});

Deno.test("no p-value is given below six pairs", () => {
  assert.equal(wilcoxonSignedRank([1, 2, 3, 4, 5]).p, null);
  assert.equal(pairedPermutation([1, 2, 3, 4, 5]).p, null);
  assert.equal(wilcoxonSignedRank([0, 0, 0, 0, 0, 0]).p, 1);
});

Deno.test("tests refuse NaN and nothing", () => {
  for (const run of [wilcoxonSignedRank, pairedPermutation, bootstrapInterval, rankBiserial, cohenDz]) {
    assert.throws(() => run([1, NaN]), { code: "eval.statistics", message: /value 1 is NaN/ });
    assert.throws(() => run([]), { code: "eval.statistics" });
  }
});

Deno.test("holm() adjusts step by step, keeps the order and never exceeds 1", () => {
  assert.deepEqual(holm([0.5, 0.01, null, 0.02, 0.5]), [1, 0.04, null, 0.06, 1]);
  assert.deepEqual(holm([]), []);
});

Deno.test("bootstrapInterval() covers the true mean about as often as it says", () => {
  const random = new Random(12);
  let covered = 0;
  for (let trial = 0; trial < 200; trial++) {
    const values = Array.from({ length: 30 }, () => random.normal(2));
    const [low, high] = bootstrapInterval(values, { resamples: 400, seed: trial });
    if (low <= 2 && 2 <= high) covered++;
  }
  assert.ok(covered > 175 && covered < 200, `${covered} of 200`);
});

Deno.test("rankBiserial() and cohenDz() follow their formulas", () => {
  assert.equal(rankBiserial([2, 2, -1, 0]), (2.5 + 2.5 - 1) / 6);
  assert.equal(rankBiserial([0, 0]), 0);
  assert.ok(Math.abs(cohenDz([1, 3])! - Math.SQRT2) < 1e-12);
  assert.equal(cohenDz([1, 1]), null);
});
