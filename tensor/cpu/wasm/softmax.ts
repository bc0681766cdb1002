/**
 * Softmax, its logarithm and their gradients. Four neighbouring lines go together, one in each lane; along
 * the last axis, where lines have no neighbours, four elements of a line do.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { addressOf, type Engine, quotient, remainder } from "./engine.ts";
import {
  block,
  type Code,
  f32,
  f32x4,
  i32,
  type Local,
  loop,
  madd,
  sumLanes,
  v128,
  when,
} from "./instructions.ts";
import type { FunctionBuilder } from "./module_builder.ts";
import { exp, log } from "./vector_math.ts";

/** Lines of a work item: a multiple of four. */
const linesPerItem = 2048;

/** Elements of a work item along the last axis. */
const elementsPerItem = 8192;

/** A line, or four: `at(array, k)` loads element k of an input; `put(k, value)` writes the output. */
interface Line {
  readonly locals: FunctionBuilder;
  at(array: number, k: Local): Code;
  put(k: Local, value: Code): Code;
  /** Runs a body over the elements. */
  each(body: (k: Local) => Code): Code;
  /** Joins what the lanes found for one line; where each lane has a line of its own, nothing is to be done. */
  join(found: Local, how: "max" | "sum"): Code;
}

/** What a kernel computes. */
interface LineBody {
  readonly name: string;
  /** Inputs. */
  readonly arrays: number;
  /** Stands in for elements beyond a line's end; must change neither maxima nor sums. */
  readonly fill: number;
  code(line: Line): Code;
}

type LineSizes = readonly [outer: number, count: number, inner: number];

/** Lines along the last axis, one after another. */
function launchLengthwise(
  engine: Engine,
  { name, arrays, fill, code }: LineBody,
  [outer, count]: LineSizes,
  addresses: readonly number[],
): void {
  const perItem = Math.max(1, Math.floor(elementsPerItem / count));
  const kernel = engine.kernel(`${name} lengthwise ${count}`, () => ({ locals, begin, end, word }) => {
    const [row, last, base, k] = locals.locals("i32", 4) as [Local, Local, Local, Local];
    const place = (array: number) => i32.add(i32.add(word(array), base.get), k.get);
    let isWhole = true;
    const line: Line = {
      locals,
      at: (array) =>
        isWhole ? v128.load(place(array)) : f32x4.replace(f32x4.const(fill), 0, f32.load(place(array))),
      put: (_, value) => (isWhole ? v128.store : v128.storeFirst)(place(arrays), value),
      each(step) {
        const whole = 4 * count & -16;
        isWhole = true;
        const vectors = loop(k, i32.const(0), i32.const(whole), 16, step(k));
        isWhole = false;
        return block(vectors, loop(k, i32.const(whole), i32.const(4 * count), 4, step(k)));
      },
      join: (found, how) =>
        how === "sum" ? found.set(f32x4.splat(sumLanes(found))) : block(
          found.set(f32x4.max(found.get, v128.shuffle(found.get, found.get, [2, 3, 0, 1]))),
          found.set(f32x4.max(found.get, v128.shuffle(found.get, found.get, [1, 0, 3, 2]))),
        ),
    };
    return block(
      last.set(i32.mul(end, i32.const(perItem))),
      when(i32.gtU(last.get, word(arrays + 1)), last.set(word(arrays + 1))),
      loop(
        row,
        i32.mul(begin, i32.const(perItem)),
        last.get,
        1,
        block(base.set(i32.mul(row.get, i32.const(4 * count))), code(line)),
      ),
    );
  });
  engine.launch(kernel, Math.ceil(outer / perItem), [...addresses, outer]);
}

