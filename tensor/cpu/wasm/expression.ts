/**
 * Translates the formula of an elementwise row to SIMD code. The language is described with the rows in
 * `ops/elementwise.ts`.
 *
 * @module
 */

import { type FormulaNode, parseFormula } from "../../ops/formula.ts";
import { type Code, f32x4, select } from "./emit/mod.ts";
import { erf, exp, log, normalCdf, pow, tanh } from "./vector_math.ts";

type Floats = Code<"f32x4">;

const comparisons: Readonly<Record<string, (a: Floats, b: Floats) => Code<"i32x4">>> = {
  "<": (a, b) => a.lt(b),
  ">": (a, b) => a.gt(b),
  "<=": (a, b) => a.le(b),
  ">=": (a, b) => a.ge(b),
  "==": (a, b) => a.eq(b),
};

const unary: Readonly<Record<string, (x: Floats) => Floats>> = {
  neg: (x) => x.neg(),
  abs: (x) => x.abs(),
  sqrt: (x) => x.sqrt(),
  floor: (x) => x.floor(),
  exp,
  log,
  tanh,
  erf,
  normalCdf,
};

const binary: Readonly<Record<string, (a: Floats, b: Floats) => Floats>> = {
  "+": (a, b) => a.add(b),
  "-": (a, b) => a.sub(b),
  "*": (a, b) => a.mul(b),
  "/": (a, b) => a.div(b),
  pow,
};

/** Whether every function of the formula has a translation. */
export function isTranslatable(expression: string): boolean {
  const known = { ...unary, ...binary, select };
  return [...expression.matchAll(/([a-z]+)\s*\(/gi)].every(([, name]) => Object.hasOwn(known, name!));
}

/**
 * The code of a formula over vectors.
 *
 * @param inputs the value of each input by name
 * @throws {SyntaxError} when the formula is not in the language
 */
export function translate(expression: string, inputs: Readonly<Record<string, Floats>>): Floats {
  const unknown = (name: string) => new SyntaxError(`${expression}: unknown name ${name}`);
  const condition = (node: FormulaNode): Code<"i32x4"> => {
    const compare = node.kind === "call" ? comparisons[node.name] : undefined;
    if (!compare || node.kind !== "call") throw new SyntaxError(`${expression}: a condition must compare`);
    return compare(value(node.inputs[0]!), value(node.inputs[1]!));
  };
  const value = (node: FormulaNode): Floats => {
    if (node.kind === "number") return f32x4.const(node.value);
    if (node.kind === "input") {
      const known = inputs[node.name];
      if (!known) throw unknown(node.name);
      return known;
    }
    const [a, b, c] = node.inputs;
    if (node.name === "select") return select(condition(c!), value(b!), value(a!));
    const [one, two] = [unary[node.name], binary[node.name]];
    if (one) return one(value(a!));
    if (two) return two(value(a!), value(b!));
    throw unknown(node.name);
  };
  return value(parseFormula(expression));
}
