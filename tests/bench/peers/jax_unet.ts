/** A training step of the 3D U-Net in jax-js: the layers, loss and optimiser of ours, compiled as one function. */

import { type Jax, type JaxArray, random } from "./jax_library.ts";

type Parameters = { readonly [name: string]: JaxArray };
type State = readonly [parameters: Parameters, first: Parameters, second: Parameters];

/** Applies a function to each parameter. */
function mapValues<T>(parameters: { readonly [name: string]: T }, f: (value: T, name: string) => JaxArray) {
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, f(value, name)]));
}

class Network {
  readonly parameters: Record<string, JaxArray> = {};
  readonly #jax: Jax;
  readonly #channels: readonly number[];

  constructor(jax: Jax, channels: readonly number[], classes: number) {
    this.#jax = jax;
    this.#channels = channels;
    channels.forEach((c, i) => this.#addLevel(`encoder${i}`, channels[i - 1] ?? 1, c));
    channels.slice(0, -1).forEach((c, i) => {
      this.#addConvolution(`up${i}`, channels[i + 1]!, c, 2);
      this.#addLevel(`decoder${i}`, 2 * c, c);
    });
    this.#addConvolution("head", channels[0]!, classes, 1);
  }

  #addConvolution(name: string, inputs: number, outputs: number, kernel: number): void {
    const deviation = Math.sqrt(2 / (inputs * kernel ** 3));
    this.parameters[`${name}.weight`] = random(
      this.#jax,
      [outputs, inputs, kernel, kernel, kernel],
      deviation,
    );
    this.parameters[`${name}.bias`] = this.#jax.numpy.zeros([1, outputs, 1, 1, 1]);
  }

  #addLevel(name: string, inputs: number, outputs: number): void {
    for (const [i, from] of [inputs, outputs].entries()) {
      this.#addConvolution(`${name}.${i}`, from, outputs, 3);
      this.parameters[`${name}.${i}.gamma`] = this.#jax.numpy.ones([1, outputs, 1, 1, 1]);
      this.parameters[`${name}.${i}.beta`] = this.#jax.numpy.zeros([1, outputs, 1, 1, 1]);
    }
  }

  #level(p: Parameters, name: string, x: JaxArray): JaxArray {
    const { lax, nn } = this.#jax;
    for (const block of [`${name}.0`, `${name}.1`]) {
      const y = lax.convGeneralDilated(x, p[`${block}.weight`]!.ref, [1, 1, 1], "SAME")
        .add(p[`${block}.bias`]!.ref);
      const unit = nn.standardize(y, [2, 3, 4], { epsilon: 1e-5 });
      x = nn.leakyRelu(unit.mul(p[`${block}.gamma`]!.ref).add(p[`${block}.beta`]!.ref), 0.01);
    }
    return x;
  }

  #pool(x: JaxArray): JaxArray {
    const [n, c, d, h, w] = x.shape as [number, number, number, number, number];
    return this.#jax.numpy.max(x.reshape([n, c, d / 2, 2, h / 2, 2, w / 2, 2]), [3, 5, 7]);
  }

  forward(p: Parameters, x: JaxArray): JaxArray {
    const { lax, numpy } = this.#jax;
    const skips: JaxArray[] = [];
    let y = this.#level(p, "encoder0", x);
    for (let i = 1; i < this.#channels.length; i++) {
      skips.push(y.ref);
      y = this.#level(p, `encoder${i}`, this.#pool(y));
    }
    for (let i = skips.length - 1; i >= 0; i--) {
      const up = lax.convTranspose(y, p[`up${i}.weight`]!.ref, [2, 2, 2], "VALID").add(p[`up${i}.bias`]!.ref);
      y = this.#level(p, `decoder${i}`, numpy.concatenate([up, skips[i]!], 1));
    }
    return lax.convGeneralDilated(y, p["head.weight"]!.ref, [1, 1, 1], "SAME").add(p["head.bias"]!.ref);
  }
}

/** Dice + cross-entropy with one-hot labels. */
function diceCrossEntropy({ nn, numpy }: Jax, logits: JaxArray, oneHot: JaxArray): JaxArray {
  const logs = nn.logSoftmax(logits, 1);
  const crossEntropy = logs.ref.mul(oneHot.ref).sum(1).mean().mul(-1);
  const p = numpy.exp(logs);
  const axes = [2, 3, 4];
  const overlap = p.ref.mul(oneHot.ref).sum(axes).mul(2);
  const size = p.ref.mul(p).sum(axes).add(oneHot.sum(axes)).add(1e-6);
  return crossEntropy.add(overlap.div(size).mul(-1).add(1).mean());
}

/** AdamW after clipping the global norm to 1; the corrections of the moments come from outside. */
function adamw(
  { numpy }: Jax,
  [parameters, first, second]: State,
  gradients: Parameters,
  corrections: JaxArray[],
): State {
  const squares = Object.values(gradients).map((g) => g.ref.mul(g.ref).sum());
  const norm = numpy.sqrt(squares.reduce((a, b) => a.add(b)));
  const factor = numpy.minimum(numpy.ones([]).div(norm.add(1e-6)), 1);
  const g = mapValues(gradients, (value) => value.mul(factor.ref));
  const m = mapValues(first, (value, name) => value.mul(0.9).add(g[name]!.ref.mul(0.1)));
  const v = mapValues(second, (value, name) => value.mul(0.999).add(g[name]!.ref.mul(g[name]!).mul(0.001)));
  const [a, b] = corrections as [JaxArray, JaxArray];
  const p = mapValues(parameters, (value, name) => {
    const step = m[name]!.ref.mul(a.ref).div(numpy.sqrt(v[name]!.ref.mul(b.ref)).add(1e-8));
    return value.mul(1 - 1e-5).sub(step.mul(1e-3));
  });
  for (const used of [factor, a, b]) used.dispose();
  return [p, m, v];
}

/** Prepares the step of a cube; the result runs once. */
export function unetStep(jax: Jax, channels: readonly number[], size: number, samples: number) {
  const { numpy } = jax;
  const network = new Network(jax, channels, 2);
  const zeros = () => mapValues(network.parameters, (value) => numpy.zeros(value.shape));
  let state: State = [network.parameters, zeros(), zeros()];
  const x = random(jax, [samples, 1, size, size, size]);
  const voxels = size ** 3;
  const classes = Float32Array.from(
    { length: samples * 2 * voxels },
    (_, i) => Math.floor(i / voxels) % 2 === i % 2 ? 1 : 0,
  );
  const oneHot = numpy.array(classes, { shape: [samples, 2, size, size, size] });
  const lossAndGradients = jax.valueAndGrad((p: Parameters, x: JaxArray, y: JaxArray) =>
    diceCrossEntropy(jax, network.forward(p, x), y)
  );
  const gradientStep = jax.jit((p: Parameters, x: JaxArray, y: JaxArray) => lossAndGradients(p, x, y));
  const update = jax.jit((state: State, gradients: Parameters, corrections: JaxArray[]) =>
    adamw(jax, state, gradients, corrections)
  );
  let steps = 0;
  return async () => {
    steps++;
    const corrections = [0.9, 0.999].map((beta) =>
      numpy.array(Float32Array.of(1 / (1 - beta ** steps)), { shape: [] })
    );
    const [loss, gradients] = gradientStep(mapValues(state[0], (p) => p.ref), x.ref, oneHot.ref);
    state = update(state, gradients, corrections);
    await jax.blockUntilReady([loss, ...Object.values(state[0])]);
    loss.dispose();
  };
}
