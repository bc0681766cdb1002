/**
 * Kernels that change their outputs in place.
 *
 * @module
 */

import type { CpuArray, CpuKernels } from "../kernel.ts";
import { type Code, declare, f32x4, type Local, locals, madd, type Statements } from "./emit/mod.ts";
import type { Engine, Items, Kernel, KernelVariables } from "./engine.ts";
import { type Access, overRun } from "./runs.ts";
import { listParameters, overTensors, runOverTensors, type TensorList } from "./tensor_list.ts";

/** What a kernel does to four elements or one: `at(i)` is the address in the tensor's i-th array. */
type Element<N extends string> = (
  at: (i: number) => Code<"i32">,
  access: Access,
  numbers: Readonly<Record<N, Local<"f32x4">>>,
) => Statements;

/**
 * Makes the kernel over lists of tensors that does something to each element.
 *
 * @param arrays of a tensor
 * @param numbers that it takes: `"f32"`, or `"i32"` for one that is read from an address
 */
function listKernel<const N extends Readonly<Record<string, "i32" | "f32">>>(
  name: string,
  arrays: number,
  numbers: N,
  element: Element<keyof N & string>,
): (engine: Engine) => Kernel<typeof listParameters & N> {
  const parameters = { ...listParameters, ...numbers };
  const body = (given: KernelVariables<typeof parameters>, items: Items): Statements => {
    const vectors = declare(Object.fromEntries(Object.keys(numbers).map((n) => [n, "f32x4"] as const)));
    const addresses = locals("i32", arrays);
    const spread = ([name, type]: [string, "i32" | "f32"]) => {
      const number = given[name as keyof N];
      const { loadSplat, splat } = f32x4;
      const vector = type === "i32" ? loadSplat(number as Local<"i32">) : splat(number as Local<"f32">);
      return vectors[name]!.set(vector);
    };
    return [
      Object.entries(numbers).map(spread),
      overTensors(given, items, arrays, (row, from, to) => [
        addresses.map((address, i) => address.set(row.address(i))),
        overRun(
          from,
          to,
          (at, access) =>
            element((i) => addresses[i]!.add(at), access, vectors as Record<keyof N, Local<"f32x4">>),
        ),
      ]),
    ];
  };
  return (engine) => engine.compile(name, parameters, body);
}

const sgdNumbers = { factor: "i32", decay: "f32", momentum: "f32", plain: "f32", ahead: "f32" } as const;

/** Arrays: gradient, parameter, velocity. */
const sgdKernel = listKernel("sgd", 3, sgdNumbers, (at, { load, store }, number) => {
  const { p, g, v } = declare({ p: "f32x4", g: "f32x4", v: "f32x4" });
  return [
    p.set(load(at(1))),
    g.set(madd(p, number.decay, load(at(0)).mul(number.factor))),
    v.set(madd(load(at(2)), number.momentum, g)),
    store(at(2), v),
    store(at(1), p.sub(madd(g, number.plain, v.mul(number.ahead)))),
  ];
});

const moments = { keep1: "f32", add1: "f32", keep2: "f32", add2: "f32", inverse2: "f32" } as const;
const adamNumbers = {
  factor: "i32",
  ...moments,
  decay: "f32",
  keep: "f32",
  rate: "f32",
  small: "f32",
} as const;

/** Arrays: gradient, parameter, two moments. */
const adamKernel = listKernel("adam", 4, adamNumbers, (at, { load, store }, number) => {
  const { p, g, m, v } = declare({ p: "f32x4", g: "f32x4", m: "f32x4", v: "f32x4" });
  const step = m.mul(number.rate).div(v.mul(number.inverse2).sqrt().add(number.small));
  return [
    p.set(load(at(1))),
    g.set(madd(p, number.decay, load(at(0)).mul(number.factor))),
    m.set(madd(load(at(2)), number.keep1, g.mul(number.add1))),
    v.set(madd(load(at(3)), number.keep2, g.mul(g).mul(number.add2))),
    store(at(2), m),
    store(at(3), v),
    store(at(1), p.mul(number.keep).sub(step)),
  ];
});

/** Arrays: new value, running average. */
const averageKernel = listKernel(
  "average",
  2,
  { keep: "f32", add: "f32" },
  (at, { load, store }, { keep, add }) => store(at(1), madd(load(at(1)), keep, load(at(0)).mul(add))),
);

/** Arrays: what is added, and to what. */
const accumulateKernel = listKernel(
  "accumulate",
  2,
  {},
  (at, { load, store }) => store(at(1), load(at(1)).add(load(at(0)))),
);

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
