/**
 * Trading time for memory: a part of a network whose activations are thrown away and computed again when
 * the gradient arrives (Chen et al. 2016).
 *
 * @module
 */

import {
  type Edge,
  edgeOf,
  GraphNode,
  isRecording,
  noGrad,
  propagate,
  reachable,
  withRecording,
} from "./autograd.ts";
import { CodedError } from "./errors.ts";
import type { Op } from "./ops/op.ts";
import { Random } from "./random.ts";
import type { Tensor } from "./tensor.ts";

/** A part of a network: from its inputs, and where it draws random numbers, a stream. */
export type Recomputable = (inputs: readonly Tensor[], random: Random) => Tensor;

/** An op whose gradient runs the body again, this time recording, and sends the gradient through that. */
function recomputeOp(body: Recomputable, random: Random, ownNode: () => GraphNode): Op<null> {
  const { state } = random;
  return {
    name: "checkpoint",
    family: "layout",
    infer: () => [],
    saves: {},
    gradient(g, saved, { wants }) {
      const leaves = saved.map((input, i) => {
        const leaf = input.alias();
        leaf.requiresGrad = wants[i]!;
        return leaf;
      });
      const out = withRecording(() => body(leaves, new Random(state)));
      if (!out.node) return leaves.map(() => null);
      if (reachable(out.node).some((node) => node.id < ownNode().id)) {
        throw new CodedError(
          "checkpoint.capture",
          "checkpoint: the body uses a tensor that is not among its inputs",
          {
            fix: "Pass every tensor that carries a gradient as an input.",
          },
        );
      }
      propagate(out, g.alias());
      return leaves.map((leaf) => leaf.grad ?? null);
    },
    samples: [],
    refusals: [],
  };
}

/**
 * `body(inputs)` without keeping what it computes on the way: `backward` runs it a second time. Only the
 * inputs and the result stay in memory. Parameters may be captured; every other tensor that carries a
 * gradient must be an input.
 *
 * @param random stream that the body draws from, if it does; the second run gets the same numbers
 *
 * @example
 * ```ts
 * import { checkpoint, openDevice, scope, Tensor } from "./mod.ts";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.from(device, [1, 2]).asParameter();
 * scope(() => checkpoint(([x]) => x!.exp().log().square(), [x]).sum().backward());
 * assert.ok(Math.abs((await x.grad!.data())[1]! - 4) < 1e-5);
 * ```
 * @throws {CodedError} `checkpoint.capture` in `backward`, when the body uses a tensor that is no input and
 * carries a gradient
 */
export function checkpoint(
  body: Recomputable,
  inputs: readonly Tensor[],
  random: Random = new Random(0),
): Tensor {
  if (!isRecording()) return body(inputs, random);
  const op = recomputeOp(body, random, () => node);
  const result = noGrad(() => body(inputs, random));
  const edges: Edge[] = inputs.map(edgeOf);
  const saved = inputs.map((input) => input.alias({ owned: false }));
  // A body that hands back a tensor that was there before must not get a node on it.
  const isOld = inputs.includes(result) || result.requiresGrad || result.node !== undefined;
  const output = isOld ? result.alias() : result;
  const node = new GraphNode(op, null, saved, [output.hollow()], edges);
  output.node = node;
  return output;
}
