/**
 * Starting a network from a file of weights: a converted one, or a checkpoint of a run.
 *
 * @module
 */

import { ParameterFileError } from "../../tensor/errors.ts";
import type { Module } from "../../tensor/module.ts";
import type { SafeTensor, SafeTensors } from "../../tensor/safetensors.ts";
import { sameShape, shapeText } from "../../tensor/shape.ts";
import type { NetworkConfig } from "../network_config.ts";
import { layoutKey } from "./convert.ts";

/** Weights that a training starts from. */
export interface Initial {
  /** The file. */
  readonly file: SafeTensors;
  /** Whether what the file does not have keeps its random values; otherwise it must have everything. */
  readonly partial: boolean;
}

/** What became of each tensor. */
export interface Initialised {
  /** Names in the network that were overwritten. */
  readonly loaded: readonly string[];
  /** Names in the network that keep their values, each with the reason. */
  readonly notLoaded: readonly string[];
  /** Names in the file that nothing took. */
  readonly unused: readonly string[];
}

/** From a name in a network to the name in a file, where there may be one. */
type Naming = (own: string) => string | undefined;

const downs = [64, 128, 256, 512];
const ups = [256, 128, 64];

/** The blocks of our U-Nets and those of the Universal Model. */
const universalName: Naming = (own) => {
  const block = (prefix: string, index: string, rest: string) =>
    `${prefix}.ops.${index}.${rest.replace(/^conv\./, "conv1.").replace(/^norm\./, "bn1.")}`;
  const down = /^encoders\.\d+\.levels\.(\d)\.blocks\.(\d)\.(.+)$/.exec(own);
  if (down) return block(`down_tr${downs[+down[1]!]}`, down[2]!, down[3]!);
  const up = /^decoders\.\d+\.levels\.(\d)\.blocks\.(\d)\.(.+)$/.exec(own);
  if (up) return block(`up_tr${ups[+up[1]!]}`, up[2]!, up[3]!);
  const upsampling = /^decoders\.\d+\.ups\.(\d)\.(.+)$/.exec(own);
  if (upsampling) return `up_tr${ups[+upsampling[1]!]}.up_conv.${upsampling[2]}`;
  return /^(?:image_encoder|decoder)\.(.+)$/.exec(own)?.[1];
};

/** How files of each layout name what networks have. */
const namings: Readonly<Record<string, Naming>> = {
  "sam-med3d": (own) =>
    /^(?:encoders\.\d+\.)?(?:vit\.)?((?:patch_embed|pos_embed|blocks|neck)\b.*)$/.exec(own)?.[1],
  "universal-unet": universalName,
  "cmc-released": (own) => own,
};

/**
 * The weights that predict in a checkpoint of a run: their moving average where there is one, without the optimiser's
 * moments. Other files are taken as they are.
 */
function weightsOf({ tensors }: SafeTensors): ReadonlyMap<string, SafeTensor> {
  for (const prefix of ["average.", "network."]) {
    const own = [...tensors].filter(([name]) => name.startsWith(prefix));
    if (own.length > 0) return new Map(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
  }
  return tensors;
}

/** Settings of a network without which the weights of a file mean something else; of SAM-Med3D's, also what is usual. */
export function settingsFor({ metadata }: SafeTensors): Partial<Pick<NetworkConfig, "positions" | "trunk">> {
  return metadata.get(layoutKey) === "sam-med3d" ? { positions: "sam-med3d", trunk: "frozen" } : {};
}

/** The networks of a method that has several: what stands before the names of their tensors. */
const role = /^(?:student|teacher|first)\./;

/**
 * Names in a file that a tensor may have, the likeliest first: a method with several networks starts all of them from one
 * (but the second of two that are to differ), and one network starts from that which predicts.
 */
function candidates(own: string, naming: Naming): string[] {
  const bare = own.replace(role, "");
  return [own, bare, ...["teacher", "student", "first"].map((name) => `${name}.${bare}`)]
    .map(naming).filter((name) => name !== undefined);
}

/**
 * Overwrites the tensors of a network with those of a file. Nothing is changed unless all that must fit does.
 *
 * A file of SAM-Med3D's encoder fills every Vision Transformer of the network, one of the Universal Model every U-Net
 * of base width 32; a checkpoint of a run fills what bears the same names.
 *
 * @param options.partial keep the values of what the file does not have, or has in another shape
 * @throws {ParameterFileError} `weights.incomplete` when something is not in the file and `partial` is not set,
 * `weights.unrelated` when nothing is
 */
export function initialise(
  network: Module,
  file: SafeTensors,
  { partial = false }: { readonly partial?: boolean } = {},
): Initialised {
  const stored = weightsOf(file);
  const naming = namings[file.metadata.get(layoutKey) ?? ""] ?? ((own: string) => own);
  const writes: (() => void)[] = [];
  const [loaded, notLoaded] = [[] as string[], [] as string[]];
  const unused = new Set(stored.keys());
  for (const [own, tensor] of network.namedTensors()) {
    const name = candidates(own, naming).find((name) => stored.has(name));
    const given = name === undefined ? undefined : stored.get(name);
    if (!given) notLoaded.push(`${own}: not in the file`);
    else if (!sameShape(given.shape, tensor.shape)) {
      notLoaded.push(
        `${own}: the file has ${shapeText(given.shape)}, the network ${shapeText(tensor.shape)}`,
      );
    } else {
      loaded.push(own);
      unused.delete(name!);
      writes.push(() => tensor.write(given.data));
    }
  }
  refuseUnlessEnough(loaded, notLoaded, partial);
  for (const write of writes) write();
  return { loaded, notLoaded, unused: [...unused] };
}

function refuseUnlessEnough(
  loaded: readonly string[],
  notLoaded: readonly string[],
  partial: boolean,
): void {
  if (loaded.length === 0) {
    throw new ParameterFileError("weights.unrelated", "the file has nothing that this network has", {
      fix: "Choose the preset whose weights these are.",
    });
  }
  if (partial || notLoaded.length === 0) return;
  const more = notLoaded.length > 10 ? `; and ${notLoaded.length - 10} more` : "";
  throw new ParameterFileError(
    "weights.incomplete",
    `the file does not fill the network: ${notLoaded.slice(0, 10).join("; ")}${more}`,
    { fix: "Allow it to be filled in part if the rest is to be trained from new values." },
  );
}
