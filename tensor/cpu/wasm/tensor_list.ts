/**
 * One launch over many tensors: what an optimiser does to all parameters at once. A launch for each of them
 * would cost more than the work.
 *
 * A table in memory has a row for each tensor: number of its first item, bytes of an array, the addresses of its
 * arrays. An item is a piece of one tensor.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { CpuArray } from "../kernel.ts";
import { type Code, declare, i32, least, type Local, loop, type Statements, when } from "./emit/mod.ts";
import type { Engine, Items, Kernel, KernelArguments, KernelParameters } from "./engine.ts";
import { itemBytes, itemsIn, piece } from "./runs.ts";

/** The parameters of kernels over lists: the table's address and its number of rows. */
export const listParameters = { table: "i32", rows: "i32" } as const;

/** A tensor of the list inside a kernel. */
export interface ListRow {
  /** Address of its i-th array. */
  address(i: number): Code<"i32">;
  /** Number of its first item. */
  readonly firstItem: Local<"i32">;
}

const wordsBefore = 2;

/**
 * The loop of a kernel over this call's items of all tensors.
 *
 * @param arrays of a tensor
 * @param body works on the elements between two offsets in every array of the tensor
 */
export function overTensors(
  { table, rows }: Readonly<Record<keyof typeof listParameters, Local<"i32">>>,
  { begin, end }: Items,
  arrays: number,
  body: (row: ListRow, from: Local<"i32">, to: Local<"i32">) => Statements,
): Statements {
  const { firstItem, bytes, first, last } = declare({
    firstItem: "i32",
    bytes: "i32",
    first: "i32",
    last: "i32",
  });
  const rowBytes = 4 * (wordsBefore + arrays);
  return loop(table, table.add(rows.mul(rowBytes)), rowBytes, (row) => [
    firstItem.set(i32.load(row)),
    bytes.set(i32.load(row, 4)),
    first.set(begin),
    when(first.lt(firstItem), first.set(firstItem)),
    last.set(least(firstItem.add(bytes.add(itemBytes - 1).div(itemBytes)), end)),
    when(
      first.lt(last),
      loop(
        first.sub(firstItem),
        last.sub(firstItem),
        1,
        (item) =>
          piece(
            item,
            { bytes: itemBytes, total: bytes },
            (from, to) => body({ address: (i) => i32.load(row, 4 * (wordsBefore + i)), firstItem }, from, to),
          ),
      ),
    ),
  ]);
}

/** The arrays of each tensor. */
export type TensorList = readonly (readonly CpuArray[])[];

/** Items of a list. */
export function itemsOf(list: TensorList): number {
  return list.reduce((sum, [array]) => sum + itemsIn(sizeOf(array!.shape)), 0);
}

/** Runs such a kernel; `rest` is what it takes besides the table. */
export function runOverTensors<P extends typeof listParameters & KernelParameters>(
  engine: Engine,
  kernel: Kernel<P>,
  list: TensorList,
  rest: Omit<KernelArguments<P>, keyof typeof listParameters>,
): void {
  let first = 0;
  const words = list.flatMap((arrays) => {
    const length = sizeOf(arrays[0]!.shape);
    const row = [first, 4 * length, ...arrays.map(({ address }) => address)];
    first += itemsIn(length);
    return row;
  });
  const numbers = { rows: list.length, ...rest } as unknown as Omit<KernelArguments<P>, "table">;
  engine.runWithTable(kernel, first, Int32Array.from(words), numbers);
}
