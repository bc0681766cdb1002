/**
 * conv3d, its input gradient and the transposed convolution as calls of one kernel.
 *
 * @module
 */

import type { ConvAttributes } from "../../ops/conv3d.ts";
import type { Shape, Triple } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { convolutionWeightGrad } from "./convolution_weight_grad.ts";
import { type Convolution, convolve } from "./convolve.ts";
import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, type Code, f32, i32, loop } from "./instructions.ts";
import { type PaddedLayout, placeOf } from "./pad_copy.ts";
import { adjoint, convolvesFaster, weightGradientFaster, winogradShape } from "./winograd.ts";
import { winogradConvolve } from "./winograd_convolve.ts";
import { winogradWeightGrad } from "./winograd_weight_grad.ts";

type Size = [number, number, number];

/** The layout in which taps at `start + dilation·k` and outputs at multiples of the stride are addresses. */
export function paddedLayout(
  size: Size,
  output: Size,
  { before, reach, stride }: { before: Size; reach: Size; stride: Triple },
): PaddedLayout {
  const columns = Math.max(4, output[2]) + Math.floor(reach[2] / stride[2]);
  const layout: PaddedLayout = {
    size,
    before,
    planes: (output[0] - 1) * stride[0] + reach[0] + 1,
    rows: (output[1] - 1) * stride[1] + reach[1] + 1,
    segment: columns,
    segments: stride[2],
  };
  // Without a border the source serves as it is, voxels that no tap reaches included.
  const plain = before.every((n) => n === 0) && stride[2] === 1 && layout.planes <= size[0] &&
    layout.rows <= size[1] && columns <= size[2];
  return plain ? { ...layout, planes: size[0], rows: size[1], segment: size[2] } : layout;
}

const spatial = (shape: Shape): Size => [shape[2]!, shape[3]!, shape[4]!];

function forwardConvolution(x: Shape, w: Shape, y: Shape, attributes: ConvAttributes): Convolution {
  const { stride, padding, dilation, groups } = attributes;
  const kernel = spatial(w);
  const reach = kernel.map((k, axis) => (k - 1) * dilation[axis]!) as Size;
  const size = spatial(y);
  const layout = paddedLayout(spatial(x), size, { before: [...padding], reach, stride });
  const taps: Convolution["taps"][number][] = [];
  for (let z = 0, weight = 0; z < kernel[0]; z++) {
    for (let r = 0; r < kernel[1]; r++) {
      for (let c = 0; c < kernel[2]; c++, weight++) {
        taps.push({ offset: placeOf(layout, z * dilation[0], r * dilation[1], c * dilation[2]), weight });
      }
    }
  }
  const filter = kernel[0] * kernel[1] * kernel[2];
  const [outputs, inputs] = [w[0]! / groups, w[1]!];
  return {
    samples: x[0]!,
    groups,
    inputs,
    outputs,
    layout,
    size,
    step: [stride[0], stride[1]],
    taps,
    weightStrides: [outputs * inputs * filter, inputs * filter, filter],
  };
}

/** The taps and the outputs of one axis for outputs `phase, phase + stride, …` of a transposed convolution. */
function axisPhase(
  { kernel, stride, padding, dilation, size, phase }: {
    kernel: number;
    stride: number;
    padding: number;
    dilation: number;
    size: number;
    phase: number;
  },
): { count: number; taps: { tap: number; at: number }[] } {
  // Output o = stride·i + dilation·k − padding, so tap k serves it with input i = (o + padding − dilation·k) / stride.
  const count = Math.max(0, Math.ceil((size - phase) / stride));
  const taps: { tap: number; at: number }[] = [];
  for (let tap = 0; tap < kernel; tap++) {
    const distance = phase + padding - dilation * tap;
    if (((distance % stride) + stride) % stride === 0) taps.push({ tap, at: distance / stride });
  }
  return { count, taps };
}

/** Puts every phase's dense block at its place among the outputs. */
function interleaveKernel(
  engine: Engine,
  { from, pitch, stride, phase, to }: { from: Size; pitch: number; stride: Triple; phase: Size; to: Size },
  bias: boolean,
  channels: number,
): Kernel {
  const [D, H, W] = from;
  const empty = pitch === 0;
  const key = `interleave ${[...from, pitch, ...stride, ...phase, ...to, bias, channels]}`;
  return engine.kernel(key, () => ({ locals, begin, end, word }) => {
    const [item, row, column, source, target] = locals.locals("i32", 5);
    const start = locals.local("f32");
    return loop(
      item!,
      begin,
      end,
      1,
      block(
        bias ? start.set(f32.load(addressOf(word(2), [remainder(quotient(item!.get, D), channels), 4]))) : [],
        loop(
          row!,
          i32.const(0),
          i32.const(H),
          1,
          block(
            source!.set(addressOf(word(0), [item!, 4 * H * pitch], [row!, 4 * pitch])),
            target!.set(addressOf(
              i32.add(word(1), i32.const(4 * ((phase[0] * to[1] + phase[1]) * to[2] + phase[2]))),
              [quotient(item!.get, D), 4 * to[0] * to[1] * to[2]],
              [remainder(item!.get, D), 4 * stride[0] * to[1] * to[2]],
              [row!, 4 * stride[1] * to[2]],
            )),
            loop(
              column!,
              i32.const(0),
              i32.const(4 * W),
              4,
              f32.store(
                addressOf(target!.get, [column!, stride[2]]),
                addBias(
                  empty ? f32.const(0) : f32.load(i32.add(source!.get, column!.get)),
                  bias ? start.get : null,
                ),
              ),
            ),
          ),
        ),
      ),
    );
  });
}

