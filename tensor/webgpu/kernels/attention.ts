/**
 * Attention and its gradient from products, softmax and sums. The scores live only during the op.
 *
 * @module
 */

import { type AttentionAttributes, scoreAxes } from "../../ops/fused_attention.ts";
import type { KernelAttributes } from "../../ops/registry.ts";
import { type Shape, sizeOf, stridesOf } from "../../shape.ts";
import { ravel, unravel } from "../indexing.ts";
import { Call, type Kernel, type Step } from "../kernel.ts";
import type { Bound } from "../pages.ts";
import { matmul } from "./matmul.ts";
import { sum } from "./reduce.ts";
import { softmax, softmaxGrad } from "./softmax.ts";

/** An array with a shape of its own. */
interface Shaped {
  readonly bound: Bound;
  readonly shape: Shape;
}

/** A call of another kernel within one, on arrays of the outer call. */
class InnerCall<A> extends Call<A> {
  readonly #outer: Call<unknown>;
  readonly #arrays: { readonly input: readonly Shaped[]; readonly output: readonly Shaped[] };

  constructor(outer: Call<unknown>, input: readonly Shaped[], output: readonly Shaped[], attributes: A) {
    const spec = ({ shape, bound: { dtype } }: Shaped) => ({ shape, dtype });
    super(input.map(spec), output.map(spec), attributes, outer.tuning, outer.limits);
    this.#outer = outer;
    this.#arrays = { input, output };
  }

  override input(at: number): Bound {
    return this.#arrays.input[at]!.bound;
  }

  override output(at: number): Bound {
    return this.#arrays.output[at]!.bound;
  }

  override scratch(...request: Parameters<Call<A>["scratch"]>): Bound {
    return this.#outer.scratch(...request);
  }
}

type Attributes = AttentionAttributes;

function within<A>(call: Call<unknown>, kernel: Kernel<A>, input: Shaped[], output: Shaped, attributes: A) {
  return kernel.steps(new InnerCall(call, input, [output], attributes));
}

function product(call: Call<unknown>, a: Shaped, b: Shaped, out: Shaped, transpose: "a" | "b" | "none") {
  const attributes: KernelAttributes<"matmul"> = {
    transposeA: transpose === "a",
    transposeB: transpose === "b",
  };
  return within(call, matmul, [a, b], out, attributes);
}

const scratch = (call: Call<unknown>, shape: Shape): Shaped => ({
  bound: call.scratch(sizeOf(shape)),
  shape,
});

/** Adds a term to the scores. */
function addTerm(call: Call<Attributes>, scores: Shaped, term: Shaped): Step {
  const axes = scoreAxes(term.shape[0]!, call.attributes);
  const strides = stridesOf(term.shape).map((stride, axis) => term.shape[axis] === 1 ? 0 : stride);
  return {
    label: "attention term",
    reads: { term: term.bound },
    writes: { scores: scores.bound },
    threads: sizeOf(axes),
    body: `${unravel("i", axes, "p")} set_scores(i, scores_at(i) + term_at(${ravel("p", strides)}));`,
  };
}

/** Steps that compute the probabilities `[B,Q,K]` from q, k and the terms. */
function probabilities(call: Call<Attributes>, [q, k, , ...terms]: readonly Shaped[]) {
  const shape = [q!.shape[0]!, q!.shape[1]!, k!.shape[1]!];
  const [scores, result] = [scratch(call, shape), scratch(call, shape)];
  const steps = [
    ...product(call, q!, k!, scores, "b"),
    ...terms.map((term) => addTerm(call, scores, term)),
    ...within(call, softmax, [scores], result, { axis: 2 }),
  ];
  return { steps, result };
}

const inputsFrom = (call: Call<Attributes>, first: number): Shaped[] =>
  call.inputs.slice(first).map(({ shape }, i) => ({ bound: call.input(first + i), shape }));

/** `softmax(q kᵀ + Σ terms) v`. */
export const attention: Kernel<Attributes> = {
  steps: (call) => {
    const inputs = inputsFrom(call, 0);
    const { steps, result } = probabilities(call, inputs);
    const out = { bound: call.output(0), shape: call.outputs[0]!.shape };
    return [...steps, ...product(call, result, inputs[2]!, out, "none")];
  },
};

/** The gradients of q, k, v and the terms. */
export const attentionGrad: Kernel<Attributes> = {
  steps: (call) => {
    const g: Shaped = { bound: call.input(0), shape: call.inputs[0]!.shape };
    const inputs = inputsFrom(call, 1);
    const [q, k, v] = inputs as [Shaped, Shaped, Shaped];
    const [dq, dk, dv, ...dTerms] = call.outputs.map(({ shape }, i) => ({ bound: call.output(i), shape }));
    const { steps, result } = probabilities(call, inputs);
    const [dp, ds] = [scratch(call, result.shape), scratch(call, result.shape)];
    const axes = scoreAxes(g.shape[0]!, call.attributes);
    const sums = dTerms.flatMap((term) => {
      const repeated = axes.flatMap((n, axis) => n !== 1 && term.shape[axis] === 1 ? [axis] : []);
      return within(call, sum, [{ bound: ds.bound, shape: axes }], term, { axes: repeated });
    });
    return [
      ...steps,
      ...product(call, g, v, dp, "b"),
      ...within(call, softmaxGrad, [dp, result], ds, { axis: 2 }),
      ...product(call, ds, k, dq!, "none"),
      ...product(call, ds, q, dk!, "a"),
      ...product(call, result, g, dv!, "a"),
      ...sums,
    ];
  },
};
