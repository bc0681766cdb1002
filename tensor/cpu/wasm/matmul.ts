/**
 * Batched matrix product.
 *
 * b is packed into panels of a few vectors of columns, a into panels of a few rows, both neighbours along
 * the inner axis; a tile of results stays in registers while a block of the inner axis is summed.
 *
 * @module
 */

import type { MatmulAttributes } from "../../ops/matmul.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { broadcastStrides } from "./elementwise.ts";
import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, call, type Code, f32, i32, type Local, loop, madd, v128, when } from "./instructions.ts";
import type { ModuleBuilder } from "./module_builder.ts";
import { joinAxes, placeIn } from "./strided_loops.ts";

/** Rows and columns of a tile, whose sums the registers hold. */
interface Tile {
  readonly rows: number;
  readonly columns: number;
}

function tileSizes(engine: Engine): Tile {
  return engine.wide ? { rows: 6, columns: 16 } : { rows: 4, columns: 8 };
}

/** Part of the inner axis that is summed at once: a panel of b fits into the first-level cache. */
const depth = 256;
/** Panels of rows in a block of a: they stay in the second-level cache. */
const blockPanels = 16;
/** Panels of columns of a work item. */
const itemPanels = 32;

/** Working memory of a thread: a tile at the edge, and a block of rows. */
function scratchBytes({ rows, columns }: Tile): number {
  return 4 * rows * columns + 4 * rows * blockPanels * depth + 64;
}

interface Product {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly attributes: MatmulAttributes;
  /** Leading axes of the result, innermost first: size, and step of a and of b in matrices. */
  readonly batch: readonly { readonly size: number; readonly a: number; readonly b: number }[];
}

/** Matrices of b to `[panel][inner][columns]`, zeros beyond the last one. An item is a panel of a matrix. */
function packColumns(engine: Engine, { columns, inner, attributes: { transposeB } }: Product): Kernel {
  const width = tileSizes(engine).columns;
  const panels = Math.ceil(columns / width);
  const key = `matmul pack ${[columns, inner, transposeB]}`;
  return engine.kernel(key, () => ({ locals, begin, end, word }) => {
    const [item, panel, from, to, k] = locals.locals("i32", 5) as [Local, Local, Local, Local, Local];
    const [columnStep, innerStep] = transposeB ? [4 * inner, 4] : [4, 4 * columns];
    const vector = (at: number): Code => v128.store(to.get, v128.load(from.get, 4 * at), 4 * at);
    const single = (at: number, count: number): Code =>
      f32.store(to.get, at < count ? f32.load(from.get, at * columnStep) : f32.const(0), 4 * at);
    const copyColumns = (count: number): Code => {
      const all = Array.from({ length: width }, (_, at) => at);
      const isWhole = count === width && !transposeB;
      return loop(
        k,
        i32.const(0),
        i32.const(inner),
        1,
        block(
          ...(isWhole ? all.filter((at) => at % 4 === 0).map(vector) : all.map((at) => single(at, count))),
          from.set(i32.add(from.get, i32.const(innerStep))),
          to.set(i32.add(to.get, i32.const(4 * width))),
        ),
      );
    };
    const rest = columns % width;
    return loop(
      item,
      begin,
      end,
      1,
      block(
        panel.set(remainder(item.get, panels)),
        from.set(addressOf(
          word(0),
          [quotient(item.get, panels), 4 * columns * inner],
          [panel, width * columnStep],
        )),
        to.set(addressOf(word(1), [item, 4 * width * inner])),
        rest === 0 ? copyColumns(width) : when(
          i32.eq(panel.get, i32.const(panels - 1)),
          copyColumns(rest),
          copyColumns(width),
        ),
      ),
    );
  });
}

/** `pack(a, to, count)`: so many columns of a panel of rows, to `[inner][rows]`. */
function addPack(module: ModuleBuilder, height: number, rowStep: number, innerStep: number): number {
  return module.add(`pack${height}`, ["i32", "i32", "i32"], (locals, [a, to, count]) => {
    const k = locals.local("i32");
    return loop(
      k,
      i32.const(0),
      count!.get,
      1,
      block(
        ...Array.from({ length: height }, (_, r) => f32.store(to!.get, f32.load(a!.get, r * rowStep), 4 * r)),
        a!.set(i32.add(a!.get, i32.const(innerStep))),
        to!.set(i32.add(to!.get, i32.const(4 * height))),
      ),
    );
  });
}

