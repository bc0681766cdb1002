/**
 * The kernel of every elementwise op, made from its formula.
 *
 * @module
 */

import { sameShape, sizeOf } from "../../shape.ts";
import { broadcastWalk, ravel, unravel } from "../indexing.ts";
import type { Kernel } from "../kernel.ts";

// Abramowitz & Stegun 7.1.26 for large x (error below 1.5e-7), Taylor series near 0.
const erf = `fn erf_(x: f32) -> f32 {
  let a = abs(x);
  let s = x * x;
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let near = 1.1283791671 * x * (1.0 - s * (1.0 / 3.0 - s * (0.1 - s * (1.0 / 42.0 - s / 216.0))));
  return select(sign(x) * (1.0 - p * exp(-s)), near, a < 0.5);
}`;

/** Functions of the formula language that WGSL lacks, or whose built-in form overflows. */
const definitions: Readonly<Record<string, readonly string[]>> = {
  // exp(2x) overflows for large x on some adapters; tanh is 1 to the last bit from 10 on.
  tanh: [`fn tanh_(x: f32) -> f32 { return select(tanh(x), sign(x), abs(x) > 10.0); }`],
  erf: [erf],
  normalCdf: [erf, "fn normalCdf_(x: f32) -> f32 { return 0.5 + 0.5 * erf_(x * 0.7071067811865476); }"],
};

/** The formula with the definitions it needs. */
function withDefinitions(formula: string): { code: string; formula: string } {
  const used = Object.keys(definitions).filter((name) => new RegExp(`\\b${name}\\(`).test(formula));
  return {
    code: [...new Set(used.flatMap((name) => definitions[name]!))].join("\n"),
    formula: used.reduce(
      (text, name) => text.replace(new RegExp(`\\b${name}\\(`, "g"), `${name}_(`),
      formula,
    ),
  };
}

/** The kernel of a formula; `numbers` are the names among x, y, z that are plain numbers, such as "y". */
export function elementwiseKernel(
  expression: string,
  numbers: string,
): Kernel<Readonly<Record<string, number>>> {
  const arrays = ["x", "y", "z"].filter((name) => !numbers.includes(name) && usesName(expression, name));
  const { code, formula } = withDefinitions(expression);
  const rest = [...numbers].map((name) => `let ${name} = scalars.${name};`).join(" ");
  return {
    varying: [...numbers],
    scalars: (attributes) => Object.fromEntries([...numbers].map((name) => [name, attributes[name]!])),
    steps: (call) => {
      const { shape } = call.outputs[0]!;
      const reads = Object.fromEntries(arrays.map((name, at) => [name, call.input(at)]));
      const step = {
        label: "elementwise",
        reads,
        writes: { out: call.output(0) },
        code,
        threads: sizeOf(shape),
      };
      const load = (places: readonly string[]) =>
        arrays.map((name, at) => `let ${name} = ${name}_at(${places[at]});`).join(" ");
      if (call.inputs.every((input) => sameShape(input.shape, shape))) {
        return [{
          ...step,
          counted: true,
          body: `${load(arrays.map(() => "i"))} ${rest} set_out(i, ${formula});`,
        }];
      }
      const walk = broadcastWalk(shape, call.inputs.map((input) => input.shape));
      const places = walk.strides.map((strides) => ravel("p", strides));
      return [{
        ...step,
        body: `${unravel("i", walk.shape, "p")} ${load(places)} ${rest} set_out(i, ${formula});`,
      }];
    },
  };
}

const usesName = (expression: string, name: string) => new RegExp(`\\b${name}\\b`).test(expression);
