import assert from "node:assert/strict";
import {
  costOf,
  learningRateFactor,
  methodNamed,
  resolveConfig,
  type TrainOptions,
  unlabelledFactor,
} from "../../../model/mod.ts";
import { Progress } from "../../../model/mod.ts";

Deno.test("resolveConfig() fills in defaults and takes the preset's patch", () => {
  const config = resolveConfig({ preset: "unet-small" });
  assert.deepEqual(config.patch, [64, 64, 64]);
  assert.equal(config.method, "cmc");
});

Deno.test("resolveConfig() of its own result is the same text, so that a resumed run writes the same bytes", () => {
  const config = resolveConfig({ steps: 7 });
  assert.equal(JSON.stringify(resolveConfig(config)), JSON.stringify(config));
});

Deno.test("resolveConfig() names the nearest known setting", () => {
  const typo = { lerningRate: 1 } as object;
  assert.throws(() => resolveConfig(typo), { code: "config.key", fix: 'Did you mean "learningRate"?' });
});

Deno.test("resolveConfig() refuses bad values", () => {
  assert.throws(() => resolveConfig({ learningRate: -1 }), { code: "config.value" });
  assert.throws(() => resolveConfig({ steps: 1.5 }), { code: "config.value" });
});

Deno.test("a mistyped method, and a setting of another method, are named with what was meant", () => {
  assert.throws(() => resolveConfig({ method: "supervisd" }), {
    code: "method.unknown",
    fix: 'Did you mean "supervised"?',
  });
  assert.throws(() => resolveConfig({ settings: { cscWieght: 1 } }), {
    code: "config.key",
    fix: 'Did you mean "cscWeight"?',
  });
  assert.throws(() => resolveConfig({ method: "supervised", settings: { cscWeight: 1 } }), {
    message: 'supervised has no setting "cscWeight"',
  });
  assert.throws(() => resolveConfig({ settings: { cscForm: "cosinus" } }), {
    code: "config.value",
    message: 'cscForm is "cosinus"; expected cosine, contrastive, pooled',
  });
  assert.throws(() => resolveConfig({ settings: { cacWeight: -1 } }), { code: "config.value" });
});

Deno.test("resolveConfig() prints the next valid patch", () => {
  assert.throws(() => resolveConfig({ patch: [30, 32, 8] }), {
    code: "config.patch",
    fix: "The next valid patch is 32,32,16.",
  });
});

Deno.test("the learning rate rises, stays, and falls to 0", () => {
  const phases = { steps: 100, semiSupervisedFrom: 40 };
  assert.equal(learningRateFactor(0, phases), 0.2);
  assert.equal(learningRateFactor(4, phases), 1);
  assert.equal(learningRateFactor(39, phases), 1);
  assert.ok(Math.abs(learningRateFactor(70, phases) - 0.5) < 1e-12);
  assert.ok(learningRateFactor(99, phases) < 1e-3);
});

Deno.test("the unlabelled losses start after the supervised phase and reach their weight", () => {
  const phases = { steps: 100, semiSupervisedFrom: 40 };
  assert.equal(unlabelledFactor(39, phases), 0);
  assert.ok(Math.abs(unlabelledFactor(40, phases) - Math.exp(-5 * (1 - 1 / 24) ** 2)) < 1e-12);
  assert.equal(unlabelledFactor(63, phases), 1);
  assert.equal(unlabelledFactor(99, phases), 1);
});

Deno.test("costOf() counts multiply-adds as the method's description does", async () => {
  // 31 G multiply-adds for a pair at 64³ with base width 8; its K is 14.
  const { multiplyAdds, parameters } = await costOf(resolveConfig({ preset: "unet-small" }), {
    modalities: 2,
    classes: 14,
  });
  assert.equal(Math.round(multiplyAdds / 1e9), 31);
  assert.ok(parameters > 3e6 && parameters < 4e6);
});

Deno.test("costOf() counts what stays between steps: parameters, moments, an average, and apart what a step needs", async () => {
  const task = { modalities: 2, classes: 4 };
  const cost = (options: TrainOptions) => costOf(resolveConfig({ patch: [16, 16, 16], ...options }), task);
  const adamw = await cost({}), bytes = 4 * adamw.parameters, share = (n: number) => n / bytes;
  assert.equal(Math.round(share(adamw.stateBytes)), 3); // parameters and two moments
  assert.equal(Math.round(share((await cost({ optimizer: "sgd" })).stateBytes)), 2);
  assert.equal(Math.round(share((await cost({ averageDecay: 0.9 })).stateBytes)), 4);
  assert.equal(adamw.stateBytes + adamw.activationBytes, adamw.peakBytes);
  // The gradients of a batch wait for the next one's.
  const more = (await cost({ accumulate: 3 })).activationBytes - adamw.activationBytes;
  assert.ok(share(more) > 0.5 && share(more) < 1.5, `${share(more)}`);
});

