/**
 * What a notebook shows of a training: while it goes on, and when it ended.
 *
 * @module
 */

import {
  type CaseRecord,
  learningCurves,
  type LogRow,
  lossColumns,
  type MimeBundle,
  table,
} from "../../eval/mod.ts";
import { CodedError } from "../../tensor/errors.ts";

/** Curves and results; the text alone where a front end shows no HTML. */
export function displayRun(
  { config, log, test }: {
    readonly config: { readonly methodLabel: string; readonly steps: number };
    readonly log: readonly LogRow[];
    readonly test: readonly CaseRecord[];
  },
): MimeBundle {
  const text = `Run of ${config.methodLabel}: ${log.length} of ${config.steps} steps`;
  const layout = { rows: ["modality", "class"], columns: ["dice", "assd_mm"], format: "html" } as const;
  const curves = log.length === 0 ? "" : learningCurves(log, { title: text, columns: lossColumns([log]) });
  return { "text/plain": text, "text/html": `${curves}${test.length === 0 ? "" : table(test, layout)}` };
}

/** The part of a notebook's kernel that shows things: `Deno.jupyter`. */
export interface NotebookKernel {
  /** Sends a message of the Jupyter protocol to all front ends. */
  broadcast(type: string, content: Readonly<Record<string, unknown>>): Promise<void>;
}

/** The kernel that this program runs in. */
function thisKernel(): NotebookKernel {
  try {
    // deno-lint-ignore no-explicit-any -- its types are not among those of stable Deno
    return (Deno as any).jupyter;
  } catch (cause) { // the property itself throws outside of a kernel
    throw new CodedError("notebook.kernel", "this program does not run in a notebook", {
      cause,
      fix: "Leave followInNotebook out, or run it in Jupyter with Deno's kernel (deno jupyter --install).",
    });
  }
}

let shown = 0;

/**
 * Shows the curves of a training below the cell that trains, and draws them anew while it goes on: spread the result
 * into the settings, `train(options, { ...followInNotebook(), device, dataset, split })`.
 *
 * @param everyMs how often at most, in milliseconds
 * @param kernel the notebook's; that of this program when absent
 * @throws {CodedError} `notebook.kernel` outside of a notebook
 */
export function followInNotebook(
  everyMs = 2000,
  kernel: NotebookKernel = thisKernel(),
): { readonly stepped: (log: readonly LogRow[]) => Promise<void> } {
  const display_id = `cmc-run-${shown++}`;
  let last = -Infinity, message = "display_data";
  return {
    async stepped(log) {
      if (performance.now() - last < everyMs) return;
      last = performance.now();
      const title = `Step ${log.at(-1)!.step}`;
      const svg = learningCurves(log, { title, columns: lossColumns([log]) });
      const data = { "image/svg+xml": svg, "text/html": svg, "text/plain": title };
      await kernel.broadcast(message, { data, metadata: {}, transient: { display_id } });
      message = "update_display_data";
    },
  };
}
