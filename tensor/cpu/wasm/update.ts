/**
 * Kernels that change their outputs in place.
 *
 * @module
 */

import type { CpuArray, CpuKernels } from "../kernel.ts";
import type { Engine, Kernel, RunParts } from "./engine.ts";
import { block, type Code, f32x4, i32, type Local, loop, madd, v128 } from "./instructions.ts";
import { launchOverTensors, overTensors } from "./tensor_list.ts";

/** Code for four elements, or for one: `at(i)` is the address of the tensor's i-th array. */
type ElementBody = (at: (i: number) => Code, load: typeof v128.load, store: typeof v128.store) => Code;

/** Runs a body over whole vectors, then over single elements, of this call's items. */
function overElements(parts: RunParts, arrays: number, body: ElementBody): Code {
  const { locals } = parts;
  const [at, stop] = locals.locals("i32", 2) as [Local, Local];
  const addresses = locals.locals("i32", arrays);
  const place = (i: number): Code => i32.add(addresses[i]!.get, at.get);
  return overTensors(parts, arrays, (row, offset, bytes) =>
    block(
      ...addresses.map((address, i) => address.set(row.address(i))),
      stop.set(i32.add(offset, i32.and(bytes, i32.const(-16)))),
      loop(at, offset, stop.get, 16, body(place, v128.load, v128.store)),
      loop(at, stop.get, i32.add(offset, bytes), 4, body(place, v128.loadFirst, v128.storeFirst)),
    ));
}

/** Spreads the call's floats over vectors, once: the first at word `from`. */
function constantsFrom(parts: RunParts, from: number, count: number): { code: Code; values: Code[] } {
  const locals = parts.locals.locals("v128", count);
  return {
    code: block(...locals.map((local, i) => local.set(f32x4.splat(parts.float(from + i))))),
    values: locals.map(({ get }) => get),
  };
}

/** Words: table, rows, address of the factor; then floats. Arrays: gradient, parameter, velocity. */
function sgdKernel(engine: Engine): Kernel {
  return engine.kernel("sgd", () => (parts) => {
    const { code, values: [decay, momentum, plain, ahead] } = constantsFrom(parts, 3, 4);
    const [factor, p, g, v] = parts.locals.locals("v128", 4) as [Local, Local, Local, Local];
    return block(
      code,
      factor.set(v128.loadSplat(parts.word(2))),
      overElements(parts, 3, (at, load, store) =>
        block(
          p.set(load(at(1))),
          g.set(madd(p.get, decay!, f32x4.mul(load(at(0)), factor.get))),
          v.set(madd(load(at(2)), momentum!, g.get)),
          store(at(2), v.get),
          store(at(1), f32x4.sub(p.get, madd(g.get, plain!, f32x4.mul(v.get, ahead!)))),
        )),
    );
  });
}

/** Words: table, rows, address of the factor; then floats. Arrays: gradient, parameter, two moments. */
function adamKernel(engine: Engine): Kernel {
  return engine.kernel("adam", () => (parts) => {
    const { code, values } = constantsFrom(parts, 3, 9);
    const [keep1, add1, keep2, add2, decay, keep, rate, inverse2, small] = values;
    const [factor, p, g, m, v] = parts.locals.locals("v128", 5) as [Local, Local, Local, Local, Local];
    return block(
      code,
      factor.set(v128.loadSplat(parts.word(2))),
      overElements(parts, 4, (at, load, store) =>
        block(
          p.set(load(at(1))),
          g.set(madd(p.get, decay!, f32x4.mul(load(at(0)), factor.get))),
          m.set(madd(load(at(2)), keep1!, f32x4.mul(g.get, add1!))),
          v.set(madd(load(at(3)), keep2!, f32x4.mul(f32x4.mul(g.get, g.get), add2!))),
          store(at(2), m.get),
          store(at(3), v.get),
          store(
            at(1),
            f32x4.sub(
              f32x4.mul(p.get, keep!),
              f32x4.div(
                f32x4.mul(m.get, rate!),
                f32x4.add(f32x4.sqrt(f32x4.mul(v.get, inverse2!)), small!),
              ),
            ),
          ),
        )),
    );
  });
}

function averageKernel(engine: Engine): Kernel {
  return engine.kernel("average", () => (parts) => {
    const { code, values: [keep, add] } = constantsFrom(parts, 2, 2);
    return block(
      code,
      overElements(
        parts,
        2,
        (at, load, store) => store(at(1), madd(load(at(1)), keep!, f32x4.mul(load(at(0)), add!))),
      ),
    );
  });
}

function accumulateKernel(engine: Engine): Kernel {
  return engine.kernel(
    "accumulate",
    () => (parts) =>
      overElements(parts, 2, (at, load, store) => store(at(1), f32x4.add(load(at(1)), load(at(0))))),
  );
}

/** The tensors of some lists, side by side: targets come list by list. */
function sideBySide(inputs: readonly CpuArray[], targets: readonly CpuArray[]): CpuArray[][] {
  const count = inputs.length;
  return inputs.map((input, k) => [input, ...targets.filter((_, i) => i % count === k)]);
}

/** The update kernels. */
export function updateKernels(engine: Engine): Pick<CpuKernels, "sgd" | "adam" | "average" | "accumulate"> {
  return {
    sgd([factor, ...gradients], targets, { learningRate, momentum, isNesterov, weightDecay }) {
      launchOverTensors(engine, sgdKernel(engine), sideBySide(gradients, targets), [factor!.address], [
        weightDecay,
        momentum,
        isNesterov ? learningRate : 0,
        isNesterov ? learningRate * momentum : learningRate,
      ]);
    },
    adam([factor, ...gradients], targets, attributes) {
      const { learningRate, beta1, beta2, epsilon, weightDecay, isDecoupled, step } = attributes;
      launchOverTensors(engine, adamKernel(engine), sideBySide(gradients, targets), [factor!.address], [
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        isDecoupled ? 0 : weightDecay,
        isDecoupled ? 1 - learningRate * weightDecay : 1,
        learningRate / (1 - beta1 ** step),
        1 / (1 - beta2 ** step),
        epsilon,
      ]);
    },
    average(inputs, targets, { decay }) {
      launchOverTensors(engine, averageKernel(engine), sideBySide(inputs, targets), [], [decay, 1 - decay]);
    },
    accumulate(inputs, targets) {
      launchOverTensors(engine, accumulateKernel(engine), sideBySide(inputs, targets), []);
    },
  };
}
