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
import { broadcastStrides } from "../../strides.ts";
import type { CpuKernels } from "../kernel.ts";
import {
  type Code,
  declare,
  i32,
  least,
  type Local,
  loop,
  procedure,
  type Statements,
  when,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { pack, packedBytes, type Packing, type Strips } from "./matmul_pack.ts";
import { depthOf, type Tile, tileEdge, tileOf, tileProduct } from "./matmul_tile.ts";
import { joinRows, placeOf } from "./strides.ts";

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

/** One tile, the r-th of its column and the p-th of its row; at an edge of the result by way of the scratch. */
function tileInPlace(product: Product) {
  const { tile, rows, columns } = product;
  const [lastRows, lastColumns] = [rows % tile.rows, columns % tile.columns];
  const [whole, edge] = [tileProduct(tile), tileEdge(tile)];
  const places = { a: "i32", b: "i32", c: "i32", scratch: "i32", r: "i32", p: "i32" } as const;
  return procedure({ ...places, count: "i32", isFirst: "i32" }, ({ scratch, r, p, ...inputs }) => {
    const pitch = 4 * columns;
    const { c, isFirst } = inputs;
    if (lastRows === 0 && lastColumns === 0) return whole({ ...inputs, pitch });
    const { height, width } = declare({ height: "i32", width: "i32" });
    const aside = { ...inputs, c: scratch, isFirst: 1, pitch: 4 * tile.columns };
    const size = { rows: height, columns: width };
    return [
      height.set(tile.rows),
      width.set(4 * tile.columns),
      lastRows > 0 ? when(r.eq(stripsOfRows(product) - 1), height.set(lastRows)) : [],
      lastColumns > 0 ? when(p.eq(stripsOfColumns(product) - 1), width.set(4 * lastColumns)) : [],
      when(
        height.eq(tile.rows).and(width.eq(4 * tile.columns)),
        whole({ ...inputs, pitch }),
        [whole(aside), edge({ from: scratch, c, ...size, isFirst, pitch })],
      ),
    ];
  });
}

/** Bytes of a tile of its own for each thread. */
const scratchBytes = ({ rows, columns }: Tile): number => 4 * rows * columns;

/** Runs a body for each strip of a block. */
function overBlock(
  index: Code<"i32">,
  size: number,
  strips: number,
): { readonly prepare: Statements; each(body: (strip: Local<"i32">) => Statements): Statements } {
  const { first, last } = declare({ first: "i32", last: "i32" });
  return {
    prepare: [first.set(index.mul(size)), last.set(least(first.add(size), strips))],
    each: (body) => loop(first, last, 1, body),
  };
}

function productKernel(engine: Engine, product: Product) {
  const { tile, rows, columns, inner, batch, block } = product;
  const [rowStrips, columnStrips] = [stripsOfRows(product), stripsOfColumns(product)];
  const [rowBlocks, columnBlocks] = blocksOf(product);
  const [perRows, perColumns, depth] = [tile.rows * inner, tile.columns * inner, depthOf(tile)];
  const parameters = { a: "i32", b: "i32", out: "i32", edges: "i32" } as const;
  const key = `matmul ${JSON.stringify(product)}`;
  return engine.compile(key, parameters, ({ a, b, out, edges }, { each, thread }) => {
    const multiply = tileInPlace(product);
    const { matrix, left, right, c, scratch } = declare({
      matrix: "i32",
      left: "i32",
      right: "i32",
      c: "i32",
      scratch: "i32",
    });
    const axes = (of: "a" | "b", size: number) =>
      batch.map((axis) => ({ size: axis.size, step: axis[of] * size }));
    return each((item) => {
      const rowBlock = overBlock(item.div(columnBlocks).rem(rowBlocks), block[0], rowStrips);
      const columnBlock = overBlock(item.rem(columnBlocks), block[1], columnStrips);
      const tileAt = (k: Code<"i32">, p: Local<"i32">, r: Local<"i32">): Statements =>
        multiply({
          a: left.add(r.mul(4 * perRows)).add(k.mul(4 * tile.rows)),
          b: right.add(p.mul(4 * perColumns)).add(k.mul(4 * tile.columns)),
          c: c.add(r.mul(4 * tile.rows * columns)).add(p.mul(4 * tile.columns)),
          ...{ scratch, r, p },
          count: least(i32.const(inner).sub(k), depth),
          isFirst: k.eq(0),
        });
      return [
        matrix.set(item.div(rowBlocks * columnBlocks)),
        rowBlock.prepare,
        columnBlock.prepare,
        left.set(placeOf(a, matrix, axes("a", rowStrips * perRows))),
        right.set(placeOf(b, matrix, axes("b", columnStrips * perColumns))),
        c.set(out.add(matrix.mul(4 * rows * columns))),
        scratch.set(edges.add(thread.mul(scratchBytes(tile)))),
        loop(0, inner, depth, (k) => columnBlock.each((p) => rowBlock.each((r) => tileAt(k, p, r)))),
      ];
    });
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
  const { sizes, steps } = joinRows(lead, [
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

/** A dense array in memory. */
export interface Placed {
  /** Its address. */
  readonly address: number;
  /** Sizes of its axes. */
  readonly shape: Shape;
}

/** `out = a · b`; there is something to multiply and somewhere to put it. */
export function matrixProduct(
  engine: Engine,
  [a, b, out]: readonly [Placed, Placed, Placed],
  attributes: MatmulAttributes,
): void {
  const product = productOf(engine, a.shape, b.shape, out.shape, attributes);
  const { tile, rows, columns, inner } = product;
  const stripsA: Strips = { width: tile.rows, lanes: rows, inner, isInnerLast: !attributes.transposeA };
  const stripsB: Strips = { width: tile.columns, lanes: columns, inner, isInnerLast: attributes.transposeB };
  const packings: Packing[] = [
    { strips: stripsA, matrices: sizeOf(a.shape) / (rows * inner), from: a.address },
    { strips: stripsB, matrices: sizeOf(b.shape) / (columns * inner), from: b.address },
  ];
  const [rowBlocks, columnBlocks] = blocksOf(product);
  const bytes = {
    edges: engine.threads * scratchBytes(tile),
    packed: packings.reduce((sum, packing) => sum + packedBytes(packing), 0),
  };
  engine.scratch(bytes, ({ edges, packed }) => {
    const [packedA, packedB] = pack(engine, packings, packed);
    const items = sizeOf(out.shape.slice(0, -2)) * rowBlocks * columnBlocks;
    engine.run(productKernel(engine, product), items, { a: packedA!, b: packedB!, out, edges });
  });
}

/** The matrix product. */
export function matmulKernels(engine: Engine): Pick<CpuKernels, "matmul"> {
  return {
    matmul([a, b], [out], attributes) {
      if (sizeOf(out!.shape) === 0) return;
      if (a!.shape.at(attributes.transposeA ? -2 : -1) === 0) out!.data.fill(0);
      else matrixProduct(engine, [a!, b!, out!], attributes);
    },
  };
}