Deno.test("Progress shows the number of compiled kernels in one line of a terminal", () => {
  const written: string[] = [];
  let now = 0;
  const progress = new Progress({ isTerminal: true, write: (text) => written.push(text) }, 10, () => now);
  for (let kernels = 1; kernels <= 10; kernels++) {
    now += 50;
    progress.busy(`compiling kernels: ${kernels}`);
  }
  progress.step(1, "loss 1");
  assert.deepEqual(written.slice(0, 3), [1, 5, 9].map((n) => `\r\x1b[Kcompiling kernels: ${n}`));
});

Deno.test("Progress stays in one line of a narrow terminal", () => {
  for (const [columns, longest] of [[120, 119], [60, 59], [30, 29]] as const) {
    const written: string[] = [];
    const sink = { isTerminal: true, columns, write: (text: string) => written.push(text) };
    const progress = new Progress(sink, 4000, () => 1e6 * written.length);
    progress.busy("validation: a_case_with_a_long_name (1 of 12)", 0.5);
    for (const done of [1233, 1234]) progress.step(done, "loss 1.2345");
    for (const text of written) {
      const shown = text.replace("\r\x1b[K", "");
      assert.ok([...shown].length <= longest, `${shown} is longer than ${longest}`);
    }
    const last = written.at(-1)!;
    assert.equal(last.includes("█░"), columns > 30, "the bar goes before the numbers do");
    assert.ok(last.includes("1234/4000  loss 1.2345"));
    assert.equal(last.endsWith(" left"), columns > 30);
  }
});

Deno.test("Progress writes plain lines when piped and says what is left", () => {
  const lines: string[] = [];
  let now = 0;
  const progress = new Progress({ isTerminal: false, write: (line) => lines.push(line) }, 10, () => now);
  for (let step = 1; step <= 10; step++) {
    now += step === 1 ? 60_000 : 6000;
    progress.step(step, "loss 1");
  }
  // The first step compiles kernels as well, and says nothing about the others.
  assert.equal(lines[0], "step  1/10  loss 1\n");
  assert.equal(lines[1], "step  3/10  loss 1  6.00 s/step  0:42 left\n");
  assert.equal(lines.length, 6); // at most one in ten seconds, and the last
  assert.equal(lines.at(-1), "step 10/10  loss 1  6.00 s/step  0:00 left\n");
});

Deno.test("Progress shows what goes on between steps: at once on a terminal, when piped only what takes long", () => {
  for (const isTerminal of [true, false]) {
    const written: string[] = [];
    let now = 0;
    const progress = new Progress({ isTerminal, write: (text) => written.push(text) }, 10, () => now);
    for (let i = 0; i < 8; i++, now += 3000) progress.busy(`test: case ${i}`, (i + 1) / 8);
    progress.clear();
    if (isTerminal) {
      assert.deepEqual(written.slice(0, 2), ["\r\x1b[Ktest: case 0", "\r\x1b[Ktest: case 1  0:09 left"]);
      assert.equal(written.at(-1), "\r\x1b[K");
    } else assert.deepEqual(written, ["test: case 4  0:07 left\n"]);
  }
});

Deno.test("a frozen trunk has adapters of a quarter of its channels, unless it has others or corrections of low rank", () => {
  const rank = (options: TrainOptions) => resolveConfig({ preset: "vit-tiny", ...options }).adapterRank;
  assert.equal(rank({}), 0);
  assert.equal(rank({ trunk: "frozen" }), 12);
  assert.equal(rank({ trunk: "frozen", adapterRank: 5 }), 5);
  assert.equal(rank({ trunk: "frozen", loraRank: 4 }), 0);
});

Deno.test("settings of Vision Transformers are refused for U-Nets", () => {
  for (
    const options of [{ trunk: "frozen" }, { loraRank: 2 }, { adapterRank: 2 }, {
      positions: "sam-med3d",
    }] as const
  ) {
    assert.throws(() => resolveConfig({ preset: "unet-tiny", ...options }), { code: "config.value" });
  }
});

Deno.test("a Vision Transformer takes patches of whole tokens, at least two along each axis", () => {
  const of = (patch: [number, number, number]) => () => resolveConfig({ preset: "vit-tiny", patch });
  of([16, 32, 40])();
  assert.throws(of([32, 36, 32]), { code: "config.patch", fix: "The next valid patch is 32,40,32." });
  assert.throws(of([8, 32, 32]), { code: "config.patch" });
});

Deno.test("a whole cosine falls right after the rise, whatever the supervised phase", () => {
  const phases = { steps: 500, semiSupervisedFrom: 350 };
  const at = (step: number) => learningRateFactor(step, phases, { schedule: "whole-cosine", warmUp: 0.1 });
  assert.equal(at(24), 0.5);
  assert.equal(at(50), 1);
  assert.ok(Math.abs(at(275) - 0.5) < 1e-12);
  assert.ok(at(499) < 1e-4);
});

Deno.test("what is usual with a method is its default, and gives way to what is said", () => {
  const method = { ...methodNamed("supervised"), usual: { learningRate: 1e-4, warmUp: 0.1 } };
  const { learningRate, warmUp } = resolveConfig({ learningRate: 2e-4 }, method);
  assert.deepEqual([learningRate, warmUp], [2e-4, 0.1]);
});