/** `tile(a, b, c, count, isFirst)`: adds `count` products to each result, or starts it with them. */
function addTile(
  module: ModuleBuilder,
  { height, width, pitch, wide }: { height: number; width: number; pitch: number; wide: boolean },
): number {
  const name = `tile${height}x${width}x${pitch}`;
  return module.add(name, ["i32", "i32", "i32", "i32", "i32"], (locals, all) => {
    const [a, b, c, count, isFirst] = all as [Local, Local, Local, Local, Local];
    const vectors = width / 4;
    const sums = locals.locals("v128", vectors * height);
    const columnValues = locals.locals("v128", vectors);
    const [rowValues, value] = locals.locals("v128", 2) as [Local, Local];
    const k = locals.local("i32");
    const place = (i: number): number => Math.floor(i / vectors) * pitch + 16 * (i % vectors);
    const step = (at: number): Code =>
      block(
        ...columnValues.map((v, i) => v.set(v128.load(b.get, 4 * width * at + 16 * i))),
        wide ? [] : rowValues.set(v128.load(a.get, 4 * at * height)),
        ...Array.from({ length: height }, (_, r) =>
          block(
            value.set(
              wide
                ? v128.loadSplat(a.get, 4 * (at * height + r))
                : v128.shuffle(rowValues.get, rowValues.get, [r, r, r, r]),
            ),
            ...columnValues.map((v, i) => {
              const sum = sums[vectors * r + i]!;
              return sum.set(madd(value.get, v.get, sum.get));
            }),
          )),
      );
    const advance = (steps: number): Code =>
      block(
        a.set(i32.add(a.get, i32.const(4 * steps * height))),
        b.set(i32.add(b.get, i32.const(4 * width * steps))),
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
}

/** `edge(from, c, height, isFirst)`: puts the first columns of a tile at their places, or adds them. */
function addEdge(module: ModuleBuilder, width: number, rest: number, pitch: number): number {
  return module.add("edge", ["i32", "i32", "i32", "i32"], (locals, all) => {
    const [from, c, height, isFirst] = all as [Local, Local, Local, Local];
    const [line, at] = locals.locals("i32", 2) as [Local, Local];
    const [source, target] = [i32.add(from.get, at.get), i32.add(c.get, at.get)];
    return loop(
      line,
      i32.const(0),
      height.get,
      1,
      block(
        loop(
          at,
          i32.const(0),
          i32.const(4 * rest),
          4,
          when(
            isFirst.get,
            f32.store(target, f32.load(source)),
            f32.store(target, f32.add(f32.load(target), f32.load(source))),
          ),
        ),
        from.set(i32.add(from.get, i32.const(4 * width))),
        c.set(i32.add(c.get, i32.const(pitch))),
      ),
    );
  });
}

/** An item is a block of rows times some panels of columns of one matrix. */
function productKernel(engine: Engine, product: Product): Kernel {
  const { rows, columns, inner, attributes: { transposeA }, batch } = product;
  const { rows: height, columns: width } = tileSizes(engine);
  const { wide } = engine;
  const wholePanels = Math.floor(columns / width);
  const rest = columns % width;
  const panels = wholePanels + (rest > 0 ? 1 : 0);
  const lastRows = rows % height;
  const blockRows = height * blockPanels;
  const rowBlocks = Math.ceil(rows / blockRows);
  const columnBlocks = Math.ceil(panels / itemPanels);
  const [rowStep, innerStep] = transposeA ? [4, 4 * rows] : [4 * inner, 4];
  return engine.kernel(`matmul ${JSON.stringify(product)}`, (module) => {
    /** Functions for panels of a height. */
    const functions = (height: number) => ({
      pack: addPack(module, height, rowStep, innerStep),
      whole: wholePanels > 0 ? addTile(module, { height, width, pitch: 4 * columns, wide }) : -1,
      edge: rest > 0 ? addTile(module, { height, width, pitch: 4 * width, wide }) : -1,
    });
    const full = rows >= height ? functions(height) : null;
    const last = lastRows > 0 ? functions(lastRows) : null;
    const edgeRows = rest > 0 ? addEdge(module, width, rest, 4 * columns) : -1;
    return ({ locals, begin, end, word, thread }) => {
      const names = locals.locals("i32", 14) as unknown as [
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
      ];
      const [item, matrix, row, left, a, b, c, scratch, k, count, r, p, first, stop] = names;
      const packed = i32.add(scratch.get, i32.const(4 * height * width));
      const isFirst = i32.eqz(k.get);
      const wholeRows = i32.sub(left.get, remainder(left.get, height));
      /** Runs a body for each panel of rows of the block; its first row is in `r`. */
      const eachPanel = (body: (of: ReturnType<typeof functions>, height: number) => Code): Code =>
        block(
          full ? loop(r, i32.const(0), wholeRows, height, body(full, height)) : [],
          last ? when(remainder(left.get, height), block(r.set(wholeRows), body(last, lastRows))) : [],
        );
      const panelOfRows = addressOf(packed, [r, 4 * depth]);
      const panelOfColumns = addressOf(b.get, [k, 4 * width], [p, 4 * width * inner]);
      const place = addressOf(c.get, [r, 4 * columns], [p, 4 * width]);
      return loop(
        item,
        begin,
        end,
        1,
        block(
          matrix.set(quotient(item.get, rowBlocks * columnBlocks)),
          row.set(i32.mul(remainder(quotient(item.get, columnBlocks), rowBlocks), i32.const(blockRows))),
          left.set(i32.sub(i32.const(rows), row.get)),
          when(i32.gtU(left.get, i32.const(blockRows)), left.set(i32.const(blockRows))),
          first.set(i32.mul(remainder(item.get, columnBlocks), i32.const(itemPanels))),
          stop.set(i32.add(first.get, i32.const(itemPanels))),
          when(i32.gtU(stop.get, i32.const(wholePanels)), stop.set(i32.const(wholePanels))),
          a.set(addressOf(
            placeIn(word(0), matrix, batch.map(({ size, a }) => ({ size, step: a * rows * inner }))),
            [row, rowStep],
          )),
          b.set(placeIn(
            word(1),
            matrix,
            batch.map(({ size, b }) => ({ size, step: b * panels * width * inner })),
          )),
          c.set(addressOf(word(2), [matrix, 4 * rows * columns], [row, 4 * columns])),
          scratch.set(addressOf(word(3), [thread, scratchBytes({ rows: height, columns: width })])),
          loop(
            k,
            i32.const(0),
            i32.const(inner),
            depth,
            block(
              count.set(i32.sub(i32.const(inner), k.get)),
              when(i32.gtU(count.get, i32.const(depth)), count.set(i32.const(depth))),
              eachPanel(({ pack }) =>
                call(pack, addressOf(a.get, [r, rowStep], [k, innerStep]), panelOfRows, count.get)
              ),
              loop(
                p,
                first.get,
                stop.get,
                1,
                eachPanel(({ whole }) =>
                  whole < 0 ? [] : call(whole, panelOfRows, panelOfColumns, place, count.get, isFirst)
                ),
              ),
              // The last columns are computed aside: a whole tile would write past the end of a row.
              rest === 0 ? [] : when(
                i32.eq(stop.get, i32.const(wholePanels)),
                block(
                  p.set(i32.const(wholePanels)),
                  eachPanel(({ edge }, height) =>
                    block(
                      call(edge, panelOfRows, panelOfColumns, scratch.get, count.get, i32.const(1)),
                      call(edgeRows, scratch.get, place, i32.const(height), isFirst),
                    )
                  ),
                ),
              ),
            ),
          ),
        ),
      );
    };
  });
}

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
      const tile = tileSizes(engine);
      const panels = Math.ceil(columns / tile.columns);
      const matrices = sizeOf(b!.shape) / (columns * inner);
      engine.withScratch(
        4 * matrices * panels * tile.columns * inner,
        (packed) =>
          engine.withScratch(engine.threads * scratchBytes(tile), (scratch) => {
            engine.launch(packColumns(engine, product), matrices * panels, [b!.address, packed]);
            engine.launch(
              productKernel(engine, product),
              sizeOf(out!.shape.slice(0, -2)) * Math.ceil(rows / (tile.rows * blockPanels)) *
                Math.ceil(panels / itemPanels),
              [a!.address, packed, out!.address, scratch],
            );
          }),
      );
    },
  };
}
