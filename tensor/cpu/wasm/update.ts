/**
 * Kernels that change their outputs in place.
 *
 * @module
 */

import type { CpuArray, CpuKernels } from "../kernel.ts";
import { type Code, declare, f32x4, type Local, locals, madd, type Statements } from "./emit/mod.ts";
import type { Engine, Kernel, KernelVariables } from "./engine.ts";
import { type Access, overRun } from "./runs.ts";
import { listParameters, overTensors, runOverTensors, type TensorList } from "./tensor_list.ts";

/** What a kernel does to four elements or one: `at(i)` is the address in the tensor's i-th array. */
type Element<N extends string> = (
  at: (i: number) => Code<"i32">,
  access: Access,
  numbers: Readonly<Record<N, Local<"f32x4">>>,
) => Statements;

/**
 * A kernel over lists of tensors.
 *
 * @param arrays of a tensor
 * @param names of the numbers that it takes
 * @param pointed of them, the one that is read from an address
 */
function listKernel<const N extends string>(
  engine: Engine,
  { name, arrays, numbers, pointed }: {
    readonly name: string;
    readonly arrays: number;
    readonly numbers: readonly N[];
    readonly pointed?: N;
  },
  element: Element<N>,
): Kernel<typeof listParameters & Record<N, "i32" | "f32">> {
  const types = Object.fromEntries(numbers.map((n) => [n, n === pointed ? "i32" : "f32"]));
  const parameters = { ...listParameters, ...types as Record<N, "i32" | "f32"> };
  return engine.compile(name, parameters, (all, items) => {
    const given = all as KernelVariables<typeof listParameters> & Record<string, Local<"i32" | "f32">>;
    const vectors = declare(Object.fromEntries(numbers.map((n) => [n, "f32x4"] as const)));
    const addresses = locals("i32", arrays);
    return [
      numbers.map((n) =>
        vectors[n]!.set(
          n === pointed ? f32x4.loadSplat(given[n] as Local<"i32">) : f32x4.splat(given[n] as Local<"f32">),
        )
      ),
      overTensors(given, items, arrays, (row, from, to) => [
        addresses.map((address, i) => address.set(row.address(i))),
        overRun(
          from,
          to,
          (at, access) => element((i) => addresses[i]!.add(at), access, vectors as Record<N, Local<"f32x4">>),
        ),
      ]),
    ];
  });
}

/** Arrays: gradient, parameter, velocity. */
function sgdKernel(engine: Engine) {
  const numbers = ["factor", "decay", "momentum", "plain", "ahead"] as const;
  const { p, g, v } = declare({ p: "f32x4", g: "f32x4", v: "f32x4" });
  return listKernel(engine, { name: "sgd", arrays: 3, numbers, pointed: "factor" }, (at, access, number) => [
    p.set(access.load(at(1))),
    g.set(madd(p, number.decay, access.load(at(0)).mul(number.factor))),
    v.set(madd(access.load(at(2)), number.momentum, g)),
    access.store(at(2), v),
    access.store(at(1), p.sub(madd(g, number.plain, v.mul(number.ahead)))),
  ]);
}

/** Arrays: gradient, parameter, two moments. */
function adamKernel(engine: Engine) {
  const moments = ["keep1", "add1", "keep2", "add2"] as const;
  const numbers = ["factor", ...moments, "decay", "keep", "rate", "inverse2", "small"] as const;
  const { p, g, m, v } = declare({ p: "f32x4", g: "f32x4", m: "f32x4", v: "f32x4" });
  return listKernel(engine, { name: "adam", arrays: 4, numbers, pointed: "factor" }, (at, access, number) => [
    p.set(access.load(at(1))),
    g.set(madd(p, number.decay, access.load(at(0)).mul(number.factor))),
    m.set(madd(access.load(at(2)), number.keep1, g.mul(number.add1))),
    v.set(madd(access.load(at(3)), number.keep2, g.mul(g).mul(number.add2))),
    access.store(at(2), m),
    access.store(at(3), v),
    access.store(
      at(1),
      p.mul(number.keep).sub(m.mul(number.rate).div(v.mul(number.inverse2).sqrt().add(number.small))),
    ),
  ]);
}

/** Arrays: new value, running average. */
function averageKernel(engine: Engine) {
  const numbers = ["keep", "add"] as const;
  return listKernel(
    engine,
    { name: "average", arrays: 2, numbers },
    (at, { load, store }, { keep, add }) => store(at(1), madd(load(at(1)), keep, load(at(0)).mul(add))),
  );
}

/** Arrays: what is added, and to what. */
function accumulateKernel(engine: Engine) {
  return listKernel(
    engine,
    { name: "accumulate", arrays: 2, numbers: [] },
    (at, { load, store }) => store(at(1), load(at(1)).add(load(at(0)))),
  );
}

/** The tensors of some lists, side by side: targets come list by list. */
function sideBySide(inputs: readonly CpuArray[], targets: readonly CpuArray[]): TensorList {
  const count = inputs.length;
  return inputs.map((input, k) => [input, ...targets.filter((_, i) => i % count === k)]);
}

/** The update kernels. */
export function updateKernels(engine: Engine): Pick<CpuKernels, "sgd" | "adam" | "average" | "accumulate"> {
  return {
    sgd([factor, ...gradients], targets, { learningRate, momentum, isNesterov, weightDecay }) {
      runOverTensors(engine, sgdKernel(engine), sideBySide(gradients, targets), {
        factor: factor!,
        decay: weightDecay,
        momentum,
        plain: isNesterov ? learningRate : 0,
        ahead: isNesterov ? learningRate * momentum : learningRate,
      });
    },
    adam([factor, ...gradients], targets, attributes) {
      const { learningRate, beta1, beta2, epsilon, weightDecay, isDecoupled, step } = attributes;
      runOverTensors(engine, adamKernel(engine), sideBySide(gradients, targets), {
        factor: factor!,
        keep1: beta1,
        add1: 1 - beta1,
        keep2: beta2,
        add2: 1 - beta2,
        decay: isDecoupled ? 0 : weightDecay,
        keep: isDecoupled ? 1 - learningRate * weightDecay : 1,
        rate: learningRate / (1 - beta1 ** step),
        inverse2: 1 / (1 - beta2 ** step),
        small: epsilon,
      });
    },
    average(inputs, targets, { decay }) {
      const numbers = { keep: decay, add: 1 - decay };
      runOverTensors(engine, averageKernel(engine), sideBySide(inputs, targets), numbers);
    },
    accumulate(inputs, targets) {
      runOverTensors(engine, accumulateKernel(engine), sideBySide(inputs, targets), {});
    },
  };
}
