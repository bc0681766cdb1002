/**
 * Sums of gradients that reach the same place on several paths.
 *
 * @module
 */

import type { Device, Operand } from "./device.ts";
import { accumulateOp } from "./ops/update.ts";
import { keep } from "./scope.ts";
import { sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** `sum + term`, in place when nobody else sees `sum`; takes both over. */
export function plus(sum: Tensor, term: Tensor): Tensor {
  if (sum.isShared) {
    const result = sum.add(term);
    sum.dispose();
    term.dispose();
    return result;
  }
  sum.device.run(accumulateOp, [term.operand()], [sum.operand()], {});
  term.dispose();
  return sum;
}

/** Numbers that may wait: enough that a dispatch is worth while, few beside a step's activations. */
const mostWaiting = 1 << 22;

/** Gradients on their way to parameters that have one already: many of them are added at once. */
export class ParameterGradients {
  readonly #waiting = new Map<Tensor, Tensor>();
  #numbers = 0;

  /** Adds a gradient, which it takes over, to that of a parameter; it may only count after {@link flush}. */
  add(parameter: Tensor, gradient: Tensor): void {
    const sum = parameter.grad;
    if (!sum || sum.isShared) {
      parameter.grad = keep(sum ? plus(sum, gradient) : gradient);
      return;
    }
    const earlier = this.#waiting.get(parameter);
    this.#waiting.set(parameter, earlier ? plus(earlier, gradient) : gradient);
    if (!earlier) this.#numbers += sizeOf(gradient.shape);
    if (this.#numbers > mostWaiting) this.flush();
  }

  /** Adds what waits. */
  flush(): void {
    const lists = new Map<Device, { terms: Operand[]; sums: Operand[] }>();
    for (const [{ grad, device }, term] of this.#waiting) {
      const list = lists.get(device) ?? { terms: [], sums: [] };
      list.terms.push(term.operand());
      list.sums.push(grad!.operand());
      lists.set(device, list);
    }
    for (const [device, { terms, sums }] of lists) device.run(accumulateOp, terms, sums, {});
    for (const term of this.#waiting.values()) term.dispose();
    this.#waiting.clear();
    this.#numbers = 0;
  }
}
