/** Single kernels, forward and with their gradients. */

import { apply } from "../../tensor/apply.ts";
import { noGrad } from "../../tensor/autograd.ts";
import type { Device } from "../../tensor/device.ts";
import { attention } from "../../tensor/ops/attention.ts";
import { conv3dInputGradOp, conv3dOp, conv3dWeightGradOp } from "../../tensor/ops/conv3d.ts";
import { gelu } from "../../tensor/ops/elementwise.ts";
import { cast } from "../../tensor/ops/layout.ts";
import { matmul } from "../../tensor/ops/matmul.ts";
import { instanceNorm, layerNorm } from "../../tensor/ops/normalization.ts";
import { scope } from "../../tensor/scope.ts";
import { type Triple, triple } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { normal } from "./random_data.ts";
import type { Prepare } from "./workloads.ts";

/** Runs ops and waits for them. */
function once(device: Device, ops: () => void): () => Promise<void> {
  return async () => {
    scope(ops);
    await device.flush();
  };
}

/** Two square matrices. */
export function matrixProduct(size: number): Prepare {
  return (device) => {
    const [a, b] = [normal(device, [size, size]), normal(device, [size, size])];
    return once(device, () => void matmul(a, b));
  };
}

/** 12 heads, 512 tokens, 64 channels a head. */
export function attentionOf(isBackward: boolean): Prepare {
  return (device) => {
    const [q, k, v] = [0, 1, 2].map(() => normal(device, [12, 8, 8, 8, 64]).asParameter());
    if (!isBackward) return once(device, () => noGrad(() => void attention(q!, k!, v!)));
    return once(device, () => {
      attention(q!, k!, v!).sum().backward();
      for (const x of [q!, k!, v!]) {
        x.grad!.dispose();
        x.grad = undefined;
      }
    });
  };
}

/** A convolution of two samples that keeps channels and size. */
export function convolution(
  channels: number,
  sizes: number | Triple,
  isBackward: boolean,
  kernel: Triple = [3, 3, 3],
): Prepare {
  const [size, [d, h, w]] = [triple(sizes), kernel];
  const padding: Triple = [d >> 1, h >> 1, w >> 1];
  const plain = { stride: [1, 1, 1], padding, dilation: [1, 1, 1], groups: 1 } as const;
  return (device) => {
    const x = normal(device, [2, channels, ...size]);
    const w = normal(device, [channels, channels, ...kernel]);
    return once(device, () => {
      const y = apply(conv3dOp, [x, w], plain);
      if (!isBackward) return;
      apply(conv3dInputGradOp, [y, w], { ...plain, size });
      apply(conv3dWeightGradOp, [x, y], { ...plain, kernel });
    });
  };
}

/** 512 tokens of 768 channels, with scale and shift. */
export const layerNormalization: Prepare = (device) => {
  const x = normal(device, [512, 768]);
  const [gamma, beta] = [Tensor.full(device, [768], 1), Tensor.zeros(device, [768])];
  return once(device, () => void layerNorm(x, gamma, beta));
};

/** So many times 2²⁰ values. */
export function geluOfMany(mebi: number, storage: "f32" | "f16" = "f32"): Prepare {
  return (device) => {
    const x = cast(normal(device, [mebi * 1024 ** 2]), storage);
    return once(device, () => void gelu(x));
  };
}

/** Two samples of a cube, with scale, shift and leaky ReLU; gradients of all three. */
export function instanceNormalization(
  channels: number,
  size: number,
  storage: "f32" | "f16" = "f32",
): Prepare {
  return (device) => {
    const x = cast(normal(device, [2, channels, size, size, size]), storage).asParameter();
    const gamma = Tensor.full(device, [channels], 1).asParameter();
    const beta = Tensor.zeros(device, [channels]).asParameter();
    return once(device, () => {
      instanceNorm(x, gamma, beta, { slope: 0.01 }).sum().backward();
      for (const parameter of [x, gamma, beta]) {
        parameter.grad!.dispose();
        parameter.grad = undefined;
      }
    });
  };
}
