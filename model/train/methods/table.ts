/**
 * All training methods by name: the command line, its help and the documentation are made from this table.
 *
 * @module
 */

import type { Method } from "../method.ts";
import { cmc } from "./cmc.ts";
import { cmcConfident } from "./cmc_confident.ts";
import { cmcCopyPaste } from "./cmc_copy_paste.ts";
import { cmcCutMix } from "./cmc_cutmix.ts";
import { cmcPlus } from "./cmc_plus.ts";
import { cmcReleased } from "./cmc_released.ts";
import { cmcSingle } from "./cmc_single.ts";
import { cps } from "./cps.ts";
import { crossModalCps } from "./cross_modal_cps.ts";
import { earlyFusion } from "./early_fusion.ts";
import { lateFusion } from "./late_fusion.ts";
import { meanTeacher } from "./mean_teacher.ts";
import { pretrain } from "./pretrain.ts";
import { semiCml } from "./semi_cml.ts";
import { supervised } from "./supervised.ts";
import { supervisedAll } from "./supervised_all.ts";
import { supervisedMatched } from "./supervised_matched.ts";
import { uaMt } from "./ua_mt.ts";
import { umml } from "./umml.ts";

const rows: readonly Method[] = [
  ...[cmc, cmcConfident, cmcCopyPaste, cmcCutMix, cmcPlus, cmcSingle, cmcReleased],
  ...[supervised, supervisedMatched, supervisedAll, earlyFusion, lateFusion],
  ...[meanTeacher, uaMt, cps, crossModalCps, semiCml, umml, pretrain],
];

/** The table. */
export const methods: ReadonlyMap<string, Method> = new Map(rows.map((method) => [method.name, method]));

/** Names on the command line. */
export const methodNames: readonly string[] = [...methods.keys()];
