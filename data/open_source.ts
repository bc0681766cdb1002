/**
 * Makes a data set from its recipe, on the other side of a worker boundary.
 *
 * @module
 */

import type { Dataset, DatasetSource } from "./dataset.ts";
import { type AddedModality, deriveContrast, repeatModality } from "./perturb/derive_contrast.ts";
import { misalign, type Misalignment } from "./perturb/misalign.ts";
import type { Manifest } from "./manifest.ts";
import { datasetOf, type OpenOptions } from "./open_dataset.ts";
import { makePhantom, type PhantomOptions } from "./phantom.ts";
import { withholdModalities } from "./perturb/withhold_modalities.ts";

/**
 * The data set that a `source` describes.
 *
 * @param options how files are read, for data sets in files
 */
export function openSource(source: DatasetSource, options: OpenOptions = {}): Dataset {
  const base = () => openSource(source.base!, options);
  switch (source.kind) {
    case "phantom":
      return makePhantom(source.options as PhantomOptions);
    case "manifest": {
      const { manifest, root, plain } = source.options as {
        manifest: Manifest;
        root: string;
        plain: OpenOptions;
      };
      return datasetOf(manifest, root, { ...plain, ...options });
    }
    case "misaligned":
      return misalign(base(), source.options as Misalignment);
    case "derived":
      return deriveContrast(base(), source.options as AddedModality);
    case "repeated":
      return repeatModality(base(), source.options as AddedModality);
    case "withheld":
      return withholdModalities(base(), source.options as string[]);
  }
}
