/**
 * Softmax, its logarithm and their gradients. Four neighbouring lines go together; along
 * the last axis, where lines have no neighbours, they go one by one.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { addressOf, type Engine, quotient, remainder } from "./engine.ts";
import { block, type Code, f32x4, i32, type Local, loop, madd, v128, when } from "./instructions.ts";
import type { FunctionBuilder } from "./module_builder.ts";
import { exp, log } from "./vector_math.ts";

/** Lines of a work item: a multiple of four. */
const linesPerItem = 2048;

/** One line (in each lane): `at(array, k)` loads element k of an input; `put(k, value)` writes the output. */
interface Line {
  readonly locals: FunctionBuilder;
  at(array: number, k: Local): Code;
  put(k: Local, value: Code): Code;
  /** Runs a body over the elements. */
  each(body: (k: Local) => Code): Code;
}

function lineKernel(
  engine: Engine,
  name: string,
  [outer, count, inner]: readonly [number, number, number],
  arrays: number,
  body: (line: Line) => Code,
): { launch: (addresses: readonly number[]) => void } {
  const perItem = Math.min(linesPerItem, inner);
  const blocks = Math.ceil(inner / perItem);
  const kernel = engine.kernel(`${name} ${[count, inner]}`, () => ({ locals, begin, end, word }) => {
    const [item, base, at, first, bytes, whole] = locals.locals("i32", 6) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const line = (load: typeof v128.load, store: typeof v128.store): Code => {
      const place = (k: Local) => i32.add(i32.add(base.get, at.get), i32.mul(k.get, i32.const(4 * inner)));
      return body({
        locals,
        at: (array, k) => load(i32.add(word(array), place(k))),
        put: (k, value) => store(i32.add(word(arrays), place(k)), value),
        each: (step) => {
          const k = locals.local("i32");
          return loop(k, i32.const(0), i32.const(count), 1, step(k));
        },
      });
    };
    return loop(
      item,
      begin,
      end,
      1,
      block(
        first.set(i32.mul(remainder(item.get, blocks), i32.const(4 * perItem))),
        base.set(addressOf(first.get, [quotient(item.get, blocks), 4 * count * inner])),
        bytes.set(i32.sub(i32.const(4 * inner), first.get)),
        when(i32.gtU(bytes.get, i32.const(4 * perItem)), bytes.set(i32.const(4 * perItem))),
        whole.set(i32.and(bytes.get, i32.const(-16))),
        loop(at, i32.const(0), whole.get, 16, line(v128.load, v128.store)),
        loop(at, whole.get, bytes.get, 4, line(v128.loadFirst, v128.storeFirst)),
      ),
    );
  });
  return { launch: (addresses) => engine.launch(kernel, outer * blocks, addresses) };
}

function sizesOf({ shape }: CpuArray, axis: number): readonly [number, number, number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))];
}

/** Sets `top` to the largest element and `sum` to Σ e^(x − top). */
function powers({ locals, at, each }: Line, top: Local, sum: Local): Code {
  return block(
    top.set(f32x4.const(-Infinity)),
    each((k) => top.set(f32x4.max(top.get, at(0, k)))),
    sum.set(v128.zero),
    each((k) => sum.set(f32x4.add(sum.get, exp(locals, f32x4.sub(at(0, k), top.get))))),
  );
}

/** The softmax kernels. */
export function softmaxKernels(
  engine: Engine,
): Pick<CpuKernels, "softmax" | "softmaxGrad" | "logSoftmax" | "logSoftmaxGrad"> {
  const kernel =
    (name: string, arrays: number, body: (line: Line, top: Local, sum: Local) => Code) =>
    (inputs: readonly CpuArray[], [out]: readonly CpuArray[], { axis }: { readonly axis: number }) => {
      if (out!.data.length === 0) return;
      lineKernel(engine, name, sizesOf(out!, axis), arrays, (line) => {
        const [top, sum] = line.locals.locals("v128", 2) as [Local, Local];
        return body(line, top, sum);
      }).launch([...inputs, out!].map(({ address }) => address));
    };
  return {
    softmax: kernel("softmax", 1, (line, top, sum) =>
      block(
        powers(line, top, sum),
        sum.set(f32x4.div(f32x4.const(1), sum.get)),
        line.each((k) =>
          line.put(k, f32x4.mul(exp(line.locals, f32x4.sub(line.at(0, k), top.get)), sum.get))
        ),
      )),
    softmaxGrad: kernel("softmaxGrad", 2, (line, _, dot) =>
      block(
        dot.set(v128.zero),
        line.each((k) => dot.set(madd(line.at(0, k), line.at(1, k), dot.get))),
        line.each((k) => line.put(k, f32x4.mul(line.at(1, k), f32x4.sub(line.at(0, k), dot.get)))),
      )),
    logSoftmax: kernel("logSoftmax", 1, (line, top, sum) =>
      block(
        powers(line, top, sum),
        sum.set(log(line.locals, sum.get)),
        line.each((k) => line.put(k, f32x4.sub(f32x4.sub(line.at(0, k), top.get), sum.get))),
      )),
    logSoftmaxGrad: kernel("logSoftmaxGrad", 2, (line, _, sum) =>
      block(
        sum.set(v128.zero),
        line.each((k) => sum.set(f32x4.add(sum.get, line.at(0, k)))),
        line.each((k) =>
          line.put(k, f32x4.sub(line.at(0, k), f32x4.mul(exp(line.locals, line.at(1, k)), sum.get)))
        ),
      )),
  };
}
