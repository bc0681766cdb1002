/** Our side of the benchmark: what each row runs. */

import { CountingDevice } from "../../tensor/counting_device.ts";
import type { Device } from "../../tensor/device.ts";
import {
  attentionOf,
  convolution,
  geluOfMany,
  instanceNormalization,
  layerNormalization,
  matrixProduct,
} from "./kernel_workloads.ts";
import type { WorkloadName } from "./names.ts";
import {
  cmcStep,
  samEncoder,
  slidingWindowInference,
  thickSlices,
  unetStep,
  vitBlock,
} from "./network_workloads.ts";

/** Makes the data and the network; the result runs once and waits until the device is done. */
export type Prepare = (device: Device) => () => Promise<void>;

/** All rows. */
export const workloads: Readonly<Record<WorkloadName, Prepare>> = {
  "matmul 1024³": matrixProduct(1024),
  "attention 12×512×64 forward": attentionOf(false),
  "attention 12×512×64 forward + backward": attentionOf(true),
  "ViT block 768, 12 heads, 512 tokens forward + backward": vitBlock,
  "layer norm 512×768 forward": layerNormalization,
  "GELU 4 M forward": geluOfMany(4),
  "conv3d 32→32 32³ forward": convolution(32, 32, false),
  "conv3d 32→32 32³ forward + backward": convolution(32, 32, true),
  "conv3d 16→16 64³ forward": convolution(16, 64, false),
  "conv3d 16→16 64³ forward + backward": convolution(16, 64, true),
  "conv3d 1×3×3 32→32 8×64×64 forward": convolution(32, [8, 64, 64], false, [1, 3, 3]),
  "conv3d 1×3×3 32→32 8×64×64 forward + backward": convolution(32, [8, 64, 64], true, [1, 3, 3]),
  "supervised unet-light 24×40×32 step": cmcStep("unet-light", [24, 40, 32], false),
  "CMC unet-light 24×40×32 step": cmcStep("unet-light", [24, 40, 32], true),
  "UNet3D 16/32/64 32³ step, N = 1": unetStep([16, 32, 64], 32, 1),
  "CMC unet-small 32³ step": cmcStep("unet-small", [32, 32, 32], true),
  "sliding window of 128³, unet-tiny": slidingWindowInference("unet-tiny", 128),
  "UNet3D 16/32/64 64³ step": unetStep([16, 32, 64], 64, 2),
  "thick-slice UNet3D 16/32/64 8×64×64 step": unetStep([16, 32, 64], [8, 64, 64], 2, thickSlices),
  "CMC unet-small 64³ step": cmcStep("unet-small", [64, 64, 64], true),
  "SAM-Med3D encoder 128³ forward, N = 1": samEncoder,
  "sliding window of 128³, vit-base": slidingWindowInference("vit-base", 128),
  "CMC unet-small 64³ step, f16 storage": cmcStep("unet-small", [64, 64, 64], true, "f16"),
  "conv3d 32→32 64³ forward": convolution(32, 64, false),
  "conv3d 32→32 64³ forward + backward": convolution(32, 64, true),
  "conv3d 64→64 64³ forward": convolution(64, 64, false),
  "conv3d 64→64 64³ forward + backward": convolution(64, 64, true),
  "instance norm 32×64³ forward + backward": instanceNormalization(32, 64),
  "instance norm 32×64³ forward + backward, f16 storage": instanceNormalization(32, 64, "f16"),
  "matmul 4096³": matrixProduct(4096),
  "GELU 64 M forward": geluOfMany(64),
  "GELU 64 M forward, f16 storage": geluOfMany(64, "f16"),
  "CMC unet-tiny 16³ step": cmcStep("unet-tiny", [16, 16, 16], true),
  "CMC unet-tiny 16³ step, f16 storage": cmcStep("unet-tiny", [16, 16, 16], true, "f16"),
  "conv3d 4→4 8³ forward + backward": convolution(4, 8, true),
  "instance norm 4×8³ forward + backward, f16 storage": instanceNormalization(4, 8, "f16"),
  "matmul 64³": matrixProduct(64),
};

/** Floating-point operations of one run: two for each multiply-add of its convolutions and matrix products. */
export async function operationsOf(prepare: Prepare): Promise<number> {
  using device = new CountingDevice();
  const run = prepare(device);
  const before = device.multiplyAdds;
  await run();
  return 2 * (device.multiplyAdds - before);
}
