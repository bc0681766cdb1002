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
  f32x4,
  i32,
  i32x4,
  loop,
  repeat,
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

type Name = "max" | "min";

/** What four lanes have found; `compare` lets other values take their places where they are better. */
function search(name: Name) {
  const { best, value } = declare({ best: "f32x4", value: "f32x4" });
  const { found, wins } = declare({ found: "i32x4", wins: "i32x4" });
  const isBetter = name === "max" ? value.gt(best) : value.lt(best);
  const compare = (next: Code<"f32x4">, position: Code<"i32x4">, present: Code<"i32x4">): Statements => [
    value.set(next),
    wins.set(isBetter.or(best.eq(best).unless(value.eq(value))).and(present)),
    best.set(select(wins, value, best)),
    found.set(select(wins, position, found)),
  ];
  return { best, found, compare };
}

/** Rows that are reduced, four elements at once. An item is a result. */
function rowsKernel(engine: Engine, name: Name, joined: JoinedAxes) {
  const key = `${name} rows ${joined.sizes} ${joined.steps}`;
  return engine.compile(key, parameters, ({ x, out, positions }, { each }) => {
    const [row, ...outer] = axesWhere(joined, "reduced") as [Axis, ...Axis[]];
    const repeats = outer.reduce((count, { size }) => count * size, 1);
    const { start, line, first, top } = declare({ start: "i32", line: "i32", first: "i32", top: "f32" });
    const { best, found, compare } = search(name);
    const lanes = i32x4.lanes([0, 1, 2, 3]);
    const isNaN = (number: Code<"f32">) => number.eq(number).eq(0);
    const join = (value: Code<"f32">, position: Code<"i32">): Statements => {
      const isBetter = name === "max" ? value.gt(top) : value.lt(top);
      const isEqual = value.eq(top).or(isNaN(value).and(isNaN(top)));
      const wins = isBetter.or(isNaN(value).gt(isNaN(top))).or(isEqual.and(position.lt(first)));
      return when(wins, [top.set(value), first.set(position)]);
    };
    return each((item) => [
      start.set(placeOf(x, item, axesWhere(joined, "kept"))),
      best.set(f32x4.loadSplat(start)),
      found.set(0),
      repeat(repeats, (n) => [
        line.set(placeOf(start, n, outer)),
        overRun(
          0,
          4 * row.size,
          (at, { load, present }) =>
            compare(load(line.add(at)), i32x4.splat(n.mul(row.size).add(at.div(4))).add(lanes), present),
        ),
      ]),
      top.set(best.lane(0)),
      first.set(found.integerLane(0)),
      [1, 2, 3].map((lane) => join(best.lane(lane), found.integerLane(lane))),
      f32.store(out.add(item.mul(4)), top),
      i32.store(positions.add(item.mul(4)), first),
    ]);
  });
}

/** Outer axes that are reduced, four results at once. An item is a run of results. */
function columnsKernel(engine: Engine, name: Name, joined: JoinedAxes, count: number) {
  const key = `${name} columns ${joined.sizes} ${joined.steps}`;
  return engine.compile(key, parameters, ({ x, out, positions }, { each }) => {
    const [row, ...outer] = axesWhere(joined, "kept") as [Axis, ...Axis[]];
    const reduced = axesWhere(joined, "reduced");
    const runs = Math.ceil(row.size / columns);
    const { start, target } = declare({ start: "i32", target: "i32" });
    const { best, found, compare } = search(name);
    return each((item) => [
      start.set(placeOf(x, item.div(runs), outer)),
      target.set(item.div(runs).mul(4 * row.size)),
      piece(
        item.rem(runs),
        { bytes: 4 * columns, total: 4 * row.size },
        (from, to) =>
          overRun(from, to, (at, { load, store, present }) => [
            best.set(load(start.add(at))),
            found.set(0),
            loop(1, count, 1, (r) =>
              compare(load(placeOf(start.add(at), r, reduced)), i32x4.splat(r), present)),
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
  name: Name,
  joined: JoinedAxes,
  { x, out, positions }: Readonly<Record<"x" | "out" | "positions", CpuArray>>,
): void {
  const [results, row] = [sizeOf(out.shape), joined.sizes[0]!];
  const count = sizeOf(x.shape) / results;
  if (isReduced(joined, 0)) {
    engine.run(rowsKernel(engine, name, joined), results, { x, out, positions });
    return;
  }
  const items = Math.ceil(row / columns) * results / row;
  engine.run(columnsKernel(engine, name, joined, count), items, { x, out, positions });
}
