/**
 * Early fusion: supervised training of one U-Net that sees all modalities at once.
 *
 * @module
 */

import { EarlyFusionUnet } from "../../early_fusion_unet.ts";
import { unetOf } from "../../network_config.ts";
import type { Method } from "../method.ts";
import { supervisedTerm } from "./terms.ts";

/** All modalities as channels of one image. */
export const earlyFusion: Method<Record<never, never>, EarlyFusionUnet> = {
  name: "early-fusion",
  cite: "",
  summary: "supervised; one U-Net whose input channels are the modalities, which must be aligned",
  settings: {},
  comparesVoxels: () => true,
  build: (init, task, config) =>
    new EarlyFusionUnet(init, { ...task, unet: unetOf(config), storage: config.storage }),
  wants: () => ({}),
  losses: (network, batch) => ({ supervised: supervisedTerm(network, batch) }),
};
