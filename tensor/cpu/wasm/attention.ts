/**
 * Attention and its gradient. The scores of a block of queries with all keys are in a thread's working memory,
 * never those of all queries: what is needed twice is computed twice.
 *
 * @module
 */

import type { AttentionAttributes } from "../../ops/fused_attention.ts";
import { sizeOf } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { backwardBytes, backwardKernel } from "./attention_backward.ts";
import { forwardBytes, forwardKernel } from "./attention_forward.ts";
import { factorsOf } from "./attention_products.ts";
import { attentionShape } from "./attention_shape.ts";
import type { Engine } from "./engine.ts";
import { pack, packedBytes, type Packing, type Strips } from "./matmul_pack.ts";

/** Elements of the scores of a block of queries: with all else that it needs they stay in the second-level cache. */
const forwardScores = 2 ** 16;
const backwardScores = 2 ** 15;

/** Packs arrays and runs a body with where they are and with working memory. */
function withPacked(
  engine: Engine,
  arrays: readonly (readonly [CpuArray, Strips])[],
  workingBytes: number,
  body: (places: readonly number[], working: number) => void,
): void {
  const packings: Packing[] = arrays.map(([{ address, shape }, strips]) => ({
    strips,
    matrices: shape[0]!,
    from: address,
  }));
  const bytes = {
    working: engine.threads * workingBytes,
    packed: packings.reduce((sum, packing) => sum + packedBytes(packing), 0),
  };
  engine.scratch(bytes, ({ working, packed }) => body(pack(engine, packings, packed), working));
}

function forward(
  engine: Engine,
  inputs: readonly CpuArray[],
  out: CpuArray,
  attributes: AttentionAttributes,
): void {
  const [q, k, v, ...terms] = inputs as [CpuArray, CpuArray, CpuArray, ...CpuArray[]];
  const shape = attentionShape(engine, inputs, attributes, forwardScores);
  const { queryRows, keyColumns, keyChannels } = factorsOf(shape);
  const factors = [[q, queryRows], [k, keyColumns], [v, keyChannels]] as const;
  const [term0, term1, term2] = [0, 1, 2].map((t) => terms[t] ?? 0) as [CpuArray, CpuArray, CpuArray];
  withPacked(engine, factors, forwardBytes(shape), ([q, k, v], working) => {
    const places = { q: q!, k: k!, v: v!, out, working, term0, term1, term2 };
    engine.run(forwardKernel(engine, shape), shape.batches * Math.ceil(shape.queries / shape.block), places);
  });
}

function backward(
  engine: Engine,
  [g, ...inputs]: readonly CpuArray[],
  [dq, dk, dv, ...dTerms]: readonly CpuArray[],
  attributes: AttentionAttributes,
): void {
  const [q, k, v, ...terms] = inputs as [CpuArray, CpuArray, CpuArray, ...CpuArray[]];
  const shape = attentionShape(engine, inputs, attributes, backwardScores);
  const { queryRows, keyColumns, keyChannels, queryChannels } = factorsOf(shape);
  const factors = [
    ...[[q, queryRows], [g!, queryRows], [k, keyColumns], [v, keyColumns]] as const,
    ...[[q, queryChannels], [g!, queryChannels], [k, keyChannels]] as const,
  ];
  const at = (list: readonly CpuArray[], t: number) => list[t] ?? 0;
  withPacked(engine, factors, backwardBytes(shape), (packed, working) => {
    const [q, g, k, v, queryChannels, gChannels, keyChannels] = packed as [
      ...[number, number, number, number],
      ...[number, number, number],
    ];
    engine.run(backwardKernel(engine, shape), shape.batches, {
      ...{ q, g, k, v, queryChannels, gChannels, keyChannels },
      ...{ term0: at(terms, 0), term1: at(terms, 1), term2: at(terms, 2) },
      ...{ dTerm0: at(dTerms, 0), dTerm1: at(dTerms, 1), dTerm2: at(dTerms, 2) },
      ...{ dq: dq!, dk: dk!, dv: dv!, working },
    });
  });
}

/** The attention kernels. */
export function attentionKernels(engine: Engine): Pick<CpuKernels, "attention" | "attentionGrad"> {
  return {
    attention(inputs, [out], attributes) {
      if (sizeOf(out!.shape) > 0) forward(engine, inputs, out!, attributes);
    },
    attentionGrad(inputs, outputs, attributes) {
      if (sizeOf(outputs[0]!.shape) > 0) backward(engine, inputs, outputs, attributes);
    },
  };
}
