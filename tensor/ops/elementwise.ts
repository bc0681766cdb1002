/**
 * Elementwise ops: one line of formula each, rendered to WGSL, JavaScript and WebAssembly.
 *
 * The formula's language is what WGSL and JavaScript share: numbers with a decimal point, the inputs `x`,
 * `y`, `z`, `+ - * /`, comparisons (only inside `select(ifFalse, ifTrue, condition)`) and
 * `exp log sqrt abs pow tanh erf normalCdf floor`. Inputs broadcast as in NumPy. An input may be a plain number: it
 * then reaches the kernel as the attribute of that name, so `x.mul(2)` needs no tensor for the 2.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { broadcastShapes } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import {
  type GradientContext,
  labels,
  type Op,
  requireFloat,
  type Sample,
  type SampleInput,
  values,
} from "./op.ts";
import { sumTo } from "./reduce.ts";

/** A tensor, or a number that stands for a tensor of one value. */
export type Term = Tensor | number;

/** The inputs that are plain numbers, by name. */
export type Scalars = Readonly<Partial<Record<"x" | "y" | "z", number>>>;

/** An elementwise op. */
export type ElementwiseOp = Op<Scalars> & { readonly expression: string; readonly arity: 1 | 2 | 3 };

interface ElementwiseRow {
  readonly expression: string;
  readonly saves?: { readonly inputs?: readonly number[]; readonly outputs?: readonly number[] };
  /** Gradients in the result's shape; they are summed to the inputs' shapes afterwards. */
  readonly gradient:
    | ((g: Tensor, inputs: Term[], context: GradientContext<Scalars>) => readonly (Tensor | null)[])
    | string;
  readonly samples: readonly Sample<Scalars>[];
}

function elementwise(name: string, arity: 1 | 2 | 3, row: ElementwiseRow): ElementwiseOp {
  const { gradient } = row;
  return {
    name,
    arity,
    family: "elementwise",
    expression: row.expression,
    infer(inputs) {
      requireFloat(name, inputs);
      return [{ shape: broadcastShapes(name, inputs.map((input) => input.shape)), dtype: "f32" }];
    },
    saves: row.saves ?? {},
    gradient: typeof gradient === "string"
      ? gradient
      : (g, inputs, context) =>
        gradient(g, [...inputs], context).map((grad, i) =>
          grad && context.wants[i] ? sumTo(grad, inputs[i]!.shape) : null
        ),
    samples: row.samples,
    refusals: arity === 1 ? [{ inputs: [labels([3], 2)], attributes: {}, code: "dtype.mismatch" }] : [{
      inputs: Array.from({ length: arity }, (_, i) => values([2, 3 + (i % 2)])),
      attributes: {},
      code: "shape.broadcast",
    }],
  };
}

const sample = (...inputs: SampleInput[]): Sample<Scalars> => ({ inputs, attributes: {} });
const unary = (low = -2, high = 2) => [sample(values([2, 3, 5], low, high)), sample(values([], low, high))];
const binary = (low = -2, high = 2) => [
  sample(values([2, 3, 5]), values([2, 3, 5], low, high)),
  sample(values([4, 1, 5]), values([3, 1], low, high)),
  { inputs: [values([2, 3])], attributes: { y: 0.75 } },
];
const flat = "a comparison is piecewise constant";

/** What a gradient computes in one launch: of x, or of the result as x, and the incoming gradient y. */
const derivative = (name: string, expression: string): ElementwiseOp =>
  elementwise(name, 2, {
    expression,
    gradient: "second derivatives are not supported",
    samples: binary(),
  });

const geluGradOp = derivative("geluGrad", "y * (normalCdf(x) + x * 0.3989422804014327 * exp(-0.5 * x * x))");
const siluGradOp = derivative("siluGrad", "y * (1.0 + x * (1.0 - 1.0 / (1.0 + exp(-x)))) / (1.0 + exp(-x))");
const sigmoidGradOp = derivative("sigmoidGrad", "y * x * (1.0 - x)");
const tanhGradOp = derivative("tanhGrad", "y * (1.0 - x * x)");

