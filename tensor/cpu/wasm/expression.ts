/**
 * Translates the formula of an elementwise row to SIMD code. The language is described with the rows in
 * `ops/elementwise.ts`.
 *
 * @module
 */

import { type Code, f32x4, select } from "./emit/mod.ts";
import { erf, exp, log, pow, tanh } from "./vector_math.ts";

type Node =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "call"; readonly name: string; readonly inputs: readonly Node[] };

const precedence: Readonly<Record<string, number>> = {
  "==": 1,
  "<": 2,
  ">": 2,
  "<=": 2,
  ">=": 2,
  "+": 3,
  "-": 3,
  "*": 4,
  "/": 4,
};

function parse(expression: string): Node {
  const tokens = expression.match(/\d+(?:\.\d+)?(?:e-?\d+)?|[a-z]+|[<>=]=|[-+*/<>(),]/gi) ?? [];
  if (tokens.join("") !== expression.replace(/\s/g, "")) throw new SyntaxError(`in ${expression}`);
  let at = 0;
  const expect = (token: string): void => {
    if (tokens[at++] !== token) throw new SyntaxError(`${expression}: expected ${token}`);
  };
  const primary = (): Node => {
    const token = tokens[at++];
    if (token === undefined) throw new SyntaxError(`${expression}: ends early`);
    if (token === "-") return { kind: "call", name: "neg", inputs: [primary()] };
    if (token === "(") {
      const inner = chain(0);
      expect(")");
      return inner;
    }
    if (/^\d/.test(token)) return { kind: "number", value: Number(token) };
    if (tokens[at] !== "(") return { kind: "input", name: token };
    const inputs: Node[] = [];
    do {
      at++;
      inputs.push(chain(0));
    } while (tokens[at] === ",");
    expect(")");
    return { kind: "call", name: token, inputs };
  };
  const chain = (least: number): Node => {
    let left = primary();
    for (;;) {
      const operator = tokens[at];
      const level = operator === undefined ? undefined : precedence[operator];
      if (level === undefined || level <= least) return left;
      at++;
      left = { kind: "call", name: operator!, inputs: [left, chain(level)] };
    }
  };
  const tree = chain(0);
  if (at !== tokens.length) throw new SyntaxError(`${expression}: ${tokens[at]} is too much`);
  return tree;
}

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
  const condition = (node: Node): Code<"i32x4"> => {
    const compare = node.kind === "call" ? comparisons[node.name] : undefined;
    if (!compare || node.kind !== "call") throw new SyntaxError(`${expression}: a condition must compare`);
    return compare(value(node.inputs[0]!), value(node.inputs[1]!));
  };
  const value = (node: Node): Floats => {
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
  return value(parse(expression));
}
