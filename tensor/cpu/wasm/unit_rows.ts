/**
 * Rows of length 1: an item is a row.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { CpuKernels } from "../kernel.ts";
import { declare, f32, f32x4, madd, when } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { overRun, squaresOfRun, sumOverRun } from "./runs.ts";

function forwardKernel(engine: Engine, length: number) {
  const bytes = 4 * length;
  const parameters = { x: "i32", out: "i32", norms: "i32", floor: "f32" } as const;
  return engine.compile(`unitRows ${length}`, parameters, ({ x, out, norms, floor }, { each }) => {
    const { from, to, norm, divisor } = declare({ from: "i32", to: "i32", norm: "f32", divisor: "f32x4" });
    return each((item) => [
      from.set(x.add(item.mul(bytes))),
      to.set(out.add(item.mul(bytes))),
      norm.set(squaresOfRun({ address: from, bytes }).sqrt().demote()),
      when(norm.lt(floor), norm.set(floor)),
      f32.store(norms.add(item.mul(4)), norm),
      divisor.set(f32x4.splat(norm)),
      overRun(0, bytes, (at, { load, store }) => store(to.add(at), load(from.add(at)).div(divisor))),
    ]);
  });
}

function gradientKernel(engine: Engine, length: number) {
  const bytes = 4 * length;
  const parameters = { g: "i32", y: "i32", norms: "i32", out: "i32", floor: "f32" } as const;
  return engine.compile(`unitRowsGrad ${length}`, parameters, ({ g, y, norms, out, floor }, { each }) => {
    const { offset, norm, total } = declare({ offset: "i32", norm: "f32", total: "f64" });
    const { along, divisor } = declare({ along: "f32x4", divisor: "f32x4" });
    return each((item) => [
      offset.set(item.mul(bytes)),
      norm.set(f32.load(norms.add(item.mul(4)))),
      total.set(0),
      when(
        norm.gt(floor),
        sumOverRun(
          bytes,
          [total],
          (at, { load }, [sum]) =>
            sum!.set(madd(load(g.add(offset).add(at)), load(y.add(offset).add(at)), sum!)),
        ),
      ),
      along.set(f32x4.splat(total.demote())),
      divisor.set(f32x4.splat(norm)),
      overRun(0, bytes, (at, { load, store }) => {
        const rest = load(g.add(offset).add(at)).sub(load(y.add(offset).add(at)).mul(along));
        return store(out.add(offset).add(at), rest.div(divisor));
      }),
    ]);
  });
}

/** Rows of length 1, and their gradient. */
export function unitRowsKernels(engine: Engine): Pick<CpuKernels, "unitRows" | "unitRowsGrad"> {
  return {
    unitRows([x], [out, norms], { epsilon }) {
      const kernel = forwardKernel(engine, x!.shape.at(-1)!);
      engine.run(kernel, sizeOf(norms!.shape), {
        x: x!,
        out: out!,
        norms: norms!,
        floor: Math.sqrt(epsilon),
      });
    },
    unitRowsGrad([g, y, norms], [out], { epsilon }) {
      const kernel = gradientKernel(engine, y!.shape.at(-1)!);
      const arrays = { g: g!, y: y!, norms: norms!, out: out! };
      engine.run(kernel, sizeOf(norms!.shape), { ...arrays, floor: Math.sqrt(epsilon) });
    },
  };
}
