/**
 * ONNX Runtime Web: `onnxruntime.ts BACKEND THREADS WORKLOAD PACKAGE`. Forward only: it does not train. Its
 * threads load a `blob:` module, which Deno refuses to packages, so on the processor it runs on one.
 */

import type { WorkloadName } from "../names.ts";
import { serve } from "../serve.ts";
import { encodeOnnx, type OnnxNode, type OnnxShapes } from "../../../model/export/onnx/model.ts";
import { randomValues } from "./random_values.ts";

const [backend, , workload, specifier] = Deno.args as [string, string, WorkloadName, string];

/** What the benchmark uses of the package. */
interface OnnxRuntime {
  readonly env: { readonly wasm: { wasmPaths: string; numThreads: number } };
  readonly Tensor: new (dtype: "float32", data: Float32Array, shape: readonly number[]) => unknown;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: { executionProviders: string[] },
    ): Promise<{ run(feeds: Record<string, unknown>): Promise<unknown> }>;
  };
}

interface Model {
  readonly inputs: OnnxShapes;
  readonly nodes: readonly OnnxNode[];
  /** Of the output `y`. */
  readonly output: readonly number[];
}

function convolution(channels: number, size: number): Model {
  const shape = [2, channels, size, size, size];
  const attributes = { kernel_shape: [3, 3, 3], pads: [1, 1, 1, 1, 1, 1], strides: [1, 1, 1] };
  return {
    inputs: { x: shape, w: [channels, channels, 3, 3, 3] },
    nodes: [{ operator: "Conv", inputs: ["x", "w"], output: "y", attributes }],
    output: shape,
  };
}

const models: Partial<Record<WorkloadName, Model>> = {
  "matmul 1024³": {
    inputs: { a: [1024, 1024], b: [1024, 1024] },
    nodes: [{ operator: "MatMul", inputs: ["a", "b"], output: "y" }],
    output: [1024, 1024],
  },
  "attention 12×512×64 forward": {
    inputs: { q: [12, 512, 64], k: [12, 512, 64], v: [12, 512, 64], scale: [1] },
    nodes: [
      { operator: "Transpose", inputs: ["k"], output: "kt", attributes: { perm: [0, 2, 1] } },
      { operator: "MatMul", inputs: ["q", "kt"], output: "products" },
      { operator: "Mul", inputs: ["products", "scale"], output: "scores" },
      { operator: "Softmax", inputs: ["scores"], output: "weights", attributes: { axis: -1 } },
      { operator: "MatMul", inputs: ["weights", "v"], output: "y" },
    ],
    output: [12, 512, 64],
  },
  "layer norm 512×768 forward": {
    inputs: { x: [512, 768], gamma: [768], beta: [768] },
    nodes: [{ operator: "LayerNormalization", inputs: ["x", "gamma", "beta"], output: "y" }],
    output: [512, 768],
  },
  "GELU 4 M forward": {
    inputs: { x: [4 * 1024 ** 2] },
    nodes: [{ operator: "Gelu", inputs: ["x"], output: "y" }],
    output: [4 * 1024 ** 2],
  },
  "conv3d 32→32 32³ forward": convolution(32, 32),
  "conv3d 16→16 64³ forward": convolution(16, 64),
};

await serve(async () => {
  const model = models[workload];
  if (!model) {
    return { refused: /backward|step/.test(workload) ? "does not train" : "not written for this library" };
  }
  const entry = `${specifier}/${backend}`;
  const runtime: OnnxRuntime = await import(entry);
  runtime.env.wasm.wasmPaths = new URL("./", import.meta.resolve(entry)).href;
  runtime.env.wasm.numThreads = 1;
  const session = await runtime.InferenceSession.create(
    encodeOnnx({ ...model, outputs: { y: model.output }, operatorSet: 20 }),
    { executionProviders: [backend] },
  );
  const feeds = Object.fromEntries(
    Object.entries(model.inputs).map(([name, shape]) =>
      [name, new runtime.Tensor("float32", randomValues(shape), shape)] as const
    ),
  );
  return {
    version: `${specifier.slice(4)}, ${backend}, 1 thread`,
    run: async () => void await session.run(feeds),
  };
});
