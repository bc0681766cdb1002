/**
 * Batched matrix product.
 *
 * b is packed into panels of eight columns, a into panels of six rows with every number stored four times;
 * a tile of 6 × 8 results stays in twelve registers while a block of the inner axis is summed.
 *
 * @module
 */

import type { MatmulAttributes } from "../../ops/matmul.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { broadcastStrides } from "./elementwise.ts";
import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, call, type Code, f32, i32, type Local, loop, madd, v128, when } from "./instructions.ts";
import { joinAxes, placeIn } from "./strided_loops.ts";

/** Columns of a tile: two vectors. */
const panelColumns = 8;
/** Rows of a tile. */
const panelRows = 6;
/** Part of the inner axis that is summed at once: its panels fit into the first-level cache. */
const depth = 256;

interface Product {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly attributes: MatmulAttributes;
  /** Leading axes of the result, innermost first: size, and step of a and of b in matrices. */
  readonly batch: readonly { readonly size: number; readonly a: number; readonly b: number }[];
}

/** Matrices of b to `[panel][inner][8]`, zeros beyond the last column. An item is one panel of one matrix. */
function packColumns(engine: Engine, { columns, inner, attributes: { transposeB } }: Product): Kernel {
  const panels = Math.ceil(columns / panelColumns);
  return engine.kernel(
    `matmul pack ${[columns, inner, transposeB]}`,
    () => ({ locals, begin, end, word }) => {
      const [item, panel, from, to, k, c] = locals.locals("i32", 6) as [
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
      ];
      const [columnStep, innerStep] = transposeB ? [4 * inner, 4] : [4, 4 * columns];
      const copyColumns = (count: number): Code =>
        loop(
          k,
          i32.const(0),
          i32.const(inner),
          1,
          block(
            ...(count === panelColumns && !transposeB
              ? [0, 16].map((at) => v128.store(to.get, v128.load(from.get, at), at))
              : Array.from(
                { length: panelColumns },
                (_, at) =>
                  f32.store(to.get, at < count ? f32.load(from.get, at * columnStep) : f32.const(0), 4 * at),
              )),
            from.set(i32.add(from.get, i32.const(innerStep))),
            to.set(i32.add(to.get, i32.const(4 * panelColumns))),
          ),
        );
      const rest = columns % panelColumns;
      return loop(
        item,
        begin,
        end,
        1,
        block(
          panel.set(remainder(item.get, panels)),
          c.set(i32.mul(panel.get, i32.const(panelColumns))),
          from.set(addressOf(word(0), [quotient(item.get, panels), 4 * columns * inner], [c, columnStep])),
          to.set(addressOf(word(1), [item, 4 * panelColumns * inner])),
          rest === 0 ? copyColumns(panelColumns) : when(
            i32.eq(panel.get, i32.const(panels - 1)),
            copyColumns(rest),
            copyColumns(panelColumns),
          ),
        ),
      );
    },
  );
}

