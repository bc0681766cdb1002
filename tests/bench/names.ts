/** The rows of the benchmark. Every program has a table from these names to what it runs. */

/** Quick ones first, and small ones before large ones of the same kind: rates of the former predict the latter. */
export const workloadNames = [
  "matmul 1024³",
  "attention 12×512×64 forward",
  "attention 12×512×64 forward + backward",
  "ViT block 768, 12 heads, 512 tokens forward + backward",
  "layer norm 512×768 forward",
  "GELU 4 M forward",
  "conv3d 32→32 32³ forward",
  "conv3d 32→32 32³ forward + backward",
  "conv3d 16→16 64³ forward",
  "conv3d 16→16 64³ forward + backward",
  "conv3d 1×3×3 32→32 8×64×64 forward",
  "conv3d 1×3×3 32→32 8×64×64 forward + backward",
  "supervised unet-light 24×40×32 step",
  "CMC unet-light 24×40×32 step",
  "UNet3D 16/32/64 32³ step, N = 1",
  "CMC unet-small 32³ step",
  "sliding window of 128³, unet-tiny",
  "UNet3D 16/32/64 64³ step",
  "thick-slice UNet3D 16/32/64 8×64×64 step",
  "CMC unet-small 64³ step",
  "SAM-Med3D encoder 128³ forward, N = 1",
  "sliding window of 128³, vit-base",
] as const;

/** What `--gpu` measures, the most telling first: time there is short. */
export const gpuNames = [
  "CMC unet-small 64³ step",
  "CMC unet-small 64³ step, f16 storage",
  "conv3d 32→32 64³ forward",
  "conv3d 32→32 64³ forward + backward",
  "conv3d 64→64 64³ forward",
  "conv3d 64→64 64³ forward + backward",
  "instance norm 32×64³ forward + backward",
  "instance norm 32×64³ forward + backward, f16 storage",
  "CMC unet-light 24×40×32 step",
  "matmul 4096³",
  "UNet3D 16/32/64 64³ step",
  "GELU 64 M forward",
  "GELU 64 M forward, f16 storage",
  "ViT block 768, 12 heads, 512 tokens forward + backward",
  "attention 12×512×64 forward + backward",
  "sliding window of 128³, unet-tiny",
] as const;

/** What `--gpu --rehearse` measures: the same kinds of rows, small enough for a software driver. */
export const rehearsalNames = [
  "CMC unet-tiny 16³ step",
  "CMC unet-tiny 16³ step, f16 storage",
  "conv3d 4→4 8³ forward + backward",
  "instance norm 4×8³ forward + backward, f16 storage",
  "matmul 64³",
] as const;

/** A row of any table. Convolutions and steps have N = 2 samples where the name does not say otherwise. */
export type WorkloadName =
  | typeof workloadNames[number]
  | typeof gpuNames[number]
  | typeof rehearsalNames[number];

/** Rows whose time is that of convolutions, so that one rate of operations fits them all. */
export function isConvolution(name: WorkloadName): boolean {
  return /^conv3d|step|sliding/.test(name);
}
