/**
 * Generated code that reads like the formula it computes.
 *
 * ```ts
 * const square = func({ x: "f32" }, ({ x }) => x.mul(x));
 * const sum = declare({ total: "f32" });
 * [sum.total.set(0), repeat(10, (i) => sum.total.increase(square({ x: f32.load(i.mul(4)) })))];
 * ```
 *
 * `code.ts` has expressions and variables, `values.ts` constants, loads and stores, `control.ts` loops,
 * conditions and functions, `module.ts` writes them down.
 *
 * @module
 */

export { type Code, declare, Local, locals, type Operand, type Statements } from "./code.ts";
export { after, func, loop, procedure, repeat, unroll, when } from "./control.ts";
export {
  broadcast,
  f32,
  f32x4,
  f64,
  i32,
  i32x4,
  type Lanes,
  least,
  madd,
  select,
  shuffle,
  sumLanes,
} from "./values.ts";
