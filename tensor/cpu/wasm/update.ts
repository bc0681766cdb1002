/**
 * Kernels that change their outputs in place.
 *
 * @module
 */

import type { CpuKernels } from "../kernel.ts";
import { contiguousItems, itemLength } from "./elementwise.ts";
import type { Engine, RunParts } from "./engine.ts";
import { block, type Code, f32x4, i32, type Local, loop, madd, v128 } from "./instructions.ts";

/** Runs a body over whole vectors, then over single elements, of this call's items. */
function overElements(
  parts: RunParts,
  length: Code,
  body: (at: Code, load: typeof v128.load, store: typeof v128.store) => Code,
): Code {
  const [at, stop] = parts.locals.locals("i32", 2) as [Local, Local];
  return contiguousItems(parts.locals, { ...parts, length }, (offset, bytes) =>
    block(
      stop.set(i32.add(offset, i32.and(bytes, i32.const(-16)))),
      loop(at, offset, stop.get, 16, body(at.get, v128.load, v128.store)),
      loop(at, stop.get, i32.add(offset, bytes), 4, body(at.get, v128.loadFirst, v128.storeFirst)),
    ));
}

/** The update kernels. */
export function updateKernels(engine: Engine): Pick<CpuKernels, "adamW" | "average" | "accumulate"> {
  return {
    adamW([gradient, scale], [parameter, first, second], attributes) {
      const { learningRate, beta1, beta2, epsilon, weightDecay, step } = attributes;
      const kernel = engine.kernel("adamW", () => (parts) => {
        const { locals, word, float } = parts;
        const constants = locals.locals("v128", 9);
        const [factor, keep1, add1, keep2, add2, decay, rate, inverse2, small] = constants.map(({ get }) =>
          get
        );
        const [g, m, v] = locals.locals("v128", 3) as [Local, Local, Local];
        return block(
          constants[0]!.set(v128.loadSplat(word(1))),
          ...constants.slice(1).map((constant, i) => constant.set(f32x4.splat(float(6 + i)))),
          overElements(parts, word(5), (at, load, store) => {
            const place = (i: number): Code => i32.add(word(i), at);
            return block(
              g.set(f32x4.mul(load(place(0)), factor!)),
              m.set(madd(load(place(3)), keep1!, f32x4.mul(g.get, add1!))),
              v.set(madd(load(place(4)), keep2!, f32x4.mul(f32x4.mul(g.get, g.get), add2!))),
              store(place(3), m.get),
              store(place(4), v.get),
              store(
                place(2),
                f32x4.sub(
                  f32x4.mul(load(place(2)), decay!),
                  f32x4.div(
                    f32x4.mul(m.get, rate!),
                    f32x4.add(f32x4.sqrt(f32x4.mul(v.get, inverse2!)), small!),
                  ),
                ),
              ),
            );
          }),
        );
      });
      const length = parameter!.data.length;
      const arrays = [gradient!, scale!, parameter!, first!, second!];
      engine.launch(
        kernel,
        Math.ceil(length / itemLength),
        [...arrays.map(({ address }) => address), length],
        [
          beta1,
          1 - beta1,
          beta2,
          1 - beta2,
          1 - learningRate * weightDecay,
          learningRate / (1 - beta1 ** step),
          1 / (1 - beta2 ** step),
          epsilon,
        ],
      );
    },
    average([x], [target], { decay }) {
      const kernel = engine.kernel("average", () => (parts) => {
        const { word, float } = parts;
        return overElements(parts, word(2), (at, load, store) =>
          store(
            i32.add(word(1), at),
            madd(
              load(i32.add(word(1), at)),
              f32x4.splat(float(3)),
              f32x4.mul(load(i32.add(word(0), at)), f32x4.splat(float(4))),
            ),
          ));
      });
      const { length } = target!.data;
      engine.launch(kernel, Math.ceil(length / itemLength), [x!.address, target!.address, length], [
        decay,
        1 - decay,
      ]);
    },
    accumulate([x], [target]) {
      const kernel = engine.kernel("accumulate", () => (parts) => {
        const { word } = parts;
        return overElements(parts, word(2), (at, load, store) =>
          store(
            i32.add(word(1), at),
            f32x4.add(load(i32.add(word(1), at)), load(i32.add(word(0), at))),
          ));
      });
      const { length } = target!.data;
      engine.launch(kernel, Math.ceil(length / itemLength), [x!.address, target!.address, length]);
    },
  };
}
