/**
 * Supervised training on the labelled cases alone: the floor that every semi-supervised method must beat.
 *
 * @module
 */

import type { Method } from "../method.ts";
import { buildCmc, type CmcSegmenter } from "./cmc_segmenter.ts";
import { supervisedTerm } from "./terms.ts";

/** Same network and schedule as CMC, no unlabelled data. */
export const supervised: Method<Record<never, never>, CmcSegmenter> = {
  name: "supervised",
  cite: "",
  summary: "the same network and schedule on the labelled cases alone: the floor every method has to beat",
  settings: {},
  supervisesDeeply: () => true,
  comparesVoxels: () => false,
  build: buildCmc,
  wants: () => ({}),
  losses: (network, batch) => ({ supervised: supervisedTerm(network, batch) }),
};
