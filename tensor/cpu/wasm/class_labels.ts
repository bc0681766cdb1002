/**
 * Between values and class ids: four neighbours at once, which are not along the classes' axis.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { classLabelsKernels as reference } from "../reference/class_labels.ts";
import { declare, f32x4, i32x4, loop, select } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { overRun, piece } from "./runs.ts";

/** Neighbours of a work item. */
const perItem = 4096;

/** Sizes before, along and after an axis. */
type Sizes = readonly [outer: number, count: number, inner: number];

const sizesAround = ({ shape }: CpuArray, axis: number): Sizes => [
  sizeOf(shape.slice(0, axis)),
  shape[axis]!,
  sizeOf(shape.slice(axis + 1)),
];

function argmaxKernel(engine: Engine, [, count, inner]: Sizes) {
  const runs = Math.ceil(inner / perItem);
  return engine.compile(`argmax ${[count, inner]}`, { x: "i32", out: "i32" }, ({ x, out }, { each }) => {
    const { first, value, best } = declare({ first: "i32", value: "f32x4", best: "f32x4" });
    const { wins, found } = declare({ wins: "i32x4", found: "i32x4" });
    return each((item) => {
      const outer = item.div(runs);
      return piece(
        item.rem(runs),
        { bytes: 4 * perItem, total: 4 * inner },
        (from, to) =>
          overRun(from, to, (at, { load, store }) => [
            first.set(x.add(outer.mul(4 * count * inner)).add(at)),
            best.set(load(first)),
            found.set(0),
            loop(1, count, 1, (k) => [
              value.set(load(first.add(k.mul(4 * inner)))),
              wins.set(value.gt(best)),
              best.set(select(wins, value, best)),
              found.set(select(wins, i32x4.splat(k), found)),
            ]),
            store(out.add(outer.mul(4 * inner)).add(at), found.asFloat()),
          ]),
      );
    });
  });
}

/** An item is a class of an outer index. */
function oneHotKernel(engine: Engine, [, classes, inner]: Sizes) {
  return engine.compile(
    `oneHot ${[classes, inner]}`,
    { ids: "i32", out: "i32" },
    ({ ids, out }, { each }) => {
      const { own } = declare({ own: "i32x4" });
      return each((item) => [
        own.set(i32x4.splat(item.rem(classes))),
        overRun(0, 4 * inner, (at, { load, store }) => {
          const id = load(ids.add(item.div(classes).mul(4 * inner)).add(at)).bits();
          return store(out.add(item.mul(4 * inner)).add(at), f32x4.const(1).where(id.eq(own)));
        }),
      ]);
    },
  );
}

/** The kernels of class ids. */
export function classLabelsKernels(engine: Engine): Pick<CpuKernels, "argmax" | "oneHot"> {
  return {
    argmax([x], [out], attributes) {
      if (sizeOf(out!.shape) === 0) return;
      // The largest of integers is asked for rarely, and the vectors here compare floats.
      if (x!.dtype === "i32") return reference.argmax([x!], [out!], attributes);
      const sizes = sizesAround(x!, attributes.axis);
      const items = sizes[0] * Math.ceil(sizes[2] / perItem);
      engine.run(argmaxKernel(engine, sizes), items, { x: x!, out: out! });
    },
    oneHot([ids], [out], { axis }) {
      if (sizeOf(out!.shape) === 0) return;
      const sizes = sizesAround(out!, axis);
      engine.run(oneHotKernel(engine, sizes), sizes[0] * sizes[1], { ids: ids!, out: out! });
    },
  };
}
