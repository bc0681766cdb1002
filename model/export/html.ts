/**
 * A trained network as one page: it opens from a disk in any browser, segments scans that are dropped on it, and
 * neither loads nor sends anything.
 *
 * @module
 */

import { encodeBase64 } from "./base64.ts";
import { bundle } from "./bundle.ts";
import { openEnsemble } from "../inference/ensemble.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../run/checkpoint.ts";
import { openDevice } from "../../tensor/open_device.ts";
import { frame } from "./page/frame.ts";

/**
 * Makes the page. Its program is bundled from the sources that this function was loaded with, by `deno bundle`: the
 * page segments by the same code as `predict`.
 *
 * @param checkpoints contents of checkpoints by name; several are averaged
 * @param title shown at the top
 * @throws {CodedError} `export.bundle` when the program cannot be bundled; what `openEnsemble` throws, among them
 * `method.unknown` for networks of a method that is not in the table
 */
export async function exportHtml(
  checkpoints: ReadonlyMap<string, Uint8Array>,
  title: string,
): Promise<string> {
  using device = await openDevice("cpu", { threads: 1 });
  using ensemble = openEnsemble(checkpoints, device); // refuses now what the page could not open
  const { preparation: { modalities, classes }, groups, mirrorAxes } = ensemble;
  const labels = groups.flatMap(({ members }) => members.map(({ info }) => info.config.methodLabel));
  const names = classes.map(({ name }) => name);
  return frame({
    title,
    lead: `Segments ${names.join(", ")} in ${modalities.map(({ id }) => id).join(", ")} (${
      labels.join(", ")
    }).`,
    program: await bundle(
      import.meta.resolve("./page/app.ts"),
      import.meta.resolve("./page/import_map.json"),
    ),
    description: { modalities: modalities.map(({ id }) => id), classes: names },
    checkpoints: new Map([...checkpoints].map(([name, bytes]) => [name, encodeBase64(forInference(bytes))])),
    mirrored: mirrorAxes.length > 0,
  });
}

/** A checkpoint without what only training uses. */
function forInference(bytes: Uint8Array): Uint8Array {
  const { info, network, average } = decodeCheckpoint(bytes);
  return encodeCheckpoint(info, average.size > 0 ? average : network);
}
