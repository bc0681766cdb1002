/**
 * Elementwise kernels, compiled from the rows' expressions.
 *
 * @module
 */

import type { HostArray } from "../../device.ts";
import type { ElementwiseOp, Scalars } from "../../ops/elementwise.ts";
import { sizeOf } from "../../shape.ts";
import type { CpuKernel } from "../kernel.ts";
import { erf } from "./erf.ts";
import { broadcast, dense, forRows } from "./strided.ts";

const names = ["x", "y", "z"] as const;
const select = (ifFalse: number, ifTrue: number, condition: boolean): number => condition ? ifTrue : ifFalse;
const { exp, log, sqrt, abs, pow, tanh, floor } = Math;
const normalCdf = (x: number): number => 0.5 + 0.5 * erf(x * Math.SQRT1_2);
const language = { exp, log, sqrt, abs, pow, tanh, floor, erf, normalCdf, select };

/** One row: arrays and numbers by input, then the output, each array with its offset and step. */
type RowLoop = (
  values: readonly (HostArray | number)[],
  offsets: readonly number[],
  steps: readonly number[],
  out: HostArray,
  at: number,
  length: number,
) => void;

/** The loop over a row; `isTensor` says which inputs are arrays and which plain numbers. */
function rowLoop(op: ElementwiseOp, isTensor: readonly boolean[]): RowLoop {
  const load: string[] = [];
  const element: string[] = [];
  let array = 0;
  isTensor.forEach((tensor, i) => {
    const name = names[i]!;
    load.push(`const ${tensor ? name.toUpperCase() : name} = values[${i}];`);
    if (!tensor) return;
    load.push(`const ${name}Step = steps[${array}]; let ${name}At = offsets[${array}];`);
    element.push(`const ${name} = ${name.toUpperCase()}[${name}At]; ${name}At += ${name}Step;`);
    array++;
  });
  const source = `return (values, offsets, steps, out, at, length) => {
    ${load.join("\n")}
    for (let i = 0; i < length; i++) { ${element.join(" ")} out[at + i] = ${op.expression}; }
  };`;
  return new Function(...Object.keys(language), source)(...Object.values(language)) as RowLoop;
}

/** The kernel of an elementwise row. Inputs that are numbers come as attributes named after them. */
export function compileElementwise(op: ElementwiseOp): CpuKernel<Scalars> {
  // One loop for each set of array inputs and each type of arrays, so that each stays monomorphic.
  const loops = new Map<string, RowLoop>();
  return (inputs, [out], scalars) => {
    const isTensor = names.slice(0, op.arity).map((name) => scalars[name] === undefined);
    const key = `${isTensor} ${out!.data.constructor.name}`;
    let loop = loops.get(key);
    if (!loop) loops.set(key, loop = rowLoop(op, isTensor));
    let next = 0;
    const values = isTensor.map((tensor, i) => tensor ? inputs[next++]!.data : scalars[names[i]!]!);
    const { data, shape } = out!;
    const size = sizeOf(shape);
    if (inputs.every((input) => input.data.length === size || input.data.length === 1)) {
      const steps = inputs.map((input) => input.data.length === 1 ? 0 : 1);
      loop(values, inputs.map(() => 0), steps, data, 0, size);
      return;
    }
    const views = inputs.map((input) => broadcast(input.shape, shape));
    const last = views.length;
    forRows(shape, [...views, dense(shape)], (offsets, length, steps) => {
      // The output is dense and its rows are contiguous, whatever was joined.
      loop(values, offsets, steps, data, offsets[last]!, length);
    });
  };
}
