/**
 * A sweep as an Indexed Job of Kubernetes.
 *
 * @module
 */

import { dirname } from "node:path";
import { CodedError } from "../../tensor/errors.ts";
import { cellLine, type CellPlace } from "./cell_command.ts";
import type { Cell } from "./cells.ts";
import type { KubernetesSettings } from "./sweep_file.ts";

/** A name as Kubernetes takes it. */
function objectName(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 52) || "sweep";
}

/**
 * The description of a job whose index N trains the N-th cell, for `kubectl apply -f -`. The volume of `claim` is
 * mounted where the folder of the sweep lies here, so that all paths are the same there; data must lie on it too.
 *
 * @throws {CodedError} `sweep.kubernetes` when the sweep's file says nothing about Kubernetes
 */
export function kubernetesJob(
  cells: readonly Cell[],
  { name, kubernetes, place, throttle }: {
    readonly name: string;
    readonly kubernetes: KubernetesSettings | undefined;
    readonly place: CellPlace;
    readonly throttle?: number | undefined;
  },
): unknown {
  if (kubernetes === undefined) {
    throw new CodedError("sweep.kubernetes", "the sweep's file says nothing about Kubernetes", {
      fix: 'Add "kubernetes": { "claim": "NAME" } with the name of a persistent volume claim.',
    });
  }
  const { image, claim, cpus, memory, limits } = kubernetes, mount = dirname(place.folder);
  const asked = {
    ...limits,
    ...(cpus !== undefined && { cpu: cpus }),
    ...(memory !== undefined && { memory }),
  };
  const script = [
    'case "$JOB_COMPLETION_INDEX" in',
    ...cells.map((cell, i) => `${i}) ${cellLine("exec deno", cell, place)} ;;`),
    "esac",
  ].join("\n");
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: objectName(name) },
    spec: {
      completionMode: "Indexed",
      completions: cells.length,
      parallelism: Math.min(throttle ?? cells.length, cells.length),
      backoffLimitPerIndex: 3,
      template: {
        spec: {
          restartPolicy: "Never",
          terminationGracePeriodSeconds: 120, // a training saves when it is asked to end
          containers: [{
            name: "train",
            image,
            command: ["/bin/sh", "-c", script],
            resources: { requests: asked, limits: asked },
            volumeMounts: [{ name: "sweep", mountPath: mount }],
          }],
          volumes: [{ name: "sweep", persistentVolumeClaim: { claimName: claim } }],
        },
      },
    },
  };
}