/** The table of elementwise ops. */
export const elementwiseOps = {
  add: elementwise("add", 2, {
    expression: "x + y",
    gradient: (g) => [g, g],
    samples: binary(),
  }),
  sub: elementwise("sub", 2, {
    expression: "x - y",
    gradient: (g, _, { wants }) => [g, wants[1] ? g.neg() : null],
    samples: binary(),
  }),
  mul: elementwise("mul", 2, {
    expression: "x * y",
    saves: { inputs: [0, 1] },
    gradient: (g, [x, y], { wants }) => [wants[0] ? g.mul(y!) : null, wants[1] ? g.mul(x!) : null],
    samples: binary(),
  }),
  div: elementwise("div", 2, {
    expression: "x / y",
    saves: { inputs: [1], outputs: [0] },
    gradient: (g, [, y], { outputs: [q], wants }) => {
      const dx = g.div(y!);
      return [dx, wants[1] ? dx.mul(q!).neg() : null];
    },
    samples: binary(0.5, 2),
  }),
  pow: elementwise("pow", 2, {
    expression: "pow(x, y)",
    saves: { inputs: [0, 1], outputs: [0] },
    gradient: (g, [x, y], { outputs: [power], wants }) => [
      wants[0] ? g.mul(y!).mul(pow(x!, typeof y === "number" ? y - 1 : y!.sub(1))) : null,
      wants[1] ? g.mul(power!).mul(log(x as Tensor)) : null,
    ],
    samples: [
      sample(values([2, 3, 5], 0.2, 2), values([2, 3, 5])),
      { inputs: [values([2, 3], 0.2, 2)], attributes: { y: 1.7 } },
    ],
  }),
  maximum: elementwise("maximum", 2, {
    expression: "select(x, y, y > x)",
    saves: { inputs: [0, 1] },
    gradient: (g, [x, y]) => {
      const second = greater(y!, x!); // at a tie the first input gets the gradient
      return [where(second, 0, g), g.mul(second)];
    },
    samples: binary(),
  }),
  minimum: elementwise("minimum", 2, {
    expression: "select(x, y, y < x)",
    saves: { inputs: [0, 1] },
    gradient: (g, [x, y]) => {
      const second = less(y!, x!);
      return [where(second, 0, g), g.mul(second)];
    },
    samples: binary(),
  }),
  greater: elementwise("greater", 2, {
    expression: "select(0.0, 1.0, x > y)",
    gradient: flat,
    samples: binary(),
  }),
  less: elementwise("less", 2, {
    expression: "select(0.0, 1.0, x < y)",
    gradient: flat,
    samples: binary(),
  }),
  equal: elementwise("equal", 2, {
    expression: "select(0.0, 1.0, x == y)",
    gradient: flat,
    samples: binary(),
  }),
  where: elementwise("where", 3, {
    expression: "select(z, y, x > 0.0)",
    saves: { inputs: [0] },
    gradient: (g, [condition]) => [null, where(condition!, g, 0), where(condition!, 0, g)],
    samples: [
      sample(values([2, 3, 5], -1, 1), values([2, 3, 5]), values([3, 1])),
      { inputs: [values([2, 3, 5], -1, 1), values([2, 3, 5])], attributes: { z: 0 } },
    ],
  }),
  multiplyAdd: elementwise("multiplyAdd", 3, {
    expression: "x * y + z",
    saves: { inputs: [0, 1] },
    gradient: (g, [x, y], { wants }) => [wants[0] ? g.mul(y!) : null, wants[1] ? g.mul(x!) : null, g],
    samples: [
      sample(values([2, 3, 5]), values([2, 3, 5]), values([3, 1])),
      { inputs: [values([2, 3]), values([2, 3])], attributes: { y: 0.75 } },
    ],
  }),
  clipFactor: elementwise("clipFactor", 2, {
    expression: "select(y / (x + 0.000001), 1.0, y > x + 0.000001)",
    gradient: "it scales gradients",
    samples: binary(0.5, 2),
  }),
  neg: elementwise("neg", 1, {
    expression: "-x",
    gradient: (g) => [g.neg()],
    samples: unary(),
  }),
  exp: elementwise("exp", 1, {
    expression: "exp(x)",
    saves: { outputs: [0] },
    gradient: (g, _, { outputs: [y] }) => [g.mul(y!)],
    samples: unary(),
  }),
  log: elementwise("log", 1, {
    expression: "log(x)",
    saves: { inputs: [0] },
    gradient: (g, [x]) => [g.div(x!)],
    samples: unary(0.2, 3),
  }),
  sqrt: elementwise("sqrt", 1, {
    expression: "sqrt(x)",
    saves: { outputs: [0] },
    gradient: (g, _, { outputs: [y] }) => [g.div(y!.mul(2))],
    samples: unary(0.2, 3),
  }),
  square: elementwise("square", 1, {
    expression: "x * x",
    saves: { inputs: [0] },
    gradient: (g, [x]) => [g.mul(mul(x!, 2))],
    samples: unary(),
  }),
  abs: elementwise("abs", 1, {
    expression: "abs(x)",
    saves: { inputs: [0] },
    gradient: (g, [x]) => [g.mul(greater(x!, 0).sub(less(x!, 0)))],
    samples: unary(),
  }),
  sigmoid: elementwise("sigmoid", 1, {
    expression: "1.0 / (1.0 + exp(-x))",
    saves: { outputs: [0] },
    gradient: (g, _, { outputs: [y] }) => [apply(sigmoidGradOp, [y!, g], {})],
    samples: unary(-6, 6),
  }),
  sigmoidGrad: sigmoidGradOp,
  tanh: elementwise("tanh", 1, {
    expression: "tanh(x)",
    saves: { outputs: [0] },
    gradient: (g, _, { outputs: [y] }) => [apply(tanhGradOp, [y!, g], {})],
    samples: unary(),
  }),
  tanhGrad: tanhGradOp,
  relu: elementwise("relu", 1, {
    expression: "select(0.0, x, x > 0.0)",
    saves: { outputs: [0] },
    gradient: (g, _, { outputs: [y] }) => [g.mul(greater(y!, 0))],
    samples: unary(),
  }),
  erf: elementwise("erf", 1, {
    expression: "erf(x)",
    saves: { inputs: [0] },
    gradient: (g, [x]) => [g.mul(2 / Math.sqrt(Math.PI)).mul(square(x as Tensor).neg().exp())],
    samples: unary(),
  }),
  floor: elementwise("floor", 1, {
    expression: "floor(x)",
    gradient: "a step function is piecewise constant",
    samples: unary(),
  }),
  gelu: elementwise("gelu", 1, {
    expression: "x * normalCdf(x)",
    saves: { inputs: [0] },
    gradient: (g, [x]) => [apply(geluGradOp, [x!, g], {})],
    samples: unary(-4, 4),
  }),
  geluGrad: geluGradOp,
  silu: elementwise("silu", 1, {
    expression: "x / (1.0 + exp(-x))",
    saves: { inputs: [0] },
    gradient: (g, [x]) => [apply(siluGradOp, [x!, g], {})],
    samples: unary(-6, 6),
  }),
  siluGrad: siluGradOp,
  elu: elementwise("elu", 2, {
    expression: "select(y * (exp(x) - 1.0), x, x > 0.0)",
    saves: { outputs: [0] },
    gradient: (g, [, alpha], { outputs: [y] }) => [where(y!, g, g.mul(y!.add(alpha!))), null],
    samples: [{ inputs: [values([2, 3, 5])], attributes: { y: 0.7 } }],
  }),
  leakyRelu: elementwise("leakyRelu", 2, {
    expression: "select(x * y, x, x > 0.0)",
    saves: { inputs: [0, 1] },
    gradient: (g, [x, slope]) => [where(greater(x!, 0), g, g.mul(slope!)), null],
    samples: [
      { inputs: [values([2, 3, 5])], attributes: { y: 0.01 } },
    ],
  }),
} as const satisfies Record<string, ElementwiseOp>;

