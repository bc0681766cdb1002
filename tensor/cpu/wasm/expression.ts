/**
 * Translates the formula of an elementwise row to SIMD code. The language is described with the rows in
 * `ops/elementwise.ts`.
 *
 * @module
 */

import { type Code, f32x4, type Local, v128 } from "./instructions.ts";
import type { FunctionBuilder } from "./module_builder.ts";
import { cos, erf, exp, log, pow, sin, tanh } from "./vector_math.ts";

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

type Emit = (locals: FunctionBuilder, ...inputs: Code[]) => Code;
const direct = (instruction: (...inputs: Code[]) => Code): Emit => (_, ...inputs) => instruction(...inputs);
const [one, two] = [
  (f: (a: Code) => Code): Emit => direct((a) => f(a!)),
  (f: (a: Code, b: Code) => Code): Emit => direct((a, b) => f(a!, b!)),
];

const functions: Readonly<Record<string, Emit>> = {
  "+": two(f32x4.add),
  "-": two(f32x4.sub),
  "*": two(f32x4.mul),
  "/": two(f32x4.div),
  "<": two(f32x4.lt),
  ">": two(f32x4.gt),
  "<=": two(f32x4.le),
  ">=": two(f32x4.ge),
  "==": two(f32x4.eq),
  neg: one(f32x4.neg),
  abs: one(f32x4.abs),
  sqrt: one(f32x4.sqrt),
  floor: one(f32x4.floor),
  select: direct((ifFalse, ifTrue, condition) => v128.select(ifTrue!, ifFalse!, condition!)),
  exp: (locals, x) => exp(locals, x!),
  log: (locals, x) => log(locals, x!),
  tanh: (locals, x) => tanh(locals, x!),
  erf: (locals, x) => erf(locals, x!),
  sin: (locals, x) => sin(locals, x!),
  cos: (locals, x) => cos(locals, x!),
  pow: (locals, x, y) => pow(locals, x!, y!),
};

/** Whether every function of the formula has a translation. */
export function isTranslatable(expression: string): boolean {
  return [...expression.matchAll(/([a-z]+)\s*\(/gi)].every(([, name]) => Object.hasOwn(functions, name!));
}

/**
 * The code of a formula over vectors.
 *
 * @param inputs the local variable of each input by name
 * @throws {SyntaxError} when the formula is not in the language
 */
export function translate(
  expression: string,
  locals: FunctionBuilder,
  inputs: Readonly<Record<string, Local>>,
): Code {
  const emit = (node: Node): Code => {
    if (node.kind === "number") return f32x4.const(node.value);
    const known = node.kind === "input" ? inputs[node.name] : undefined;
    if (known) return known.get;
    const make = node.kind === "call" ? functions[node.name] : undefined;
    if (!make || node.kind !== "call") throw new SyntaxError(`${expression}: unknown name ${node.name}`);
    return make(locals, ...node.inputs.map(emit));
  };
  return emit(parse(expression));
}
