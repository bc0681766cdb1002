/**
 * The squared norm of many tensors: float32 sums of short runs, added in float64 in the order of the items.
 *
 * @module
 */

import type { CpuKernels } from "../kernel.ts";
import { f64 } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { itemBytes, squaresOfRun } from "./runs.ts";
import { itemsOf, listParameters, overTensors, runOverTensors } from "./tensor_list.ts";

/** Writes the sum of each item. */
function sumsKernel(engine: Engine) {
  const parameters = { ...listParameters, sums: "i32" } as const;
  return engine.compile(
    "sum of squares",
    parameters,
    ({ sums, ...list }, items) =>
      overTensors(list, items, 1, ({ address, firstItem }, from, to) => {
        const item = firstItem.add(from.div(itemBytes));
        return f64.store(
          sums.add(item.mul(8)),
          squaresOfRun({ address: address(0).add(from), bytes: to.sub(from) }),
        );
      }),
  );
}

/** The kernel of `sumOfSquares`. */
export function sumOfSquaresKernels(engine: Engine): Pick<CpuKernels, "sumOfSquares"> {
  return {
    sumOfSquares(inputs, [out]) {
      const list = inputs.map((input) => [input]);
      const items = itemsOf(list);
      engine.scratch({ sums: 8 * items }, ({ sums }) => {
        runOverTensors(engine, sumsKernel(engine), list, { sums });
        const parts = engine.view(Float64Array, sums, items);
        out!.data[0] = parts.reduce((total, part) => total + part, 0);
      });
    },
  };
}
