/**
 * Softmax, its logarithm and their gradients. Four neighbouring lines go together, one in each lane; along
 * the last axis, where lines have no neighbours, four elements of a line do.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import type { Statement } from "./emit/code.ts";
import {
  type Code,
  declare,
  f32,
  f32x4,
  least,
  type Local,
  loop,
  madd,
  repeat,
  shuffle,
  type Statements,
  sumLanes,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { type Access, overRun, piece } from "./runs.ts";
import { exp, log } from "./vector_math.ts";

/** Lines of a work item: a multiple of four. */
const linesPerItem = 2048;
/** Elements of a work item along the last axis. */
const elementsPerItem = 8192;

/** An element of a line, or four. */
interface Element {
  /** Reads an input. */
  load(array: "x" | "y"): Code<"f32x4">;
  /** Writes the output. */
  store(value: Code<"f32x4">): Statement;
}

/** A line, or four. */
interface Line {
  /** Runs a body over the elements. */
  each(body: (element: Element) => Statements): Statements;
  /** Joins what the lanes found for one line; where each lane has a line of its own, nothing is to be done. */
  join(found: Local<"f32x4">, how: "max" | "sum"): Statements;
}

/** What a kernel computes from x and, in gradients, y. */
interface LineKernel {
  readonly name: string;
  /** Stands in for elements beyond a line's end; must change neither maxima nor sums. */
  readonly fill: number;
  code(line: Line): Statements;
}

type LineSizes = readonly [outer: number, count: number, inner: number];

const arrays = { x: "i32", y: "i32", out: "i32" } as const;

/** Joins the lanes of a vector, so that each has the result. */
function joinLanes(found: Local<"f32x4">, how: "max" | "sum"): Statements {
  if (how === "sum") return found.set(f32x4.splat(sumLanes(found)));
  return [
    found.set(found.atLeast(shuffle(found, found, [2, 3, 0, 1]))),
    found.set(found.atLeast(shuffle(found, found, [1, 0, 3, 2]))),
  ];
}

/** Lines along the last axis, one after another. */
function lengthwise(engine: Engine, { name, fill, code }: LineKernel, [outer, count]: LineSizes) {
  const perItem = Math.max(1, Math.floor(elementsPerItem / count));
  const parameters = { ...arrays, lines: "i32" } as const;
  const key = `${name} lengthwise ${count}`;
  const kernel = engine.compile(key, parameters, ({ out, lines, ...inputs }, { begin, end }) => {
    const { base } = declare({ base: "i32" });
    const [whole, total] = [4 * count & -16, 4 * count];
    const line: Line = {
      each: (body) => [
        loop(0, whole, 16, (at) =>
          body({
            load: (array) => f32x4.load(inputs[array].add(base).add(at)),
            store: (value) => f32x4.store(out.add(base).add(at), value),
          })),
        loop(whole, total, 4, (at) =>
          body({
            load: (array) => f32x4.replace(f32x4.const(fill), 0, f32.load(inputs[array].add(base).add(at))),
            store: (value) => f32x4.storeFirst(out.add(base).add(at), value),
          })),
      ],
      join: joinLanes,
    };
    return loop(begin.mul(perItem), least(end.mul(perItem), lines), 1, (row) => [
      base.set(row.mul(total)),
      code(line),
    ]);
  });
  return { items: Math.ceil(outer / perItem), run: kernel };
}

