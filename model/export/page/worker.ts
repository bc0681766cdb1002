/**
 * The thread of the page that computes.
 *
 * @module
 */

import { CodedError } from "../../../tensor/errors.ts";
import { type DeviceChoice, openDevice } from "../../../tensor/open_device.ts";
import { openEnsemble } from "../../inference/ensemble.ts";
import { type Dropped, type PageCase, segmentFiles } from "./segment.ts";

/** What the page asks for. */
export interface Order {
  /** Contents of the checkpoints by name. */
  readonly checkpoints: ReadonlyMap<string, Uint8Array>;
  /** The file of each modality. */
  readonly files: ReadonlyMap<string, Dropped>;
  /** Where to compute. */
  readonly device: DeviceChoice;
  /** Whether mirrored views are averaged. */
  readonly mirror: boolean;
}

/** What it is told. */
export type Answer =
  | { readonly kind: "device"; readonly description: string }
  | { readonly kind: "progress"; readonly share: number }
  | { readonly kind: "done"; readonly result: PageCase; readonly seconds: number }
  | {
    readonly kind: "failed";
    readonly code: string;
    readonly message: string;
    readonly fix: string | undefined;
  };

/** The part of a worker's global scope that is used; the DOM library does not know it. */
interface Scope {
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage(answer: Answer): void;
}

async function obey({ checkpoints, files, device: choice, mirror }: Order, answer: (to: Answer) => void) {
  const start = performance.now();
  using device = await openDevice(choice, { threads: 1 });
  answer({ kind: "device", description: device.description });
  using ensemble = openEnsemble(checkpoints, device);
  const result = await segmentFiles(ensemble, files, {
    mirror,
    progress: (share) => answer({ kind: "progress", share }),
  });
  answer({ kind: "done", result, seconds: (performance.now() - start) / 1000 });
}

/** Waits for orders. */
export function serve(): void {
  const scope = globalThis as unknown as Scope;
  scope.onmessage = async ({ data }) => {
    try {
      await obey(data, (answer) => scope.postMessage(answer));
    } catch (error) {
      scope.postMessage({
        kind: "failed",
        code: error instanceof CodedError ? error.code : "page.fault",
        message: error instanceof Error ? error.message : String(error),
        fix: error instanceof CodedError ? error.fix : undefined,
      });
    }
  };
}
