/** Exported ONNX models compute in ONNX Runtime what networks compute here. */

import assert from "node:assert/strict";
import { varint } from "../../../model/protobuf.ts";
import { encodeOnnx } from "../../../model/export/onnx/model.ts";
import { exportOnnx } from "../../../model/export/onnx/onnx.ts";
import { translatedKernels } from "../../../model/export/onnx/operators.ts";
import { TracingDevice } from "../../../model/export/onnx/tracing_device.ts";
import {
  encodeCheckpoint,
  methodNamed,
  openPredictor,
  patchPredictor,
  resolveConfig,
  type TrainOptions,
} from "../../../model/mod.ts";
import { noGrad } from "../../../tensor/autograd.ts";
import { openOracle } from "../../../tensor/cpu/oracle.ts";
import { openDevice } from "../../../tensor/mod.ts";
import { elementwiseOps } from "../../../tensor/ops/elementwise.ts";
import { type AnyOp, resultsOf, type Sample } from "../../../tensor/ops/op.ts";
import { kernelOps } from "../../../tensor/ops/registry.ts";
import { Random } from "../../../tensor/random.ts";
import { scope } from "../../../tensor/scope.ts";
import { callOp, hostInputs, toDevice } from "../../tensor/samples.ts";
import { smallPreparation } from "../train/setting.ts";
import { openModel } from "./onnx_runtime.ts";

Deno.test("varint() has seven bits a byte, the lowest first, and 64 bits for negative numbers", () => {
  assert.deepEqual(varint(0), [0]);
  assert.deepEqual(varint(127), [127]);
  assert.deepEqual(varint(300), [0xac, 0x02]); // the example of the Protocol Buffers documentation
  assert.deepEqual(varint(-1), [...new Array(9).fill(0xff), 1]);
});

/** The model of one call of an op; of several results the last. */
function modelOf(op: AnyOp, sample: Sample<unknown>): Uint8Array<ArrayBuffer> {
  using device = new TracingDevice();
  noGrad(() => {
    const tensors = toDevice(device, sample.inputs, hostInputs(sample, op.name));
    tensors.forEach((tensor, at) => tensor.dtype === "f32" && device.nameInput(`in${at}`, tensor.operand()));
    device.nameOutput("out", resultsOf(op, callOp(op, tensors, sample.attributes)).at(-1)!.operand());
  });
  return encodeOnnx(device.graph());
}

/** What the float64 oracle says. */
async function expected(op: AnyOp, sample: Sample<unknown>): Promise<ArrayLike<number>> {
  using device = openOracle();
  const all = callOp(op, toDevice(device, sample.inputs, hostInputs(sample, op.name)), sample.attributes);
  return await resultsOf(op, all).at(-1)!.data();
}

function mostApart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  let most = 0;
  for (let at = 0; at < a.length; at++) {
    most = Math.max(most, Math.abs(a[at]! - b[at]!) / (1 + Math.abs(b[at]!)));
  }
  return most;
}

Deno.test("every op with a form in ONNX computes there what it computes here, on its samples", async (t) => {
  for (
    const op of [...translatedKernels.map((name): AnyOp => kernelOps[name]), ...Object.values(elementwiseOps)]
  ) {
    await t.step(op.name, async () => {
      for (const sample of op.samples) {
        const run = await openModel(modelOf(op, sample));
        const data = hostInputs(sample, op.name);
        const feeds = sample.inputs.flatMap((input, at) =>
          "classes" in input ? [] : [[`in${at}`, { shape: input.shape, data: data[at]! }] as const]
        );
        const { out } = await run(Object.fromEntries(feeds));
        assert.ok(mostApart(out!, await expected(op, sample)) < 2e-5, JSON.stringify(sample.attributes));
      }
    });
  }
});

/** A checkpoint of a network as it is initialised, and what it says of noise, here and in ONNX Runtime. */
async function bothSay(options: TrainOptions, aligned = true) {
  const config = resolveConfig({ patch: [16, 16, 16], ...options });
  const preparation = { ...smallPreparation, aligned };
  using device = await openDevice("cpu", { threads: 1 });
  const task = { modalities: 2, classes: preparation.classes.length + 1, aligned };
  using network = methodNamed(config.method).build(
    { device, random: new Random(4) },
    task,
    config,
    config.settings,
  );
  const info = { config, preparation, step: 0, best: null, split: "", data: "" };
  const bytes = encodeCheckpoint(info, await network.stateDict());
  using predictor = openPredictor(bytes, device);
  const random = new Random(5), shape = [1, 1, ...config.patch];
  const images = [0, 1].map(() =>
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal())
  );
  const run = await openModel(exportOnnx(bytes));
  const theirs = await run({ ct: { shape, data: images[0]! }, mr: { shape, data: images[1]! } });
  const say = (present: boolean[]) =>
    patchPredictor(device, predictor.segment.network, config.patch, present)(
      images.filter((_, at) => present[at]),
      1,
    );
  const mine = aligned ? await say([true, true]) : [...await say([true, false]), ...await say([false, true])];
  return [mine, [theirs["probabilities_ct"]!, theirs["probabilities_mr"]!]] as const;
}

const networks: Readonly<Record<string, TrainOptions>> = {
  "cmc": { method: "cmc" },
  "cmc with a Vision Transformer": { method: "cmc", preset: "vit-tiny", patch: [32, 32, 32] },
  "cmc with one encoder, concatenation": {
    method: "cmc",
    settings: { encoders: "shared", combine: "concat" },
  },
  "cmc-released": { method: "cmc-released" },
  "early fusion": { method: "early-fusion" },
  "late fusion": { method: "late-fusion" },
  "umml": { method: "umml" },
};

Deno.test("networks say in ONNX Runtime what they say here", async (t) => {
  for (const [name, options] of Object.entries(networks)) {
    await t.step(name, async () => {
      const [mine, theirs] = await bothSay(options);
      mine.forEach((p, at) => assert.ok(mostApart(theirs[at]!, p) < 1e-4));
      assert.ok(mostApart(mine[0]!, mine[0]!.map(() => 0.5)) > 0.01, "the probabilities are not all alike");
    });
  }
  await t.step("scans that share no space", async () => {
    const [mine, theirs] = await bothSay({ method: "cmc" }, false);
    mine.forEach((p, at) => assert.ok(mostApart(theirs[at]!, p) < 1e-4));
  });
});

Deno.test("an op without a form in ONNX is refused by name", () => {
  const op = kernelOps.oneHot;
  assert.throws(() => scope(() => void modelOf(op, op.samples[0]!)), {
    code: "export.operator",
    message: /oneHot/,
  });
});