const addBias = (value: Code, bias: Code | null): Code => bias ? f32.add(value, bias) : value;

/**
 * `out = Σ` over taps of x at `(o + padding − dilation·k) / stride`: the adjoint of conv3d. The outputs fall
 * into one phase for each remainder modulo the stride; each phase is a stride-1 convolution.
 */
function transposed(
  engine: Engine,
  x: CpuArray,
  w: CpuArray,
  bias: CpuArray | undefined,
  out: CpuArray,
  { stride, padding, dilation, groups }: ConvAttributes,
): void {
  const kernel = spatial(w.shape);
  const filter = kernel[0] * kernel[1] * kernel[2];
  const size = spatial(out.shape);
  const input = spatial(x.shape);
  const [samples, channels] = [x.shape[0]!, out.shape[1]!];
  const [inputs, outputs] = [x.shape[1]! / groups, channels / groups];
  const dense = stride.every((s) => s === 1);
  for (let pz = 0; pz < stride[0]; pz++) {
    for (let py = 0; py < stride[1]; py++) {
      for (let px = 0; px < stride[2]; px++) {
        const phase: Size = [pz, py, px];
        const axes = phase.map((at, axis) =>
          axisPhase({
            kernel: kernel[axis]!,
            stride: stride[axis]!,
            padding: padding[axis]!,
            dilation: dilation[axis]!,
            size: size[axis]!,
            phase: at,
          })
        ) as [ReturnType<typeof axisPhase>, ReturnType<typeof axisPhase>, ReturnType<typeof axisPhase>];
        const count = axes.map((axis) => axis.count) as Size;
        if (count.some((n) => n === 0)) continue;
        const interleave = (from: number, pitch: number) =>
          engine.launch(
            interleaveKernel(
              engine,
              { from: count, pitch, stride, phase, to: size },
              bias !== undefined,
              channels,
            ),
            samples * channels * count[0],
            [from, out.address, bias?.address ?? 0],
          );
        if (axes.some((axis) => axis.taps.length === 0)) {
          interleave(0, 0);
          continue;
        }
        const low = axes.map((axis) => Math.min(...axis.taps.map(({ at }) => at))) as Size;
        const high = axes.map((axis) => Math.max(...axis.taps.map(({ at }) => at))) as Size;
        const layout = paddedLayout(input, count, {
          before: low.map((n) => -n) as Size,
          reach: high.map((n, axis) => n - low[axis]!) as Size,
          stride: [1, 1, 1],
        });
        const taps: Convolution["taps"][number][] = [];
        for (const z of axes[0].taps) {
          for (const r of axes[1].taps) {
            for (const c of axes[2].taps) {
              taps.push({
                offset: placeOf(layout, z.at - low[0], r.at - low[1], c.at - low[2]),
                weight: (z.tap * kernel[1] + r.tap) * kernel[2] + c.tap,
              });
            }
          }
        }
        const convolution: Convolution = {
          samples,
          groups,
          inputs,
          outputs,
          layout,
          size: count,
          step: [1, 1],
          taps,
          weightStrides: [inputs * outputs * filter, filter, outputs * filter],
        };
        const addresses = { x: x.address, weight: w.address };
        if (dense) {
          convolve(engine, convolution, { ...addresses, bias: bias?.address ?? 0, y: out.address });
          continue;
        }
        const bytes = 4 * samples * channels * count[0] * count[1] * count[2];
        engine.withScratch(bytes, (y) => {
          convolve(engine, convolution, { ...addresses, bias: 0, y });
          interleave(y, count[2]);
        });
      }
    }
  }
}

/** The convolution kernels. */
export function convolutionKernels(
  engine: Engine,
): Pick<CpuKernels, "conv3d" | "conv3dInputGrad" | "conv3dWeightGrad" | "convTranspose3d"> {
  return {
    conv3d([x, w, bias], [y], attributes) {
      const addresses = { x: x!.address, weight: w!.address, bias: bias?.address ?? 0, y: y!.address };
      const shape = winogradShape(x!.shape, y!.shape, spatial(w!.shape), attributes);
      if (shape && convolvesFaster(shape)) {
        winogradConvolve(engine, shape, { ...addresses, isAdjoint: false });
      } else convolve(engine, forwardConvolution(x!.shape, w!.shape, y!.shape, attributes), addresses);
    },
    conv3dInputGrad([g, w], [out], attributes) {
      const shape = winogradShape(out!.shape, g!.shape, spatial(w!.shape), attributes);
      if (shape && convolvesFaster(adjoint(shape))) {
        const addresses = { x: g!.address, weight: w!.address, bias: 0, y: out!.address };
        winogradConvolve(engine, adjoint(shape), { ...addresses, isAdjoint: true });
      } else transposed(engine, g!, w!, undefined, out!, attributes);
    },
    conv3dWeightGrad([x, g], [out], attributes) {
      const shape = winogradShape(x!.shape, g!.shape, attributes.kernel, attributes);
      if (shape && weightGradientFaster(shape)) {
        winogradWeightGrad(engine, shape, { x: x!.address, g: g!.address, out: out!.address });
      } else convolutionWeightGrad(engine, x!, g!, out!, attributes);
    },
    convTranspose3d([x, w, bias], [out], attributes) {
      transposed(engine, x!, w!, bias, out!, attributes);
    },
  };
}
