/**
 * One launch over many tensors: what an optimiser does to all parameters at once. A launch for each of them
 * would cost more than the work.
 *
 * A table in memory has a row for each tensor: number of its first item, number of its elements, the addresses
 * of its arrays. An item is at most `itemLength` elements of one tensor.
 *
 * @module
 */

import type { CpuArray } from "../kernel.ts";
import { contiguousItems, itemLength } from "./elementwise.ts";
import type { Engine, Kernel, RunParts } from "./engine.ts";
import { block, type Code, i32, type Local, loop, when } from "./instructions.ts";

/** A tensor of the list inside a kernel. */
export interface ListRow {
  /** Address of its i-th array. */
  address(i: number): Code;
  /** Number of its first item. */
  readonly firstItem: Code;
}

const wordsBefore = 2;

/**
 * The loop of a kernel over this call's items of all tensors. The kernel's first two words are the table's
 * address and its number of rows.
 *
 * @param arrays of a tensor
 * @param body works on elements from a byte offset on in every array of the tensor
 */
export function overTensors(
  parts: RunParts,
  arrays: number,
  body: (row: ListRow, offset: Code, bytes: Code) => Code,
): Code {
  const { locals, begin, end, word } = parts;
  const [row, first, length, from, to] = locals.locals("i32", 5) as [Local, Local, Local, Local, Local];
  const rowBytes = 4 * (wordsBefore + arrays);
  const items = i32.divU(i32.add(length.get, i32.const(itemLength - 1)), i32.const(itemLength));
  return loop(
    row,
    word(0),
    i32.add(word(0), i32.mul(word(1), i32.const(rowBytes))),
    rowBytes,
    block(
      first.set(i32.load(row.get)),
      length.set(i32.load(row.get, 4)),
      from.set(begin),
      when(i32.ltU(from.get, first.get), from.set(first.get)),
      to.set(i32.add(first.get, items)),
      when(i32.gtU(to.get, end), to.set(end)),
      when(
        i32.ltU(from.get, to.get),
        contiguousItems(locals, {
          begin: i32.sub(from.get, first.get),
          end: i32.sub(to.get, first.get),
          length: length.get,
        }, (offset, bytes) =>
          body(
            { address: (i) => i32.load(row.get, 4 * (wordsBefore + i)), firstItem: first.get },
            offset,
            bytes,
          )),
      ),
    ),
  );
}

/** Items of a list. */
export function itemsOf(list: readonly (readonly CpuArray[])[]): number {
  return list.reduce((sum, [array]) => sum + Math.ceil(array!.data.length / itemLength), 0);
}

/** Launches such a kernel; `list` holds the arrays of each tensor, `words` and `floats` follow the first two words. */
export function launchOverTensors(
  engine: Engine,
  kernel: Kernel,
  list: readonly (readonly CpuArray[])[],
  words: readonly number[],
  floats: readonly number[] = [],
): void {
  let first = 0;
  const table = list.flatMap((arrays) => {
    const [{ data: { length } }] = arrays as readonly [CpuArray];
    const row = [first, length, ...arrays.map(({ address }) => address)];
    first += Math.ceil(length / itemLength);
    return row;
  });
  engine.withScratch(4 * table.length, (address) => {
    new Int32Array(engine.memory.memory.buffer, address, table.length).set(table);
    engine.launch(kernel, first, [address, list.length, ...words], floats);
  });
}
