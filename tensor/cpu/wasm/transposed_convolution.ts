/**
 * The transposed convolution, the adjoint of conv3d: `out = Σ` over taps of x at
 * `(o + padding − dilation·k) / stride`. The outputs fall into one phase for each remainder modulo the stride;
 * each phase is a stride-1 convolution, whose dense block is spread to its places among the outputs.
 *
 * @module
 */

import type { ConvAttributes } from "../../ops/conv3d.ts";
import { type Shape, sizeOf, type Triple } from "../../shape.ts";
import type { CpuArray } from "../kernel.ts";
import { type Convolution, convolve } from "./convolve.ts";
import { declare, f32, loop, repeat } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { paddedLayout, placeOf } from "./pad_copy.ts";

type Size = [number, number, number];
const spatial = (shape: Shape): Size => [shape[2]!, shape[3]!, shape[4]!];

/** The arrays of a call. */
interface Arrays {
  readonly x: CpuArray;
  readonly w: CpuArray;
  readonly bias?: CpuArray;
  readonly out: CpuArray;
}

/** One axis of the outputs `phase, phase + stride, …`: how many there are, and which taps serve them. */
interface AxisPhase {
  readonly count: number;
  readonly taps: readonly { readonly tap: number; readonly at: number }[];
}

function axisPhase(
  axis: number,
  phase: number,
  [kernel, size]: readonly [Size, Size],
  { stride, padding, dilation }: ConvAttributes,
): AxisPhase {
  // Output o = stride·i + dilation·k − padding, so tap k serves it with input i = (o + padding − dilation·k) / stride.
  const step = stride[axis]!;
  const taps: { tap: number; at: number }[] = [];
  for (let tap = 0; tap < kernel[axis]!; tap++) {
    const distance = phase + padding[axis]! - dilation[axis]! * tap;
    if (((distance % step) + step) % step === 0) taps.push({ tap, at: distance / step });
  }
  return { count: Math.max(0, Math.ceil((size[axis]! - phase) / step)), taps };
}

/** Places of a phase's outputs among all. */
interface Spread {
  readonly from: Size;
  readonly to: Size;
  readonly stride: Triple;
  readonly phase: Size;
  readonly channels: number;
  readonly hasBias: boolean;
  /** Whether no tap serves the phase: then the outputs are the bias. */
  readonly isEmpty: boolean;
}

/** Puts a phase's dense block at its places among the outputs. An item is a plane of a channel. */
function spreadKernel(engine: Engine, spread: Spread) {
  const { from: [D, H, W], to, stride, phase, channels, hasBias, isEmpty } = spread;
  const parameters = { block: "i32", out: "i32", bias: "i32" } as const;
  const key = `spread ${JSON.stringify(spread)}`;
  return engine.compile(key, parameters, ({ block, out, bias }, { each }) => {
    const { source, target, shift } = declare({ source: "i32", target: "i32", shift: "f32" });
    const first = 4 * ((phase[0] * to[1] + phase[1]) * to[2] + phase[2]);
    return each((plane) => [
      hasBias ? shift.set(f32.load(bias.add(plane.div(D).rem(channels).mul(4)))) : [],
      repeat(H, (row) => [
        source.set(block.add(plane.mul(4 * H * W)).add(row.mul(4 * W))),
        target.set(
          out.add(first).add(plane.div(D).mul(4 * to[0] * to[1] * to[2]))
            .add(plane.rem(D).mul(4 * stride[0] * to[1] * to[2])).add(row.mul(4 * stride[1] * to[2])),
        ),
        loop(0, 4 * W, 4, (column) => {
          const value = isEmpty ? f32.const(0) : f32.load(source.add(column));
          return f32.store(target.add(column.mul(stride[2])), hasBias ? value.add(shift) : value);
        }),
      ]),
    ]);
  });
}

/** The stride-1 convolution of a phase. */
function phaseConvolution({ x, w, out }: Arrays, axes: readonly AxisPhase[], groups: number): Convolution {
  const kernel = spatial(w.shape);
  const filter = sizeOf(kernel);
  const [inputs, outputs] = [x.shape[1]! / groups, out.shape[1]! / groups];
  const low = axes.map(({ taps }) => Math.min(...taps.map(({ at }) => at))) as Size;
  const high = axes.map(({ taps }) => Math.max(...taps.map(({ at }) => at))) as Size;
  const size = axes.map(({ count }) => count) as Size;
  const layout = paddedLayout(spatial(x.shape), size, {
    before: low.map((n) => -n) as Size,
    reach: high.map((n, axis) => n - low[axis]!) as Size,
    stride: [1, 1, 1],
  });
  const [planes, rows, columns] = axes as readonly [AxisPhase, AxisPhase, AxisPhase];
  const taps = planes.taps.flatMap((z) =>
    rows.taps.flatMap((y) =>
      columns.taps.map((c) => ({
        offset: placeOf(layout, z.at - low[0], y.at - low[1], c.at - low[2]),
        weight: (z.tap * kernel[1] + y.tap) * kernel[2] + c.tap,
      }))
    )
  );
  const weightStrides: [number, number, number] = [inputs * outputs * filter, filter, outputs * filter];
  return { samples: x.shape[0]!, groups, inputs, outputs, layout, size, step: [1, 1], taps, weightStrides };
}

function computePhase(engine: Engine, arrays: Arrays, phase: Size, attributes: ConvAttributes): void {
  const { x, w, bias, out } = arrays;
  const { stride, groups } = attributes;
  const [samples, channels] = out.shape as [number, number];
  const sizes = [spatial(w.shape), spatial(out.shape)] as const;
  const axes = phase.map((at, axis) => axisPhase(axis, at, sizes, attributes));
  const count = axes.map((axis) => axis.count) as Size;
  if (count.some((n) => n === 0)) return;
  const isEmpty = axes.some(({ taps }) => taps.length === 0);
  const addresses = { x: x.address, weight: w.address };
  const shift = bias?.address ?? 0;
  if (!isEmpty && stride.every((s) => s === 1)) {
    const convolution = phaseConvolution(arrays, axes, groups);
    return convolve(engine, convolution, { ...addresses, bias: shift, y: out.address });
  }
  const spread: Spread = {
    ...{ from: count, to: sizes[1], stride, phase, channels },
    ...{ hasBias: bias !== undefined, isEmpty },
  };
  engine.scratch({ block: isEmpty ? 0 : 4 * samples * channels * sizeOf(count) }, ({ block }) => {
    if (!isEmpty) {
      convolve(engine, phaseConvolution(arrays, axes, groups), { ...addresses, bias: 0, y: block });
    }
    engine.run(spreadKernel(engine, spread), samples * channels * count[0], { block, out, bias: shift });
  });
}

/** Computes all phases. */
export function transposedConvolution(engine: Engine, arrays: Arrays, attributes: ConvAttributes): void {
  const { stride } = attributes;
  for (let z = 0; z < stride[0]; z++) {
    for (let y = 0; y < stride[1]; y++) {
      for (let x = 0; x < stride[2]; x++) computePhase(engine, arrays, [z, y, x], attributes);
    }
  }
}