/** Neighbouring lines side by side. */
function sideways(engine: Engine, { name, code }: LineKernel, [outer, count, inner]: LineSizes) {
  const perItem = Math.min(linesPerItem, inner);
  const blocks = Math.ceil(inner / perItem);
  const parameters = { ...arrays, lines: "i32" } as const;
  const kernel = engine.compile(`${name} ${[count, inner]}`, parameters, ({ out, ...inputs }, { each }) => {
    const { base } = declare({ base: "i32" });
    const lineAt = (at: Local<"i32">, { load, store }: Access): Line => ({
      each: (body) =>
        repeat(count, (k) => {
          const place = base.add(at).add(k.mul(4 * inner));
          return body({
            load: (array) => load(inputs[array].add(place)),
            store: (value) => store(out.add(place), value),
          });
        }),
      join: () => [],
    });
    return each((item) => [
      base.set(item.div(blocks).mul(4 * count * inner)),
      piece(
        item.rem(blocks),
        { bytes: 4 * perItem, total: 4 * inner },
        (from, to) => overRun(from, to, (at, access) => code(lineAt(at, access))),
      ),
    ]);
  });
  return { items: outer * blocks, run: kernel };
}

/** Sets `top` to the largest element and `sum` to Σ e^(x − top). */
function powers({ each, join }: Line, top: Local<"f32x4">, sum: Local<"f32x4">): Statements {
  return [
    top.set(-Infinity),
    each(({ load }) => top.set(top.atLeast(load("x")))),
    join(top, "max"),
    sum.set(0),
    each(({ load }) => sum.increase(exp(load("x").sub(top)))),
    join(sum, "sum"),
  ];
}

const softmax: LineKernel = {
  name: "softmax",
  fill: -Infinity,
  code(line) {
    const { top, sum } = declare({ top: "f32x4", sum: "f32x4" });
    return [
      powers(line, top, sum),
      sum.set(f32x4.const(1).div(sum)),
      line.each(({ load, store }) => store(exp(load("x").sub(top)).mul(sum))),
    ];
  },
};

/** `dx = y (g − Σ g y)`, with g as x. */
const softmaxGrad: LineKernel = {
  name: "softmaxGrad",
  fill: 0,
  code(line) {
    const { dot } = declare({ dot: "f32x4" });
    return [
      dot.set(0),
      line.each(({ load }) => dot.set(madd(load("x"), load("y"), dot))),
      line.join(dot, "sum"),
      line.each(({ load, store }) => store(load("y").mul(load("x").sub(dot)))),
    ];
  },
};

const logSoftmax: LineKernel = {
  name: "logSoftmax",
  fill: -Infinity,
  code(line) {
    const { top, sum } = declare({ top: "f32x4", sum: "f32x4" });
    return [
      powers(line, top, sum),
      sum.set(log(sum)),
      line.each(({ load, store }) => store(load("x").sub(top).sub(sum))),
    ];
  },
};

/** `dx = g − e^y Σ g`, with g as x. */
const logSoftmaxGrad: LineKernel = {
  name: "logSoftmaxGrad",
  fill: 0,
  code(line) {
    const { sum } = declare({ sum: "f32x4" });
    return [
      sum.set(0),
      line.each(({ load }) => sum.increase(load("x"))),
      line.join(sum, "sum"),
      line.each(({ load, store }) => store(load("x").sub(exp(load("y")).mul(sum)))),
    ];
  },
};

/** The softmax kernels. */
export function softmaxKernels(
  engine: Engine,
): Pick<CpuKernels, "softmax" | "softmaxGrad" | "logSoftmax" | "logSoftmaxGrad"> {
  const launch = (kernel: LineKernel) =>
  (
    [x, y]: readonly CpuArray[],
    [out]: readonly CpuArray[],
    { axis }: { readonly axis: number },
  ) => {
    const { shape } = out!;
    if (sizeOf(shape) === 0) return;
    const sizes: LineSizes = [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))];
    const { items, run } = (sizes[2] === 1 ? lengthwise : sideways)(engine, kernel, sizes);
    engine.run(run, items, { x: x!, y: y ?? x!, out: out!, lines: sizes[0] });
  };
  return {
    softmax: launch(softmax),
    softmaxGrad: launch(softmaxGrad),
    logSoftmax: launch(logSoftmax),
    logSoftmaxGrad: launch(logSoftmaxGrad),
  };
}
