/**
 * Batched matrix product.
 *
 * Both factors are packed into strips (`matmul_pack.ts`) whose products the micro-kernel sums (`matmul_tile.ts`).
 * A work item is a block of the result. A part of a strip of b stays in the first-level cache while the strips of
 * a pass by, which stay in the second-level cache.
 *
 * @module
 */

import type { MatmulAttributes } from "../../ops/matmul.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { broadcastStrides } from "./elementwise.ts";
import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, call, type Code, i32, type Local, loop, when } from "./instructions.ts";
import { packKernel, stripBytes, type Strips, stripsOf } from "./matmul_pack.ts";
import { addEdge, addTile, type Tile, tileOf } from "./matmul_tile.ts";
import type { ModuleBuilder } from "./module_builder.ts";
import { joinAxes, placeIn } from "./strided_loops.ts";

/** Part of the inner axis that is summed at once. */
const depth = 256;

interface Product {
  readonly tile: Tile;
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  /** Leading axes of the result, innermost first: size, and step of a and of b in matrices. */
  readonly batch: readonly { readonly size: number; readonly a: number; readonly b: number }[];
  /** Strips of rows and of columns of a work item. */
  readonly block: readonly [number, number];
}

const stripsOfRows = ({ rows, tile }: Product): number => Math.ceil(rows / tile.rows);
const stripsOfColumns = ({ columns, tile }: Product): number => Math.ceil(columns / tile.columns);
const blocksOf = (product: Product): [number, number] => [
  Math.ceil(stripsOfRows(product) / product.block[0]),
  Math.ceil(stripsOfColumns(product) / product.block[1]),
];

/**
 * The largest blocks that leave items enough for many threads, cut along the axis that makes them squarer. They
 * depend on shapes alone; so small that the packed factors are read too often they never get.
 */
function chooseBlock(
  rowStrips: number,
  columnStrips: number,
  matrices: number,
  tile: Tile,
): [number, number] {
  let [rows, columns] = [Math.min(16, rowStrips), Math.min(32, columnStrips)];
  const items = () => matrices * Math.ceil(rowStrips / rows) * Math.ceil(columnStrips / columns);
  while (items() < 32 && (rows > 4 || columns > 4)) {
    const isTall = rows * tile.rows >= columns * tile.columns;
    if (columns <= 4 || (isTall && rows > 4)) rows = Math.ceil(rows / 2);
    else columns = Math.ceil(columns / 2);
  }
  return [rows, columns];
}

/** `multiply(a, b, c, scratch, r, p, count, isFirst)`: one tile, at an edge of the result by way of the scratch. */
function addMultiply(module: ModuleBuilder, product: Product, wide: boolean): number {
  const { tile, rows, columns } = product;
  const [lastRows, lastColumns] = [rows % tile.rows, columns % tile.columns];
  const pitch = i32.const(4 * columns);
  const whole = addTile(module, tile, wide);
  const edge = lastRows > 0 || lastColumns > 0 ? addEdge(module, tile) : -1;
  const names = ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"] as const;
  return module.add("multiply", names, (locals, all) => {
    const [a, b, c, scratch, r, p, count, isFirst] = all as Eight;
    const [height, width] = locals.locals("i32", 2) as [Local, Local];
    const direct = call(whole, a.get, b.get, c.get, count.get, isFirst.get, pitch);
    if (edge < 0) return direct;
    const isLast = (strip: Local, strips: number): Code => i32.eq(strip.get, i32.const(strips - 1));
    return block(
      height.set(i32.const(tile.rows)),
      width.set(i32.const(4 * tile.columns)),
      lastRows > 0 ? when(isLast(r, stripsOfRows(product)), height.set(i32.const(lastRows))) : [],
      lastColumns > 0 ? when(isLast(p, stripsOfColumns(product)), width.set(i32.const(4 * lastColumns))) : [],
      when(
        i32.and(i32.eq(height.get, i32.const(tile.rows)), i32.eq(width.get, i32.const(4 * tile.columns))),
        direct,
        block(
          call(whole, a.get, b.get, scratch.get, count.get, i32.const(1), i32.const(4 * tile.columns)),
          call(edge, scratch.get, c.get, height.get, width.get, isFirst.get, pitch),
        ),
      ),
    );
  });
}

type Eight = [Local, Local, Local, Local, Local, Local, Local, Local];

/** Bytes of a tile of its own for each thread. */
const scratchBytes = ({ rows, columns }: Tile): number => 4 * rows * columns;

