/**
 * Segments the images of one case with a checkpoint and writes label maps on the images' own grids.
 *
 * ```sh
 * deno task predict --checkpoint runs/cmc-seed0/checkpoints/best.safetensors \
 *   --image ct=scan_ct.nii.gz --image mr=scan_mr.nii.gz --out scan_labels.nii.gz
 * ```
 *
 * @module
 */

import {
  checkFinite,
  fileName,
  type NiftiVolume,
  readImage,
  restoreProbabilities,
  restoreSegmentation,
  volumePath,
  writeNifti,
} from "../data/mod.ts";
import { openPredictor, predict, Progress } from "../model/mod.ts";
import { CodedError } from "../tensor/errors.ts";
import {
  type Command,
  deviceChoice,
  main,
  requiredText,
  type Result,
  UsageError,
  type Values,
} from "./command.ts";
import { dataOptions, nanPolicyOf, printWarnings } from "./open_data.ts";
import { openChosenDevice } from "./open_device.ts";
import { terminal } from "./terminal.ts";

/** `MODALITY=FILE` pairs. */
function imagePaths(values: Values): Map<string, string> {
  const paths = new Map<string, string>();
  for (const pair of (values.image ?? []) as string[]) {
    const at = pair.indexOf("=");
    const [modality, path] = [pair.slice(0, at), pair.slice(at + 1)];
    if (at < 1 || path === "") throw new UsageError(`--image ${pair}: expected MODALITY=FILE`);
    if (paths.has(modality)) throw new UsageError(`--image: modality ${modality} is given twice`);
    paths.set(modality, path);
  }
  if (paths.size === 0) {
    throw new UsageError("--image is missing", "Give --image MODALITY=FILE for each scan.");
  }
  return paths;
}

/** `labels.nii.gz` to `labels_ct.nii.gz`. */
function withSuffix(path: string, ...names: readonly string[]): string {
  return path.replace(/\.nii(\.gz)?$/i, (ending) => `${fileName("", ...names)}${ending}`);
}

async function readCheckpoint(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new CodedError("checkpoint.path", `${path} cannot be read: ${(cause as Error).message}`, {
      cause,
      fix: "Give a file from the checkpoints folder of a run.",
    });
  }
}

/** What `deno task predict` does. */
export const command: Command = {
  name: "predict",
  summary: "Segments the images of one case with a checkpoint. With several images, a file is written for\n" +
    "each, named after its modality; a modality that is left out is filled in from the others.",
  options: {
    checkpoint: { value: "FILE", help: "best.safetensors of a run" },
    image: {
      value: "MODALITY=FILE",
      multiple: true,
      help: "an image of the case, once for each modality; FILE#channel=N takes one volume of a 4-D file",
    },
    out: { value: "FILE", help: "label map to write (.nii or .nii.gz)" },
    nan: dataOptions.nan,
    probabilities: { help: "also write the probability of each class" },
    device: { value: "NAME", help: "auto, cpu or webgpu" },
  },
  async run(values): Promise<Result> {
    const [checkpoint, out, paths] = [
      requiredText(values, "checkpoint"),
      requiredText(values, "out"),
      imagePaths(values),
    ];
    if (!/\.nii(\.gz)?$/i.test(out)) throw new UsageError(`--out ${out}: expected a name in .nii or .nii.gz`);
    const choice = deviceChoice(values), policy = nanPolicyOf(values), warn = printWarnings();
    const images = new Map<string, NiftiVolume<Float32Array>>();
    for (const [modality, path] of paths) {
      const { path: file, ...channel } = volumePath(path);
      const image = await readImage(file, channel);
      image.warnings.forEach(warn);
      images.set(modality, checkFinite(image, path, policy, warn));
    }
    const bytes = await readCheckpoint(checkpoint);
    using device = await openChosenDevice(choice);
    using predictor = openPredictor(bytes, device);
    const written: Record<string, string> = {};
    const progress = new Progress(terminal, 1);
    const segmentations = await predict(predictor, images, {
      probabilities: values.probabilities === true,
      progress: (share) => progress.busy(`segmenting: ${Math.round(100 * share)} %`, share),
    });
    progress.clear();
    for (const segmentation of segmentations) {
      const { image, probabilities } = segmentation, { id } = image.modality;
      const like = images.get(id)!.header;
      const path = images.size === 1 ? out : withSuffix(out, id);
      await writeNifti(path, restoreSegmentation(image, segmentation), { like });
      written[id] = path;
      if (!probabilities || values.probabilities !== true) continue;
      const names = ["background", ...predictor.info.preparation.classes.map(({ name }) => name)];
      let k = 0;
      for (const volume of restoreProbabilities(image, probabilities)) {
        await writeNifti(withSuffix(path, "p", names[k++]!), volume, { like, dtype: "float32" });
      }
    }
    return { text: Object.values(written).join("\n"), json: { written } };
  },
};

if (import.meta.main) await main(command);
