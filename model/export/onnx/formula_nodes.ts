/**
 * The formula of an elementwise op as ONNX nodes.
 *
 * @module
 */

import { type FormulaNode, parseFormula } from "../../../tensor/ops/formula.ts";
import type { NodeList } from "./node_list.ts";

const operators: Readonly<Record<string, string>> = {
  "+": "Add",
  "-": "Sub",
  "*": "Mul",
  "/": "Div",
  "<": "Less",
  ">": "Greater",
  "<=": "LessOrEqual",
  ">=": "GreaterOrEqual",
  "==": "Equal",
  neg: "Neg",
  abs: "Abs",
  sqrt: "Sqrt",
  floor: "Floor",
  exp: "Exp",
  log: "Log",
  tanh: "Tanh",
  erf: "Erf",
  pow: "Pow",
};

/**
 * Adds the nodes of a formula, and gives the name of the result.
 *
 * @param tensors names of the inputs that are tensors
 * @param numbers those that are plain numbers, as `x`, `y` or `z`
 * @throws {SyntaxError} for what is not in the language of formulas
 */
export function formulaNodes(
  list: NodeList,
  expression: string,
  tensors: readonly string[],
  numbers: Readonly<Partial<Record<string, number>>>,
): string {
  const number = (value: number) => list.constant(Float32Array.of(value), []);
  const rest = [...tensors];
  const inputs = new Map(
    ["x", "y", "z"].map((
      name,
    ) => [name, numbers[name] === undefined ? rest.shift() : number(numbers[name]!)]),
  );
  const visit = (node: FormulaNode): string => {
    if (node.kind === "number") return number(node.value);
    if (node.kind === "input") {
      const name = inputs.get(node.name);
      if (name === undefined) throw new SyntaxError(`${expression}: unknown name ${node.name}`);
      return name;
    }
    if (node.name === "select") {
      const [ifFalse, ifTrue, condition] = node.inputs.map(visit) as [string, string, string];
      return list.add("Where", [condition, ifTrue, ifFalse]);
    }
    if (node.name === "normalCdf") {
      const erf = list.add("Erf", [list.add("Mul", [visit(node.inputs[0]!), number(Math.SQRT1_2)])]);
      return list.add("Mul", [list.add("Add", [erf, number(1)]), number(0.5)]);
    }
    const operator = operators[node.name];
    if (operator === undefined) throw new SyntaxError(`${expression}: unknown name ${node.name}`);
    return list.add(operator, node.inputs.map(visit));
  };
  return visit(parseFormula(expression));
}
