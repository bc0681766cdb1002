/**
 * Reads the formulas of elementwise rows; the language is described with the rows in `elementwise.ts`.
 *
 * @module
 */

/** A part of a formula: what is known of it. */
export type FormulaNode =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "call"; readonly name: string; readonly inputs: readonly FormulaNode[] };

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

/**
 * The tree of a formula; operators are calls named by their signs, a minus before a term is the call `neg`.
 *
 * @throws {SyntaxError} when it is not in the language
 */
export function parseFormula(expression: string): FormulaNode {
  const tokens = expression.match(/\d+(?:\.\d+)?(?:e-?\d+)?|[a-z]+|[<>=]=|[-+*/<>(),]/gi) ?? [];
  if (tokens.join("") !== expression.replace(/\s/g, "")) throw new SyntaxError(`in ${expression}`);
  let at = 0;
  const expect = (token: string): void => {
    if (tokens[at++] !== token) throw new SyntaxError(`${expression}: expected ${token}`);
  };
  const primary = (): FormulaNode => {
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
    const inputs: FormulaNode[] = [];
    do {
      at++;
      inputs.push(chain(0));
    } while (tokens[at] === ",");
    expect(")");
    return { kind: "call", name: token, inputs };
  };
  const chain = (least: number): FormulaNode => {
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
