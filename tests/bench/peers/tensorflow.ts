/**
 * TensorFlow.js: `tensorflow.ts BACKEND THREADS WORKLOAD CORE-PACKAGE BACKEND-PACKAGE`. On Deno its WebAssembly
 * backend finds SIMD but no threads, so it runs on one.
 */

import type { WorkloadName } from "../names.ts";
import { serve } from "../serve.ts";
import { randomValues } from "./random_values.ts";

const [backend, , workload, core, extension] = Deno.args as [string, string, WorkloadName, string, string];

/** A tensor. */
interface TfTensor {
  data(): Promise<unknown>;
}

type Operand = TfTensor | number;

/** What the benchmark uses of the package. */
interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array, shape: readonly number[]): TfTensor;
  tidy<T>(f: () => T): T;
  dispose(tensors: readonly TfTensor[]): void;
  add(a: Operand, b: Operand): TfTensor;
  sub(a: Operand, b: Operand): TfTensor;
  mul(a: Operand, b: Operand): TfTensor;
  erf(x: TfTensor): TfTensor;
  rsqrt(x: TfTensor): TfTensor;
  sum(x: TfTensor): TfTensor;
  softmax(x: TfTensor, axis: number): TfTensor;
  moments(x: TfTensor, axes: number, keepDims: boolean): { mean: TfTensor; variance: TfTensor };
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor;
  conv3d(x: TfTensor, w: TfTensor, strides: number, padding: "same"): TfTensor;
  grads(f: (...inputs: TfTensor[]) => TfTensor): (inputs: readonly TfTensor[]) => TfTensor[];
}

function random(tf: TensorFlow, shape: readonly number[]): TfTensor {
  return tf.tensor(randomValues(shape), shape);
}

/** Runs ops and waits for all they return. */
function once(tf: TensorFlow, f: () => readonly TfTensor[]): () => Promise<void> {
  return async () => {
    const outputs = tf.tidy(f);
    // One copy waits for the queue; the others would measure copying.
    await outputs.at(-1)!.data();
    tf.dispose(outputs);
  };
}

function attentionOf(isBackward: boolean) {
  return (tf: TensorFlow) => {
    const inputs = [0, 1, 2].map(() => random(tf, [12, 512, 64]));
    const forward = (q: TfTensor, k: TfTensor, v: TfTensor) =>
      tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / 8), -1), v);
    const gradients = tf.grads((q, k, v) => tf.sum(forward(q!, k!, v!)));
    return once(
      tf,
      isBackward ? () => gradients(inputs) : () => [forward(inputs[0]!, inputs[1]!, inputs[2]!)],
    );
  };
}

/** Channels last, as its kernels have it. */
function convolution(channels: number, size: number, isBackward: boolean) {
  return (tf: TensorFlow) => {
    const x = random(tf, [2, size, size, size, channels]);
    const w = random(tf, [3, 3, 3, channels, channels]);
    const g = random(tf, [2, size, size, size, channels]);
    const forward = (x: TfTensor, w: TfTensor) => tf.conv3d(x, w, 1, "same");
    const gradients = tf.grads((x, w) => tf.sum(tf.mul(forward(x!, w!), g)));
    return once(tf, isBackward ? () => gradients([x, w]) : () => [forward(x, w)]);
  };
}

const workloads: Partial<Record<WorkloadName, (tf: TensorFlow) => () => Promise<void>>> = {
  "matmul 1024³": (tf) => {
    const [a, b] = [random(tf, [1024, 1024]), random(tf, [1024, 1024])];
    return once(tf, () => [tf.matMul(a, b)]);
  },
  "attention 12×512×64 forward": attentionOf(false),
  "attention 12×512×64 forward + backward": attentionOf(true),
  "layer norm 512×768 forward": (tf) => {
    const [x, gamma, beta] = [random(tf, [512, 768]), random(tf, [768]), random(tf, [768])];
    return once(tf, () => {
      const { mean, variance } = tf.moments(x, -1, true);
      const unit = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
      return [tf.add(tf.mul(unit, gamma), beta)];
    });
  },
  "GELU 4 M forward": (tf) => {
    const x = random(tf, [4 * 1024 ** 2]);
    return once(tf, () => [tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))]);
  },
  "conv3d 32→32 32³ forward": convolution(32, 32, false),
  "conv3d 32→32 32³ forward + backward": convolution(32, 32, true),
  "conv3d 16→16 64³ forward": convolution(16, 64, false),
  "conv3d 16→16 64³ forward + backward": convolution(16, 64, true),
};

await serve(async () => {
  const prepare = workloads[workload];
  if (!prepare && backend === "webgpu" && workload.includes("step")) {
    return { refused: "does not train 3D networks: the gradient of leaky ReLU needs a `where` of five axes" };
  }
  if (!prepare) return { refused: "not written for this library" };
  const tf: TensorFlow = await import(core);
  const { setWasmPaths } = await import(extension) as { setWasmPaths?: (folder: string) => void };
  setWasmPaths?.(new URL("./", import.meta.resolve(extension)).pathname);
  if (!await tf.setBackend(backend)) throw new Error(`the backend ${backend} does not start`);
  return { version: `${core.slice(4)}, ${backend}`, run: prepare(tf) };
});