function productKernel(engine: Engine, product: Product): Kernel {
  const { rows, columns, inner, attributes: { transposeA }, batch } = product;
  const wholePanels = Math.floor(columns / panelColumns);
  const rest = columns % panelColumns;
  const panels = wholePanels + (rest > 0 ? 1 : 0);
  const [rowStep, innerStep] = transposeA ? [4, 4 * rows] : [4 * inner, 4];
  const lastRows = rows % panelRows;
  const rowPanels = Math.ceil(rows / panelRows);
  return engine.kernel(`matmul ${JSON.stringify(product)}`, (module) => {
    /** pack(a, to, count): so many columns of a panel of rows, each number four times. */
    const pack = (height: number) =>
      module.add(`pack${height}`, ["i32", "i32", "i32"], (locals, [a, to, count]) => {
        const k = locals.local("i32");
        return loop(
          k,
          i32.const(0),
          count!.get,
          1,
          block(
            ...Array.from(
              { length: height },
              (_, r) => v128.store(to!.get, v128.loadSplat(a!.get, r * rowStep), 16 * r),
            ),
            a!.set(i32.add(a!.get, i32.const(innerStep))),
            to!.set(i32.add(to!.get, i32.const(16 * height))),
          ),
        );
      });
    /** tile(a, b, c, count, isFirst): adds a block of products to the results, or starts them. */
    const tile = (height: number, pitch: number) =>
      module.add(`tile${height}x${pitch}`, ["i32", "i32", "i32", "i32", "i32"], (locals, all) => {
        const [a, b, c, count, isFirst] = all as [Local, Local, Local, Local, Local];
        const sums = locals.locals("v128", 2 * height);
        const [low, high] = locals.locals("v128", 2) as [Local, Local];
        const k = locals.local("i32");
        const place = (i: number): number => (i >> 1) * pitch + 16 * (i & 1);
        const step = (at: number): Code =>
          block(
            low.set(v128.load(b.get, 32 * at)),
            high.set(v128.load(b.get, 32 * at + 16)),
            ...Array.from({ length: height }, (_, r) => {
              const value = v128.load(a.get, 16 * (at * height + r));
              return block(
                sums[2 * r]!.set(madd(value, low.get, sums[2 * r]!.get)),
                sums[2 * r + 1]!.set(madd(value, high.get, sums[2 * r + 1]!.get)),
              );
            }),
          );
        const advance = (steps: number): Code =>
          block(
            a.set(i32.add(a.get, i32.const(16 * steps * height))),
            b.set(i32.add(b.get, i32.const(32 * steps))),
          );
        const fours = i32.and(count.get, i32.const(-4));
        return block(
          when(
            isFirst.get,
            block(...sums.map((sum) => sum.set(v128.zero))),
            block(...sums.map((sum, i) => sum.set(v128.load(c.get, place(i))))),
          ),
          loop(k, i32.const(0), fours, 4, block(step(0), step(1), step(2), step(3), advance(4))),
          loop(k, fours, count.get, 1, block(step(0), advance(1))),
          ...sums.map((sum, i) => v128.store(c.get, sum.get, place(i))),
        );
      });
    /** One panel of rows: panel(a, b, c, scratch). */
    const panel = (height: number) => {
      const packRows = pack(height);
      const whole = wholePanels > 0 ? tile(height, 4 * columns) : -1;
      const edge = rest > 0 ? tile(height, 4 * panelColumns) : -1;
      return module.add(`panel${height}`, ["i32", "i32", "i32", "i32"], (locals, all) => {
        const [a, b, c, scratch] = all as [Local, Local, Local, Local];
        const [k, count, p] = locals.locals("i32", 3) as [Local, Local, Local];
        const packed = i32.add(scratch.get, i32.const(4 * panelRows * panelColumns));
        const isFirst = i32.eqz(k.get);
        const panelBytes = 4 * panelColumns * inner;
        return loop(
          k,
          i32.const(0),
          i32.const(inner),
          depth,
          block(
            count.set(i32.sub(i32.const(inner), k.get)),
            when(i32.gtU(count.get, i32.const(depth)), count.set(i32.const(depth))),
            call(packRows, addressOf(a.get, [k, innerStep]), packed, count.get),
            wholePanels > 0
              ? loop(
                p,
                i32.const(0),
                i32.const(wholePanels),
                1,
                call(
                  whole,
                  packed,
                  addressOf(b.get, [k, 4 * panelColumns], [p, panelBytes]),
                  addressOf(c.get, [p, 4 * panelColumns]),
                  count.get,
                  isFirst,
                ),
              )
              : [],
            // The last columns are computed aside: a whole tile would write past the end of the row.
            rest > 0
              ? block(
                call(
                  edge,
                  packed,
                  addressOf(b.get, [k, 4 * panelColumns], [i32.const(wholePanels), panelBytes]),
                  scratch.get,
                  count.get,
                  i32.const(1),
                ),
                ...Array.from({ length: height * rest }, (_, i) => {
                  const [r, column] = [Math.floor(i / rest), i % rest];
                  const at = 4 * (r * columns + wholePanels * panelColumns + column);
                  const value = f32.load(scratch.get, 4 * (r * panelColumns + column));
                  return when(
                    isFirst,
                    f32.store(c.get, value, at),
                    f32.store(c.get, f32.add(f32.load(c.get, at), value), at),
                  );
                }),
              )
              : [],
          ),
        );
      });
    };
    const full = rows >= panelRows ? panel(panelRows) : -1;
    const last = lastRows > 0 ? panel(lastRows) : -1;
    return ({ locals, begin, end, word, thread }) => {
      const [item, matrix, row, a, b, c, scratch] = locals.locals("i32", 7) as [
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
      ];
      const run = (index: number): Code => call(index, a.get, b.get, c.get, scratch.get);
      const packedMatrix = panels * panelColumns * inner;
      return loop(
        item,
        begin,
        end,
        1,
        block(
          matrix.set(quotient(item.get, rowPanels)),
          row.set(i32.mul(remainder(item.get, rowPanels), i32.const(panelRows))),
          a.set(addressOf(
            placeIn(word(0), matrix, batch.map(({ size, a }) => ({ size, step: a * rows * inner }))),
            [row, rowStep],
          )),
          b.set(placeIn(word(1), matrix, batch.map(({ size, b }) => ({ size, step: b * packedMatrix })))),
          c.set(addressOf(word(2), [matrix, 4 * rows * columns], [row, 4 * columns])),
          scratch.set(addressOf(word(3), [thread, scratchBytes])),
          full >= 0 && last >= 0
            ? when(i32.gtU(i32.add(row.get, i32.const(panelRows)), i32.const(rows)), run(last), run(full))
            : run(full >= 0 ? full : last),
        ),
      );
    };
  });
}

/** Working memory of a thread: a tile at the edge, and a panel of rows. */
const scratchBytes = 4 * panelRows * panelColumns + 16 * panelRows * depth;

function productOf(a: CpuArray, b: CpuArray, out: Shape, attributes: MatmulAttributes): Product {
  const lead = out.slice(0, -2);
  const { sizes, steps } = joinAxes(lead, [
    broadcastStrides(a.shape.slice(0, -2), lead),
    broadcastStrides(b.shape.slice(0, -2), lead),
  ]);
  return {
    rows: out.at(-2)!,
    columns: out.at(-1)!,
    inner: a.shape.at(attributes.transposeA ? -2 : -1)!,
    attributes,
    batch: sizes.map((size, i) => ({ size, a: steps[i]![0]!, b: steps[i]![1]! })),
  };
}

/** The matrix product. */
export function matmulKernels(engine: Engine): Pick<CpuKernels, "matmul"> {
  return {
    matmul([a, b], [out], attributes) {
      const product = productOf(a!, b!, out!.shape, attributes);
      const { rows, columns, inner } = product;
      if (sizeOf(out!.shape) === 0) return;
      if (inner === 0) {
        out!.data.fill(0);
        return;
      }
      const panels = Math.ceil(columns / panelColumns);
      const matrices = sizeOf(b!.shape) / (columns * inner);
      engine.withScratch(
        4 * matrices * panels * panelColumns * inner,
        (packed) =>
          engine.withScratch(engine.threads * scratchBytes, (scratch) => {
            engine.launch(packColumns(engine, product), matrices * panels, [b!.address, packed]);
            engine.launch(
              productKernel(engine, product),
              sizeOf(out!.shape.slice(0, -2)) * Math.ceil(rows / panelRows),
              [a!.address, packed, out!.address, scratch],
            );
          }),
      );
    },
  };
}
