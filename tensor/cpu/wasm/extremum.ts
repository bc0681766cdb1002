/**
 * The largest and the smallest elements over any axes, and where they are: the first of equal ones, and NaN before
 * every number.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { JoinedAxes } from "../../strides.ts";
import type { CpuArray } from "../kernel.ts";
import {
  type Code,
  declare,
  f32,
  i32,
  i32x4,
  type Local,
  loop,
  select,
  type Statements,
  when,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { overRun, piece } from "./runs.ts";
import { axesWhere, type Axis, isReduced, placeOf } from "./strides.ts";

/** Neighbouring results of a work item. */
const columns = 4096;

const parameters = { x: "i32", out: "i32", positions: "i32" } as const;

/** Rows that are reduced, element by element. An item is a result. */
function rowsKernel(engine: Engine, name: "max" | "min", joined: JoinedAxes, count: number) {
  const key = `${name} rows ${joined.sizes} ${joined.steps}`;
  return engine.compile(key, parameters, ({ x, out, positions }, { each }) => {
    const { start, found } = declare({ start: "i32", found: "i32" });
    const { best, value } = declare({ best: "f32", value: "f32" });
    const isNaN = (number: Code<"f32">) => number.eq(number).eq(0);
    const isBetter = name === "max" ? value.gt(best) : value.lt(best);
    const reduced = axesWhere(joined, "reduced");
    return each((item) => [
      start.set(placeOf(x, item, axesWhere(joined, "kept"))),
      best.set(f32.load(start)),
      found.set(0),
      loop(1, count, 1, (r) => [
        value.set(f32.load(placeOf(start, r, reduced))),
        when(isBetter.or(isNaN(value).gt(isNaN(best))), [best.set(value), found.set(r)]),
      ]),
      f32.store(out.add(item.mul(4)), best),
      i32.store(positions.add(item.mul(4)), found),
    ]);
  });
}

/** Outer axes that are reduced, four results at once. An item is a run of results. */
function columnsKernel(engine: Engine, name: "max" | "min", joined: JoinedAxes, count: number) {
  const key = `${name} columns ${joined.sizes} ${joined.steps}`;
  return engine.compile(key, parameters, ({ x, out, positions }, { each }) => {
    const [row, ...outer] = axesWhere(joined, "kept") as [Axis, ...Axis[]];
    const reduced = axesWhere(joined, "reduced");
    const runs = Math.ceil(row.size / columns);
    const { start, target } = declare({ start: "i32", target: "i32" });
    const { best, value } = declare({ best: "f32x4", value: "f32x4" });
    const { found, wins } = declare({ found: "i32x4", wins: "i32x4" });
    const isBetter = name === "max" ? value.gt(best) : value.lt(best);
    const compare = (r: Local<"i32">, next: Code<"f32x4">): Statements => [
      value.set(next),
      wins.set(isBetter.or(best.eq(best).unless(value.eq(value)))),
      best.set(select(wins, value, best)),
      found.set(select(wins, i32x4.splat(r), found)),
    ];
    return each((item) => [
      start.set(placeOf(x, item.div(runs), outer)),
      target.set(item.div(runs).mul(4 * row.size)),
      piece(
        item.rem(runs),
        { bytes: 4 * columns, total: 4 * row.size },
        (from, to) =>
          overRun(from, to, (at, { load, store }) => [
            best.set(load(start.add(at))),
            found.set(0),
            loop(1, count, 1, (r) => compare(r, load(placeOf(start.add(at), r, reduced)))),
            store(out.add(target).add(at), best),
            store(positions.add(target).add(at), found.asFloat()),
          ]),
      ),
    ]);
  });
}

/** Finds the extrema over the reduced axes and their positions in the reduced block. */
export function extremum(
  engine: Engine,
  name: "max" | "min",
  joined: JoinedAxes,
  { x, out, positions }: Readonly<Record<"x" | "out" | "positions", CpuArray>>,
): void {
  const [results, row] = [sizeOf(out.shape), joined.sizes[0]!];
  const count = sizeOf(x.shape) / results;
  const kernel = (isReduced(joined, 0) ? rowsKernel : columnsKernel)(engine, name, joined, count);
  const items = isReduced(joined, 0) ? results : Math.ceil(row / columns) * results / row;
  engine.run(kernel, items, { x, out, positions });
}