/** Neighbouring lines side by side. */
function launchSideways(
  engine: Engine,
  { name, arrays, code }: LineBody,
  [outer, count, inner]: LineSizes,
  addresses: readonly number[],
): void {
  const perItem = Math.min(linesPerItem, inner);
  const blocks = Math.ceil(inner / perItem);
  const kernel = engine.kernel(`${name} ${[count, inner]}`, () => ({ locals, begin, end, word }) => {
    const [item, base, at, first, bytes, whole] = locals.locals("i32", 6) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const line = (load: typeof v128.load, store: typeof v128.store): Code => {
      const place = (k: Local) => i32.add(i32.add(base.get, at.get), i32.mul(k.get, i32.const(4 * inner)));
      return code({
        locals,
        at: (array, k) => load(i32.add(word(array), place(k))),
        put: (k, value) => store(i32.add(word(arrays), place(k)), value),
        each: (step) => {
          const k = locals.local("i32");
          return loop(k, i32.const(0), i32.const(count), 1, step(k));
        },
        join: () => [],
      });
    };
    return loop(
      item,
      begin,
      end,
      1,
      block(
        first.set(i32.mul(remainder(item.get, blocks), i32.const(4 * perItem))),
        base.set(addressOf(first.get, [quotient(item.get, blocks), 4 * count * inner])),
        bytes.set(i32.sub(i32.const(4 * inner), first.get)),
        when(i32.gtU(bytes.get, i32.const(4 * perItem)), bytes.set(i32.const(4 * perItem))),
        whole.set(i32.and(bytes.get, i32.const(-16))),
        loop(at, i32.const(0), whole.get, 16, line(v128.load, v128.store)),
        loop(at, whole.get, bytes.get, 4, line(v128.loadFirst, v128.storeFirst)),
      ),
    );
  });
  engine.launch(kernel, outer * blocks, addresses);
}

function sizesOf({ shape }: CpuArray, axis: number): LineSizes {
  return [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))];
}

/** Sets `top` to the largest element and `sum` to Σ e^(x − top). */
function powers({ locals, at, each, join }: Line, top: Local, sum: Local): Code {
  return block(
    top.set(f32x4.const(-Infinity)),
    each((k) => top.set(f32x4.max(top.get, at(0, k)))),
    join(top, "max"),
    sum.set(v128.zero),
    each((k) => sum.set(f32x4.add(sum.get, exp(locals, f32x4.sub(at(0, k), top.get))))),
    join(sum, "sum"),
  );
}

/** The softmax kernels. */
export function softmaxKernels(
  engine: Engine,
): Pick<CpuKernels, "softmax" | "softmaxGrad" | "logSoftmax" | "logSoftmaxGrad"> {
  const kernel = (
    { code, ...rest }: Omit<LineBody, "code"> & { code(line: Line, top: Local, sum: Local): Code },
  ) =>
  (inputs: readonly CpuArray[], [out]: readonly CpuArray[], { axis }: { readonly axis: number }) => {
    if (out!.data.length === 0) return;
    const sizes = sizesOf(out!, axis);
    const body: LineBody = {
      ...rest,
      code(line) {
        const [top, sum] = line.locals.locals("v128", 2) as [Local, Local];
        return code(line, top, sum);
      },
    };
    const launch = sizes[2] === 1 ? launchLengthwise : launchSideways;
    launch(engine, body, sizes, [...inputs, out!].map(({ address }) => address));
  };
  return {
    softmax: kernel({
      name: "softmax",
      arrays: 1,
      fill: -Infinity,
      code: (line, top, sum) =>
        block(
          powers(line, top, sum),
          sum.set(f32x4.div(f32x4.const(1), sum.get)),
          line.each((k) =>
            line.put(k, f32x4.mul(exp(line.locals, f32x4.sub(line.at(0, k), top.get)), sum.get))
          ),
        ),
    }),
    softmaxGrad: kernel({
      name: "softmaxGrad",
      arrays: 2,
      fill: 0,
      code: (line, _, dot) =>
        block(
          dot.set(v128.zero),
          line.each((k) => dot.set(madd(line.at(0, k), line.at(1, k), dot.get))),
          line.join(dot, "sum"),
          line.each((k) => line.put(k, f32x4.mul(line.at(1, k), f32x4.sub(line.at(0, k), dot.get)))),
        ),
    }),
    logSoftmax: kernel({
      name: "logSoftmax",
      arrays: 1,
      fill: -Infinity,
      code: (line, top, sum) =>
        block(
          powers(line, top, sum),
          sum.set(log(line.locals, sum.get)),
          line.each((k) => line.put(k, f32x4.sub(f32x4.sub(line.at(0, k), top.get), sum.get))),
        ),
    }),
    logSoftmaxGrad: kernel({
      name: "logSoftmaxGrad",
      arrays: 2,
      fill: 0,
      code: (line, _, sum) =>
        block(
          sum.set(v128.zero),
          line.each((k) => sum.set(f32x4.add(sum.get, line.at(0, k)))),
          line.join(sum, "sum"),
          line.each((k) =>
            line.put(k, f32x4.sub(line.at(0, k), f32x4.mul(exp(line.locals, line.at(1, k)), sum.get)))
          ),
        ),
    }),
  };
}