const {
  add: addOp,
  sub: subOp,
  mul: mulOp,
  div: divOp,
  pow: powOp,
  maximum: maximumOp,
  minimum: minimumOp,
  greater: greaterOp,
  less: lessOp,
  equal: equalOp,
  where: whereOp,
  multiplyAdd: multiplyAddOp,
  clipFactor: clipFactorOp,
  neg: negOp,
  exp: expOp,
  log: logOp,
  sqrt: sqrtOp,
  square: squareOp,
  abs: absOp,
  sigmoid: sigmoidOp,
  tanh: tanhOp,
  relu: reluOp,
  erf: erfOp,
  floor: floorOp,
  gelu: geluOp,
  silu: siluOp,
  elu: eluOp,
  leakyRelu: leakyReluOp,
} = elementwiseOps;

/** x + y. Inputs broadcast. */
export function add(x: Term, y: Term): Tensor {
  return apply(addOp, [x, y], {});
}

/** x − y. Inputs broadcast. */
export function sub(x: Term, y: Term): Tensor {
  return apply(subOp, [x, y], {});
}

/** x · y. Inputs broadcast. */
export function mul(x: Term, y: Term): Tensor {
  return apply(mulOp, [x, y], {});
}

/** x / y. Inputs broadcast. */
export function div(x: Term, y: Term): Tensor {
  return apply(divOp, [x, y], {});
}

