/**
 * Layers with parameters.
 *
 * @module
 */

import type { Device } from "./device.ts";
import { Module } from "./module.ts";
import { conv3d, type ConvOptions, convTranspose3d } from "./ops/conv3d.ts";
import { linear } from "./ops/matmul.ts";
import { instanceNorm, layerNorm } from "./ops/normalization.ts";
import type { Random } from "./random.ts";
import { type Triple, triple } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/** Where a layer's parameters live and which numbers they start from. */
export interface Init {
  /** Device of the parameters. */
  readonly device: Device;
  /** Stream of the initial values. */
  readonly random: Random;
}

/**
 * Standard deviation of He initialisation for a leaky ReLU: `√(2 / (1 + slope²) / fan)` (He et al. 2015).
 * `fan` is the number of inputs of one output.
 */
function heDeviation(fan: number, slope = 0.01): number {
  return Math.sqrt(2 / (1 + slope * slope) / fan);
}

/** 3D convolution with bias, He-initialised. */
export class Conv3d extends Module {
  /** `[O,I,kD,kH,kW]` */
  readonly weight: Tensor;
  /** `[O]` */
  readonly bias: Tensor;
  readonly #options: ConvOptions;

  /** For `inputs` and `outputs` channels. */
  constructor(
    { device, random }: Init,
    inputs: number,
    outputs: number,
    kernel: number | Triple,
    options: ConvOptions = {},
  ) {
    super();
    const [d, h, w] = triple(kernel);
    const deviation = heDeviation(inputs * d * h * w);
    this.weight = Tensor.normal(device, random, [outputs, inputs, d, h, w], deviation).asParameter();
    this.bias = Tensor.zeros(device, [outputs]).asParameter();
    this.#options = options;
  }

  /** `[N,I,D,H,W]` to `[N,O,D',H',W']`. */
  forward(x: Tensor): Tensor {
    return conv3d(x, this.weight, this.bias, this.#options);
  }
}

/** Raises the resolution: transposed convolution whose kernel is its stride, so each output has one tap. */
export class UpConv3d extends Module {
  /** `[I,O,…stride]` */
  readonly weight: Tensor;
  /** `[O]` */
  readonly bias: Tensor;

  readonly #stride: Triple;

  /** He-initialised with `fan` the number of input channels; doubles every axis by default. */
  constructor({ device, random }: Init, inputs: number, outputs: number, stride: number | Triple = 2) {
    super();
    this.#stride = triple(stride);
    this.weight = Tensor.normal(device, random, [inputs, outputs, ...this.#stride], heDeviation(inputs))
      .asParameter();
    this.bias = Tensor.zeros(device, [outputs]).asParameter();
  }

  /** `[N,I,D,H,W]` to `[N,O,D·s₀,H·s₁,W·s₂]`, s the stride. */
  forward(x: Tensor): Tensor {
    return convTranspose3d(x, this.weight, this.bias, { stride: this.#stride });
  }
}

/** Instance normalisation with scale and shift, then a leaky ReLU. */
export class InstanceNorm extends Module {
  /** Scale, `[C]` */
  readonly weight: Tensor;
  /** Shift, `[C]` */
  readonly bias: Tensor;
  readonly #slope: number;

  /** `slope` is the leaky ReLU's: 1 for none, 0 for ReLU. */
  constructor({ device }: Init, channels: number, slope: number) {
    super();
    this.weight = Tensor.full(device, [channels], 1).asParameter();
    this.bias = Tensor.zeros(device, [channels]).asParameter();
    this.#slope = slope;
  }

  /** Keeps the shape `[N,C,…]`. */
  forward(x: Tensor): Tensor {
    return instanceNorm(x, this.weight, this.bias, { slope: this.#slope });
  }
}

/** Linear map of the last axis. */
export class Linear extends Module {
  /** `[O,I]` */
  readonly weight: Tensor;
  /** `[O]` */
  readonly bias: Tensor;

  /** Weights of the given standard deviation, no shift. */
  constructor({ device, random }: Init, inputs: number, outputs: number, deviation = 0.02) {
    super();
    this.weight = Tensor.normal(device, random, [outputs, inputs], deviation).asParameter();
    this.bias = Tensor.zeros(device, [outputs]).asParameter();
  }

  /** `[…,I]` to `[…,O]`. */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}

/** Normalisation of the last axis, with scale and shift. */
export class LayerNorm extends Module {
  /** Scale, `[C]` */
  readonly weight: Tensor;
  /** Shift, `[C]` */
  readonly bias: Tensor;

  /** Starts with scale 1 and shift 0; 1e-6, added to the variance, is what Vision Transformers use. */
  constructor({ device }: Init, channels: number) {
    super();
    this.weight = Tensor.full(device, [channels], 1).asParameter();
    this.bias = Tensor.zeros(device, [channels]).asParameter();
  }

  /** Keeps the shape `[…,C]`. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, { epsilon: 1e-6 });
  }
}
