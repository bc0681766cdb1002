/**
 * The squared norm of many tensors: float32 sums of short runs, added in float64 in the order of the items.
 *
 * @module
 */

import type { CpuKernels } from "../kernel.ts";
import { itemLength } from "./elementwise.ts";
import { addressOf, type Engine, type Kernel, quotient } from "./engine.ts";
import { call, f64, i32 } from "./instructions.ts";
import { addSumOfRun } from "./reduction.ts";
import { itemsOf, launchOverTensors, overTensors } from "./tensor_list.ts";

/** Words: table, rows, address of the float64 sums of the items. */
function partsKernel(engine: Engine): Kernel {
  return engine.kernel("sum of squares", (module) => {
    const sum = addSumOfRun(module, "squares");
    return (parts) =>
      overTensors(parts, 1, ({ address, firstItem }, offset, bytes) =>
        f64.store(
          addressOf(parts.word(2), [i32.add(firstItem, quotient(offset, 4 * itemLength)), 8]),
          call(sum, i32.add(address(0), offset), bytes),
        ));
  });
}

/** The kernel of `sumOfSquares`. */
export function sumOfSquaresKernels(engine: Engine): Pick<CpuKernels, "sumOfSquares"> {
  return {
    sumOfSquares(inputs, [out]) {
      const list = inputs.map((input) => [input]);
      const items = itemsOf(list);
      engine.withScratch(8 * items, (sums) => {
        launchOverTensors(engine, partsKernel(engine), list, [sums]);
        const parts = new Float64Array(engine.memory.memory.buffer, sums, items);
        out!.data[0] = parts.reduce((total, part) => total + part, 0);
      });
    },
  };
}
