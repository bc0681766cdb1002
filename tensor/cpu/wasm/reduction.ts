/**
 * Sums and means over any axes. Short runs are added in float32, runs in float64.
 *
 * @module
 */

import type { ReduceAttributes } from "../../ops/reduce.ts";
import { sizeOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import {
  block,
  call,
  type Code,
  f32,
  f32x4,
  f64,
  i32,
  loop,
  madd,
  sumLanes,
  v128,
  when,
} from "./instructions.ts";
import type { ModuleBuilder } from "./module_builder.ts";
import { placeIn } from "./strided_loops.ts";

interface Axis {
  readonly size: number;
  readonly step: number;
}

/** Elements added in float32 before they go into a float64 sum. */
export const shortRun = 1024;

/** Adds `sum(address, bytes) → f64`: the sum of a run of floats, or of their squares. */
export function addSumOfRun(module: ModuleBuilder, of: "values" | "squares" = "values"): number {
  return module.add("sumOfRun", ["i32", "i32"], (locals, [address, bytes]) => {
    const value = locals.local("v128");
    const single = locals.local("f64");
    const add = (sum: Code, more: Code): Code =>
      of === "values" ? f32x4.add(sum, more) : madd(value.tee(more), value.get, sum);
    const [at, end, stop] = locals.locals("i32", 3);
    const sums = locals.locals("v128", 4);
    const total = locals.local("f64");
    const whole = locals.local("i32");
    const first = sums[0]!;
    return block(
      end!.set(i32.and(bytes!.get, i32.const(-16))),
      loop(
        at!,
        i32.const(0),
        end!.get,
        0,
        block(
          stop!.set(i32.add(at!.get, i32.const(4 * shortRun))),
          when(i32.gtU(stop!.get, end!.get), stop!.set(end!.get)),
          ...sums.map((sum) => sum.set(v128.zero)),
          whole.set(i32.add(at!.get, i32.and(i32.sub(stop!.get, at!.get), i32.const(-64)))),
          loop(
            at!,
            at!.get,
            whole.get,
            64,
            block(
              ...sums.map((sum, i) =>
                sum.set(add(sum.get, v128.load(i32.add(address!.get, at!.get), 16 * i)))
              ),
            ),
          ),
          loop(
            at!,
            at!.get,
            stop!.get,
            16,
            first.set(add(first.get, v128.load(i32.add(address!.get, at!.get)))),
          ),
          first.set(f32x4.add(f32x4.add(first.get, sums[1]!.get), f32x4.add(sums[2]!.get, sums[3]!.get))),
          total.set(f64.add(total.get, f64.promote(sumLanes(first)))),
        ),
      ),
      loop(
        at!,
        end!.get,
        bytes!.get,
        4,
        block(
          single.set(f64.promote(f32.load(i32.add(address!.get, at!.get)))),
          total.set(f64.add(total.get, of === "values" ? single.get : f64.mul(single.get, single.get))),
        ),
      ),
      total.get,
    );
  }, "f64");
}

/** Kept and reduced axes, innermost first, joined where neighbours are of a kind. */
function axesOf(
  x: CpuArray,
  axes: readonly number[],
): { kept: Axis[]; reduced: Axis[]; innerReduced: boolean } {
  const kept: Axis[] = [], reduced: Axis[] = [];
  let step = 1;
  let last: boolean | undefined;
  let innerReduced: boolean | undefined;
  for (let axis = x.shape.length - 1; axis >= 0; axis--) {
    const size = x.shape[axis]!;
    if (size === 1) continue;
    const isReduced = axes.includes(axis);
    const list = isReduced ? reduced : kept;
    innerReduced ??= isReduced;
    if (last === isReduced) list.push({ size: size * list.at(-1)!.size, step: list.pop()!.step });
    else list.push({ size, step });
    last = isReduced;
    step *= size;
  }
  return { kept, reduced, innerReduced: innerReduced ?? true };
}

/** Sums over rows that are reduced whole: item = segment of a row; a second kernel adds the segments. */
function reduceRows(
  engine: Engine,
  x: CpuArray,
  out: CpuArray,
  kept: Axis[],
  reduced: Axis[],
  scale: number,
): void {
  const [row, ...outer] = reduced.length > 0 ? reduced as [Axis, ...Axis[]] : [{ size: 1, step: 1 }];
  const segment = 65536;
  const segments = Math.ceil(row.size / segment);
  const repeats = outer.reduce((product, { size }) => product * size, 1);
  const outputs = sizeOf(out.shape);
  const partial: Kernel = engine.kernel(`sum rows ${JSON.stringify([kept, reduced])}`, (module) => {
    const sum = addSumOfRun(module);
    return ({ locals, begin, end, word }) => {
      const [item, index, start] = locals.locals("i32", 3);
      const offset = i32.mul(remainder(item!.get, segments), i32.const(4 * segment));
      const bytes = locals.local("i32");
      return loop(
        item!,
        begin,
        end,
        1,
        block(
          index!.set(remainder(quotient(item!.get, segments), repeats)),
          start!.set(placeIn(word(0), index!, outer)),
          index!.set(quotient(item!.get, segments * repeats)),
          start!.set(placeIn(start!.get, index!, kept)),
          bytes.set(i32.sub(i32.const(4 * row.size), offset)),
          when(i32.gtU(bytes.get, i32.const(4 * segment)), bytes.set(i32.const(4 * segment))),
          f64.store(addressOf(word(1), [item!, 8]), call(sum, i32.add(start!.get, offset), bytes.get)),
        ),
      );
    };
  });
  const parts = segments * repeats;
  engine.withScratch(8 * parts * outputs, (sums) => {
    engine.launch(partial, parts * outputs, [x.address, sums]);
    engine.launch(addUpKernel(engine), outputs, [sums, out.address, parts], [scale]);
  });
}

/** Adds up float64 parts, item by item: words are their address, the output's and the number of parts. */
function addUpKernel(engine: Engine): Kernel {
  return engine.kernel("add up", () => ({ locals, begin, end, word, float }) => {
    const [item, at, from] = locals.locals("i32", 3);
    const total = locals.local("f64");
    const bytes = i32.mul(word(2), i32.const(8));
    return loop(
      item!,
      begin,
      end,
      1,
      block(
        from!.set(i32.add(word(0), i32.mul(item!.get, bytes))),
        total.set(f64.const(0)),
        loop(
          at!,
          i32.const(0),
          bytes,
          8,
          total.set(f64.add(total.get, f64.load(i32.add(from!.get, at!.get)))),
        ),
        f32.store(
          addressOf(word(1), [item!, 4]),
          f32.demote(f64.mul(total.get, f64.promote(float(3)))),
        ),
      ),
    );
  });
}

/** Sums over outer axes: item = a run of kept elements, vector by vector. */
function reduceColumns(
  engine: Engine,
  x: CpuArray,
  out: CpuArray,
  kept: Axis[],
  reduced: Axis[],
  scale: number,
): void {
  const [row, ...outer] = kept as [Axis, ...Axis[]];
  const run = 4096;
  const runs = Math.ceil(row.size / run);
  const repeats = reduced.reduce((product, { size }) => product * size, 1);
  const kernel = engine.kernel(`sum columns ${JSON.stringify([kept, reduced])}`, () =>
  ({
    locals,
    begin,
    end,
    word,
    float,
  }) => {
    const [item, index, r, start, target, at, bytes, whole] = locals.locals("i32", 8);
    const [sum, rest] = locals.locals("v128", 2);
    const column = (load: typeof v128.load, store: typeof v128.store): Code =>
      block(
        sum!.set(v128.zero),
        loop(
          r!,
          i32.const(0),
          i32.const(repeats),
          1,
          sum!.set(
            f32x4.add(sum!.get, load(placeIn(i32.add(start!.get, at!.get), r!, reduced))),
          ),
        ),
        store(i32.add(target!.get, at!.get), f32x4.mul(sum!.get, rest!.get)),
      );
    const first = i32.mul(remainder(item!.get, runs), i32.const(4 * run));
    return block(
      rest!.set(f32x4.splat(float(2))),
      loop(
        item!,
        begin,
        end,
        1,
        block(
          index!.set(quotient(item!.get, runs)),
          start!.set(i32.add(placeIn(word(0), index!, outer), first)),
          target!.set(i32.add(addressOf(word(1), [index!, 4 * row.size]), first)),
          bytes!.set(i32.sub(i32.const(4 * row.size), first)),
          when(i32.gtU(bytes!.get, i32.const(4 * run)), bytes!.set(i32.const(4 * run))),
          whole!.set(i32.and(bytes!.get, i32.const(-16))),
          loop(at!, i32.const(0), whole!.get, 16, column(v128.load, v128.store)),
          loop(at!, whole!.get, bytes!.get, 4, column(v128.loadFirst, v128.storeFirst)),
        ),
      ),
    );
  });
  engine.launch(kernel, runs * sizeOf(out.shape) / row.size, [x.address, out.address], [scale]);
}

/** The kernels of sums. */
export function reductionKernels(engine: Engine): Pick<CpuKernels, "sum" | "mean"> {
  const reduce = (x: CpuArray, out: CpuArray, { axes }: ReduceAttributes, scale: number): void => {
    if (sizeOf(out.shape) === 0) return;
    if (sizeOf(x.shape) === 0) {
      out.data.fill(0);
      return;
    }
    const { kept, reduced, innerReduced } = axesOf(x, axes);
    (innerReduced ? reduceRows : reduceColumns)(engine, x, out, kept, reduced, scale);
  };
  return {
    sum: ([x], [out], attributes) => reduce(x!, out!, attributes, 1),
    mean: ([x], [out], attributes) => reduce(x!, out!, attributes, sizeOf(out!.shape) / sizeOf(x!.shape)),
  };
}
