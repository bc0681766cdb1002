/**
 * Copies between strided arrays: permute, slice, pad, concat, flip, expand, cast.
 *
 * @module
 */

import { type Shape, sizeOf, stridesOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { layoutKernels as referenceLayout } from "../reference/layout.ts";
import { broadcastStrides } from "./elementwise.ts";
import type { Engine } from "./engine.ts";
import { block, call, i32, loop, v128 } from "./instructions.ts";
import { joinAxes, placeIn } from "./strided_loops.ts";

/** Elements of a row that one item copies. */
const rowLength = 16384;

/** An array seen in some order: its address and the steps of its axes, in elements. */
interface View {
  readonly address: number;
  readonly strides: readonly number[];
}

/** Copies the elements of one view to those of another of the same shape. */
function copy(engine: Engine, shape: Shape, from: View, to: View): void {
  if (shape.includes(0)) return;
  const { sizes, steps } = joinAxes(shape, [from.strides, to.strides]);
  // Rows are cut so that one large copy has many items.
  const cut = sizes[0]! > rowLength && sizes[0]! % rowLength === 0;
  const axes = cut ? [rowLength, sizes[0]! / rowLength, ...sizes.slice(1)] : [...sizes];
  const moves = cut ? [steps[0]!, steps[0]!.map((step) => step * rowLength), ...steps.slice(1)] : [...steps];
  const [length, [fromStep, toStep]] = [axes[0]!, moves[0] as [number, number]];
  const outer = (view: number) => axes.slice(1).map((size, i) => ({ size, step: moves[i + 1]![view]! }));
  const kernel = engine.kernel(`copy ${axes} ${moves.join(" ")}`, (module) => {
    const row = module.add("row", ["i32", "i32"], (locals, [source, target]) => {
      const at = locals.local("i32");
      const whole = toStep === 1 && (fromStep === 1 || fromStep === 0) ? length - length % 4 : 0;
      const steps = (bytes: number) =>
        block(
          source!.set(i32.add(source!.get, i32.const(bytes * fromStep))),
          target!.set(i32.add(target!.get, i32.const(bytes * toStep))),
        );
      const vector = fromStep === 1 ? v128.load(source!.get) : v128.loadSplat(source!.get);
      return block(
        loop(at, i32.const(0), i32.const(whole), 4, block(v128.store(target!.get, vector), steps(16))),
        loop(
          at,
          i32.const(whole),
          i32.const(length),
          1,
          block(i32.store(target!.get, i32.load(source!.get)), steps(4)),
        ),
      );
    });
    return ({ locals, begin, end, word }) => {
      const item = locals.local("i32");
      return loop(
        item,
        begin,
        end,
        1,
        call(
          row,
          placeIn(word(0), item, outer(0)),
          placeIn(word(1), item, outer(1)),
        ),
      );
    };
  });
  engine.launch(kernel, sizeOf(axes.slice(1)), [from.address, to.address]);
}

/** The view of a box of a dense array. */
function boxIn({ address, shape }: CpuArray, starts: readonly number[]): View {
  const strides = stridesOf(shape);
  const offset = starts.reduce((sum, start, axis) => sum + start * strides[axis]!, 0);
  return { address: address + 4 * offset, strides };
}

const whole = (array: CpuArray): View => ({ address: array.address, strides: stridesOf(array.shape) });

/** The layout kernels. */
export function layoutKernels(
  engine: Engine,
): Pick<CpuKernels, "permute" | "slice" | "pad" | "concat" | "flip" | "expand" | "cast"> {
  return {
    ...referenceLayout,
    permute([x], [out], { axes }) {
      const strides = stridesOf(x!.shape);
      const from = { address: x!.address, strides: axes.map((axis) => strides[axis]!) };
      copy(engine, out!.shape, from, whole(out!));
    },
    slice([x], [out], { starts }) {
      copy(engine, out!.shape, boxIn(x!, starts), whole(out!));
    },
    pad([x], [out], { before, value }) {
      out!.data.fill(value);
      copy(engine, x!.shape, whole(x!), boxIn(out!, before));
    },
    concat(inputs, [out], { axis }) {
      let start = 0;
      for (const input of inputs) {
        const starts = input.shape.map((_, at) => at === axis ? start : 0);
        copy(engine, input.shape, whole(input), boxIn(out!, starts));
        start += input.shape[axis]!;
      }
    },
    flip([x], [out], { axes }) {
      const strides = stridesOf(x!.shape);
      const last = x!.shape.map((n, axis) => axes.includes(axis) ? n - 1 : 0);
      copy(engine, x!.shape, {
        address: boxIn(x!, last).address,
        strides: strides.map((step, axis) => axes.includes(axis) ? -step : step),
      }, whole(out!));
    },
    expand([x], [out]) {
      copy(
        engine,
        out!.shape,
        { address: x!.address, strides: broadcastStrides(x!.shape, out!.shape) },
        whole(out!),
      );
    },
  };
}
