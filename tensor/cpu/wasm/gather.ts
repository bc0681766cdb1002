/**
 * Picking runs of elements by index.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { CpuKernels } from "../kernel.ts";
import { declare, i32, when } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { overRun } from "./runs.ts";

/** An item is an index of an outer one: `picked` indices, among `count` runs of `inner` elements. */
function gatherKernel(engine: Engine, picked: number, count: number, inner: number) {
  const parameters = { x: "i32", index: "i32", out: "i32" } as const;
  return engine.compile(`gather ${[picked, count, inner]}`, parameters, ({ x, index, out }, { each }) => {
    const { at, from, to } = declare({ at: "i32", from: "i32", to: "i32" });
    return each((item) => [
      at.set(i32.load(index.add(item.rem(picked).mul(4)))),
      from.set(x.add(item.div(picked).mul(count).add(at).mul(4 * inner))),
      to.set(out.add(item.mul(4 * inner))),
      when(
        at.lt(count), // unsigned: a negative index is large
        overRun(0, 4 * inner, (i, { load, store }) => store(to.add(i), load(from.add(i)))),
        overRun(0, 4 * inner, (i, { store }) => store(to.add(i), 0)),
      ),
    ]);
  });
}

/** The kernel of picking. */
export function gatherKernels(engine: Engine): Pick<CpuKernels, "gather"> {
  return {
    gather([x, index], [out], { axis }) {
      if (sizeOf(out!.shape) === 0) return;
      const [picked, inner] = [index!.shape[0]!, sizeOf(x!.shape.slice(axis + 1))];
      const kernel = gatherKernel(engine, picked, x!.shape[axis]!, inner);
      engine.run(kernel, sizeOf(out!.shape) / inner, { x: x!, index: index!, out: out! });
    },
  };
}
