/** jax-js: `jax_js.ts BACKEND THREADS WORKLOAD PACKAGE`. */

import type { WorkloadName } from "../names.ts";
import { serve } from "../serve.ts";
import { type Jax, type JaxArray, openJax, random } from "./jax_library.ts";
import { unetStep } from "./jax_unet.ts";

const [backend, threads, workload, specifier] = Deno.args as [string, string, WorkloadName, string];

/** Runs a compiled function and waits for all it returns. */
function once(jax: Jax, f: (...inputs: JaxArray[]) => JaxArray | readonly JaxArray[], inputs: JaxArray[]) {
  return async () => {
    const result = f(...inputs.map((input) => input.ref));
    const outputs = [result].flat() as JaxArray[];
    await jax.blockUntilReady(outputs);
    for (const output of outputs) output.dispose();
  };
}

function attention({ numpy, nn }: Jax, q: JaxArray, k: JaxArray, v: JaxArray): JaxArray {
  const scores = numpy.matmul(q, k.transpose([0, 2, 1])).mul(1 / 8);
  return numpy.matmul(nn.softmax(scores, -1), v);
}

function attentionOf(isBackward: boolean) {
  return (jax: Jax) => {
    const inputs = [0, 1, 2].map(() => random(jax, [12, 512, 64]));
    const forward = (q: JaxArray, k: JaxArray, v: JaxArray) => attention(jax, q, k, v);
    const gradients = jax.grad((x: JaxArray[]) => forward(x[0]!, x[1]!, x[2]!).sum());
    const both = (...x: JaxArray[]) => gradients(x);
    return once(jax, isBackward ? jax.jit(both) : jax.jit(forward), inputs);
  };
}

function convolution(channels: number, size: number, isBackward: boolean) {
  return (jax: Jax) => {
    const x = random(jax, [2, channels, size, size, size]);
    const w = random(jax, [channels, channels, 3, 3, 3]);
    const g = random(jax, [2, channels, size, size, size]);
    const forward = (x: JaxArray, w: JaxArray) => jax.lax.convGeneralDilated(x, w, [1, 1, 1], "SAME");
    if (!isBackward) return once(jax, jax.jit(forward), [x, w]);
    const both = jax.valueAndGrad((p: JaxArray[], g: JaxArray) => forward(p[0]!, p[1]!).mul(g).sum());
    const flat = (x: JaxArray, w: JaxArray, g: JaxArray) => {
      const [value, gradients] = both([x, w], g);
      return [value, ...gradients];
    };
    return once(jax, jax.jit(flat), [x, w, g]);
  };
}

const workloads: Partial<Record<WorkloadName, (jax: Jax) => () => Promise<void>>> = {
  "matmul 1024³": (jax) =>
    once(
      jax,
      jax.jit((a: JaxArray, b: JaxArray) => jax.numpy.matmul(a, b)),
      [random(jax, [1024, 1024]), random(jax, [1024, 1024])],
    ),
  "attention 12×512×64 forward": attentionOf(false),
  "attention 12×512×64 forward + backward": attentionOf(true),
  "layer norm 512×768 forward": (jax) =>
    once(
      jax,
      jax.jit((x: JaxArray, gamma: JaxArray, beta: JaxArray) =>
        jax.nn.standardize(x, -1, { epsilon: 1e-5 }).mul(gamma).add(beta)
      ),
      [random(jax, [512, 768]), jax.numpy.ones([768]), jax.numpy.zeros([768])],
    ),
  "GELU 4 M forward": (jax) =>
    once(jax, jax.jit((x: JaxArray) => jax.nn.gelu(x, { approximate: false })), [
      random(jax, [4 * 1024 ** 2]),
    ]),
  "conv3d 32→32 32³ forward": convolution(32, 32, false),
  "conv3d 32→32 32³ forward + backward": convolution(32, 32, true),
  "conv3d 16→16 64³ forward": convolution(16, 64, false),
  "conv3d 16→16 64³ forward + backward": convolution(16, 64, true),
  "UNet3D 16/32/64 32³ step, N = 1": (jax) => unetStep(jax, [16, 32, 64], 32, 1),
  "UNet3D 16/32/64 64³ step": (jax) => unetStep(jax, [16, 32, 64], 64, 2),
};

await serve(async () => {
  const prepare = workloads[workload];
  if (!prepare) return { refused: "not written for this library" };
  const jax = await openJax(specifier, backend, Number(threads));
  return { version: `${specifier.slice(4)}, ${backend}, ${threads} thread(s)`, run: prepare(jax) };
});
