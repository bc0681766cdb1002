/**
 * Similarity of rows: the three sums of a row are taken in pieces, on all threads, and added in float64 in their order.
 *
 * @module
 */

import { similarityOf } from "../../ops/row_similarity.ts";
import { sizeOf } from "../../shape.ts";
import type { CpuKernels } from "../kernel.ts";
import { declare, f32, f32x4, f64, type Local, madd, type Statements } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { itemBytes, itemsIn, overRun, piece, sumOverRun } from "./runs.ts";

/** Sums of a piece: xy, xx, yy. */
const sumCount = 3;

/** Finds the row of an item and its piece there. An item is a piece of a row. */
function overPiece(
  item: Local<"i32">,
  length: number,
  body: (row: Local<"i32">, from: Local<"i32">, to: Local<"i32">) => Statements,
): Statements {
  const { row } = declare({ row: "i32" });
  return [
    row.set(item.div(itemsIn(length))),
    piece(
      item.rem(itemsIn(length)),
      { bytes: itemBytes, total: 4 * length },
      (from, to) => body(row, from, to),
    ),
  ];
}

function sumsKernel(engine: Engine, length: number) {
  const parameters = { x: "i32", y: "i32", sums: "i32" } as const;
  return engine.compile(`rowSimilarity ${length}`, parameters, ({ x, y, sums }, { each }) => {
    const { xAt, yAt, to } = declare({ xAt: "i32", yAt: "i32", to: "i32" });
    const { a, b, totals } = declare({ a: "f32x4", b: "f32x4", totals: ["f64", sumCount] });
    return each((item) =>
      overPiece(item, length, (row, from, end) => [
        xAt.set(x.add(row.mul(4 * length)).add(from)),
        yAt.set(y.add(row.mul(4 * length)).add(from)),
        totals.map((total) => total.set(0)),
        sumOverRun(end.sub(from), totals, (at, { load }, [xy, xx, yy]) => [
          a.set(load(xAt.add(at))),
          b.set(load(yAt.add(at))),
          xy!.set(madd(a, b, xy!)),
          xx!.set(madd(a, a, xx!)),
          yy!.set(madd(b, b, yy!)),
        ]),
        to.set(sums.add(item.mul(8 * sumCount))),
        totals.map((total, i) => f64.store(to, total, 8 * i)),
      ])
    );
  });
}

function gradientKernel(engine: Engine, length: number) {
  const arrays = { g: "i32", slopes: "i32", x: "i32", y: "i32", dx: "i32", dy: "i32" } as const;
  return engine.compile(`rowSimilarityGrad ${length}`, arrays, ({ g, slopes, x, y, dx, dy }, { each }) => {
    const { offset, xs, ys } = declare({ offset: "i32", xs: "f32x4", ys: "f32x4" });
    const { slope } = declare({ slope: ["f32x4", 3] });
    const [a, b, c] = slope as [Local<"f32x4">, Local<"f32x4">, Local<"f32x4">];
    return each((item) =>
      overPiece(item, length, (row, from, to) => [
        offset.set(row.mul(4 * length)),
        slope.map((one, k) =>
          one.set(f32x4.splat(f32.load(g.add(row.mul(4))).mul(f32.load(slopes.add(row.mul(12)), 4 * k))))
        ),
        overRun(from, to, (at, { load, store }) => [
          xs.set(load(x.add(offset).add(at))),
          ys.set(load(y.add(offset).add(at))),
          store(dx.add(offset).add(at), madd(a, ys, b.mul(xs))),
          store(dy.add(offset).add(at), madd(a, xs, c.mul(ys))),
        ]),
      ])
    );
  });
}

/** Dice and cosine of rows, and their gradient. */
export function rowSimilarityKernels(
  engine: Engine,
): Pick<CpuKernels, "rowSimilarity" | "rowSimilarityGrad"> {
  return {
    rowSimilarity([x, y], [out, slopes], { measure, epsilon }) {
      const length = x!.shape.at(-1)!, rows = sizeOf(out!.shape), parts = itemsIn(length);
      engine.scratch({ sums: 8 * sumCount * rows * parts }, ({ sums }) => {
        engine.run(sumsKernel(engine, length), rows * parts, { x: x!, y: y!, sums });
        const found = engine.view(Float64Array, sums, sumCount * rows * parts);
        for (let row = 0; row < rows; row++) {
          let [xy, xx, yy] = [0, 0, 0];
          for (let at = sumCount * parts * row; at < sumCount * parts * (row + 1); at += sumCount) {
            xy += found[at]!;
            xx += found[at + 1]!;
            yy += found[at + 2]!;
          }
          const [s, ...slope] = similarityOf[measure]({ xy, xx, yy }, epsilon);
          out!.data[row] = s;
          slopes!.data.set(slope, 3 * row);
        }
      });
    },
    rowSimilarityGrad([g, slopes, x, y], [dx, dy]) {
      const length = x!.shape.at(-1)!, items = sizeOf(g!.shape) * itemsIn(length);
      const inputs = { g: g!, slopes: slopes!, x: x!, y: y!, dx: dx!, dy: dy! };
      engine.run(gradientKernel(engine, length), items, inputs);
    },
  };
}