/** x to the power y, for x > 0. Inputs broadcast. */
export function pow(x: Term, y: Term): Tensor {
  return apply(powOp, [x, y], {});
}

/** x · y + z, in one launch. Inputs broadcast. */
export function multiplyAdd(x: Term, y: Term, z: Term): Tensor {
  return apply(multiplyAddOp, [x, y, z], {});
}

/** What brings x, a norm, down to at most y: `min(1, y / (x + 1e-6))`. */
export function clipFactor(x: Term, y: Term): Tensor {
  return apply(clipFactorOp, [x, y], {});
}

/** The larger of x and y; at a tie x gets the gradient. Inputs broadcast. */
export function maximum(x: Term, y: Term): Tensor {
  return apply(maximumOp, [x, y], {});
}

/** The smaller of x and y; at a tie x gets the gradient. Inputs broadcast. */
export function minimum(x: Term, y: Term): Tensor {
  return apply(minimumOp, [x, y], {});
}

/** 1 where x > y, else 0. Inputs broadcast. */
export function greater(x: Term, y: Term): Tensor {
  return apply(greaterOp, [x, y], {});
}

/** 1 where x < y, else 0. Inputs broadcast. */
export function less(x: Term, y: Term): Tensor {
  return apply(lessOp, [x, y], {});
}

/** 1 where x = y, else 0. Inputs broadcast. */
export function equal(x: Term, y: Term): Tensor {
  return apply(equalOp, [x, y], {});
}

/** y where the condition is above 0, else z. Inputs broadcast. */
export function where(condition: Term, y: Term, z: Term): Tensor {
  return apply(whereOp, [condition, y, z], {});
}

/** −x. */
export function neg(x: Tensor): Tensor {
  return apply(negOp, [x], {});
}

/** e to the x. */
export function exp(x: Tensor): Tensor {
  return apply(expOp, [x], {});
}

/** Natural logarithm. */
export function log(x: Tensor): Tensor {
  return apply(logOp, [x], {});
}

/** Square root. */
export function sqrt(x: Tensor): Tensor {
  return apply(sqrtOp, [x], {});
}

/** x². */
export function square(x: Tensor): Tensor {
  return apply(squareOp, [x], {});
}

/** |x|; the gradient at 0 is 0. */
export function abs(x: Tensor): Tensor {
  return apply(absOp, [x], {});
}

/** Logistic function, 1 / (1 + e⁻ˣ). */
export function sigmoid(x: Tensor): Tensor {
  return apply(sigmoidOp, [x], {});
}

/** Hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return apply(tanhOp, [x], {});
}

/** max(x, 0); the gradient at 0 is 0. */
export function relu(x: Tensor): Tensor {
  return apply(reluOp, [x], {});
}

/** Error function, `2/√π ∫₀ˣ e^(−t²) dt`. */
export function erf(x: Tensor): Tensor {
  return apply(erfOp, [x], {});
}

/** Largest integer not above x; no gradient. */
export function floor(x: Tensor): Tensor {
  return apply(floorOp, [x], {});
}

/** x Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016), exact form. */
export function gelu(x: Tensor): Tensor {
  return apply(geluOp, [x], {});
}

/** x · sigmoid(x). */
export function silu(x: Tensor): Tensor {
  return apply(siluOp, [x], {});
}

/** x where positive, else α (eˣ − 1) (Clevert et al. 2016), α > 0. */
export function elu(x: Tensor, alpha = 1): Tensor {
  return apply(eluOp, [x, alpha], {});
}

/** x limited to low … high; at a limit the gradient still flows. */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  return minimum(maximum(x, low), high);
}

/** x where positive, else slope · x. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return apply(leakyReluOp, [x, slope], {});
}