function productKernel(engine: Engine, product: Product): Kernel {
  const { tile, rows, columns, inner, batch, block: [blockRows, blockColumns] } = product;
  const [rowStrips, columnStrips] = [stripsOfRows(product), stripsOfColumns(product)];
  const [rowBlocks, columnBlocks] = blocksOf(product);
  const [perRows, perColumns] = [4 * tile.rows * inner, 4 * tile.columns * inner];
  return engine.kernel(`matmul ${JSON.stringify(product)}`, (module) => {
    const multiply = addMultiply(module, product, engine.wide);
    return ({ locals, begin, end, word, thread }) => {
      const [item, matrix, firstRow, lastRow, firstColumn, lastColumn, r, p] = locals.locals(
        "i32",
        8,
      ) as Eight;
      const [a, b, c, scratch, k, count] = locals.locals("i32", 6) as Eight;
      /** The strips of a block: from `first` to `last`. */
      const range = (first: Local, last: Local, index: Code, size: number, strips: number): Code =>
        block(
          first.set(i32.mul(index, i32.const(size))),
          last.set(i32.add(first.get, i32.const(size))),
          when(i32.gtU(last.get, i32.const(strips)), last.set(i32.const(strips))),
        );
      const tileAt = call(
        multiply,
        addressOf(a.get, [r, perRows], [k, 4 * tile.rows]),
        addressOf(b.get, [p, perColumns], [k, 4 * tile.columns]),
        addressOf(c.get, [r, 4 * tile.rows * columns], [p, 4 * tile.columns]),
        scratch.get,
        r.get,
        p.get,
        count.get,
        i32.eqz(k.get),
      );
      return loop(
        item,
        begin,
        end,
        1,
        block(
          matrix.set(quotient(item.get, rowBlocks * columnBlocks)),
          range(
            firstRow,
            lastRow,
            remainder(quotient(item.get, columnBlocks), rowBlocks),
            blockRows,
            rowStrips,
          ),
          range(firstColumn, lastColumn, remainder(item.get, columnBlocks), blockColumns, columnStrips),
          a.set(
            placeIn(
              word(0),
              matrix,
              batch.map(({ size, a }) => ({ size, step: a * rowStrips * perRows / 4 })),
            ),
          ),
          b.set(
            placeIn(
              word(1),
              matrix,
              batch.map(({ size, b }) => ({ size, step: b * columnStrips * perColumns / 4 })),
            ),
          ),
          c.set(addressOf(word(2), [matrix, 4 * rows * columns])),
          scratch.set(addressOf(word(3), [thread, scratchBytes(tile)])),
          loop(
            k,
            i32.const(0),
            i32.const(inner),
            depth,
            block(
              count.set(i32.sub(i32.const(inner), k.get)),
              when(i32.gtU(count.get, i32.const(depth)), count.set(i32.const(depth))),
              loop(p, firstColumn.get, lastColumn.get, 1, loop(r, firstRow.get, lastRow.get, 1, tileAt)),
            ),
          ),
        ),
      );
    };
  });
}

function productOf(
  engine: Engine,
  a: Shape,
  b: Shape,
  out: Shape,
  { transposeA }: MatmulAttributes,
): Product {
  const lead = out.slice(0, -2);
  const { sizes, steps } = joinAxes(lead, [
    broadcastStrides(a.slice(0, -2), lead),
    broadcastStrides(b.slice(0, -2), lead),
  ]);
  const [rows, columns, tile] = [out.at(-2)!, out.at(-1)!, tileOf(engine)];
  return {
    tile,
    rows,
    columns,
    inner: a.at(transposeA ? -2 : -1)!,
    batch: sizes.map((size, i) => ({ size, a: steps[i]![0]!, b: steps[i]![1]! })),
    block: chooseBlock(Math.ceil(rows / tile.rows), Math.ceil(columns / tile.columns), sizeOf(lead), tile),
  };
}

function multiply(
  engine: Engine,
  product: Product,
  [a, b, out]: readonly CpuArray[],
  attributes: MatmulAttributes,
) {
  const { tile, rows, columns, inner } = product;
  const stripsA: Strips = { width: tile.rows, lanes: rows, inner, isInnerLast: !attributes.transposeA };
  const stripsB: Strips = { width: tile.columns, lanes: columns, inner, isInnerLast: attributes.transposeB };
  const countA = stripsOf(stripsA) * sizeOf(a!.shape) / (rows * inner);
  const countB = stripsOf(stripsB) * sizeOf(b!.shape) / (columns * inner);
  const [rowBlocks, columnBlocks] = blocksOf(product);
  const scratch = engine.threads * scratchBytes(tile);
  const bytesA = countA * stripBytes(stripsA);
  engine.withScratch(bytesA + countB * stripBytes(stripsB) + scratch, (packedA) => {
    const packedB = packedA + bytesA;
    const edges = packedB + countB * stripBytes(stripsB);
    const pack = packKernel(engine, stripsA, stripsB);
    engine.launch(pack, countA + countB, [countA, a!.address, b!.address, packedA, packedB]);
    engine.launch(
      productKernel(engine, product),
      sizeOf(out!.shape.slice(0, -2)) * rowBlocks * columnBlocks,
      [packedA, packedB, out!.address, edges],
    );
  });
}

/** The matrix product. */
export function matmulKernels(engine: Engine): Pick<CpuKernels, "matmul"> {
  return {
    matmul([a, b], [out], attributes) {
      if (sizeOf(out!.shape) === 0) return;
      const product = productOf(engine, a!.shape, b!.shape, out!.shape, attributes);
      if (product.inner === 0) out!.data.fill(0);
      else multiply(engine, product, [a!, b!, out!], attributes);
    },
  };
}
