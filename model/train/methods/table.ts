/**
 * All training methods by name: the command line, its help and the documentation are made from this table.
 *
 * @module
 */

import type { Method } from "../method.ts";
import { cmc } from "./cmc.ts";
import { cmcConfident } from "./cmc_confident.ts";
import { pretrain } from "./pretrain.ts";
import { supervised } from "./supervised.ts";

const rows: readonly Method[] = [cmc, cmcConfident, supervised, pretrain];

/** The table. */
export const methods: ReadonlyMap<string, Method> = new Map(rows.map((method) => [method.name, method]));

/** Names on the command line. */
export const methodNames: readonly string[] = [...methods.keys()];
