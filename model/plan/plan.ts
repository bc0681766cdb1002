/**
 * What to train on a data set: patch, levels, batch and width of the network, each with the reason.
 *
 * @module
 */

import type { ChosenPreparation, SurveyedCase } from "../../data/prepare/choose.ts";
import type { Preparation } from "../../data/prepare/preparation.ts";
import { medianShape, preparedShapes } from "../../data/prepare/prepared_shapes.ts";
import { type MimeBundle, plainTable, withDisplay } from "../../eval/notebook.ts";
import { CodedError } from "../../tensor/errors.ts";
import type { Triple } from "../../tensor/shape.ts";
import type { PresetName } from "../presets.ts";
import { strideOf, type UnetLevel } from "../unet_shape.ts";
import { fixOf, largestPatch } from "./largest_patch.ts";
import type { CostOfSettings, PlannedSettings } from "./planned_settings.ts";
import { topologyOf } from "./topology.ts";

/** What a training step may cost. */
export interface Budget {
  /** Most bytes of device memory that a plan asks for. */
  readonly bytes: number;
  /** Most bytes that the device can hold, whatever a person asks for. */
  readonly limit: number;
  /** Most multiply-adds of a forward pass of the labelled patches of a step. */
  readonly multiplyAdds: number;
  /** Size of the network that goes with it. */
  readonly preset: PresetName;
}

/**
 * Budgets of the kinds of device: a step takes about a second on two cores, or on a discrete GPU. WebAssembly
 * addresses 4 GiB; what an adapter holds is not known before it is full.
 */
export const budgets: Readonly<Record<"cpu" | "gpu", Budget>> = {
  cpu: { bytes: 2 ** 30, limit: 2 ** 32, multiplyAdds: 2e9, preset: "unet-tiny" },
  gpu: { bytes: 4 * 2 ** 30, limit: Infinity, multiplyAdds: 1e11, preset: "unet-small" },
};

/** One decision with its reason. */
export interface PlanLine {
  /** What is decided. */
  readonly name: string;
  /** How. */
  readonly value: string;
  /** Why. */
  readonly reason: string;
}

/** A complete plan. */
export interface Plan {
  /** How cases are prepared. */
  readonly preparation: Preparation;
  /** What the network and its patches are. */
  readonly settings: PlannedSettings;
  /** Every decision with its reason. */
  readonly lines: readonly PlanLine[];
}

/** Most patches of one kind in a step: more smooths the gradient but little. */
const mostPatches = 8;

/**
 * Makes a plan.
 *
 * The patch begins as the median prepared shape, but no longer than a cube of 256³ voxels in mm; while a step costs
 * more than the budget, the axis that is largest beside the median shape shrinks. Levels follow the patch by
 * {@link topologyOf}. What is left of the budget goes into more patches a step.
 *
 * @param chosen the preparation, from `choosePreparation`
 * @param cases what it was chosen from
 * @param given what a person decided; the rest is chosen around it
 * @throws {CodedError} `plan.budget` when nothing fits, `plan.flat` when what is given looks along an axis of which
 * the cases have one voxel, `plan.memory` when it takes more than the device can hold, naming the largest patch that
 * does not
 */
export async function makePlan(
  { preparation, orientationReason, spacingReason }: ChosenPreparation,
  cases: readonly SurveyedCase[],
  budget: Budget,
  costOf: CostOfSettings,
  given: Partial<PlannedSettings> = {},
): Promise<Plan> {
  const median = medianShape(preparedShapes(cases, preparation));
  const preset = given.preset ?? budget.preset;
  const { spacing, orientation } = preparation;
  const fitting = await fitPatch(median, spacing, budget, costOf, { ...given, preset });
  requireDepth(fitting, median);
  await requireMemory(fitting, costOf, budget);
  const { patch, levels, batch } = fitting;
  const mm = (n: number) => Number(n.toPrecision(4));
  const axes = orientation.rule === "slices"
    ? "slices (D across them, H and W as stored)"
    : `anatomical (D along ${orientation.through})`;
  const limit = `${mm(budget.multiplyAdds / 1e9)} G multiply-adds and ${
    mm(budget.bytes / 2 ** 20)
  } MiB a step`;
  const own = (name: keyof PlannedSettings, reason: string) => given[name] === undefined ? reason : "given";
  const lines: PlanLine[] = [
    { name: "orientation", value: axes, reason: orientationReason },
    ...(preparation.aligned || preparation.modalities.length === 1 ? [] : [{
      name: "modalities",
      value: "each by itself",
      reason: "they share no space, or some cases lack an image: nothing is fused",
    }]),
    { name: "spacing", value: `${spacing.map(mm).join(" × ")} mm`, reason: spacingReason },
    {
      name: "median shape",
      value: median.join(" × "),
      reason: "of the prepared training images, before cropping",
    },
    { name: "preset", value: preset, reason: own("preset", "for the device") },
    {
      name: "patch",
      value: patch.join(" × "),
      reason: own(
        "patch",
        fitting.isWhole
          ? "the median shape, rounded up for pooling"
          : `most of the median shape within ${limit}`,
      ),
    },
    ...levels.map(({ kernel, stride }, at): PlanLine => ({
      name: `level ${at + 1}`,
      value: `kernel ${kernel.join("×")}, ${at === 0 ? "full resolution" : `pooled ${stride.join("×")}`}`,
      reason: own("levels", levelReason(levels, at, spacing)),
    })),
    {
      name: "bottleneck",
      value: strideOf({ levels }).map((s, axis) => patch[axis]! / s).join(" × "),
      reason: "voxels of a patch at the last level; no axis is pooled below 4",
    },
    {
      name: "batch",
      value: `${batch}`,
      reason: own(
        "batch",
        `labelled patches a step: ${mm(batch * fitting.multiplyAdds / 1e9)} G multiply-adds, ${
          mm(fitting.peakBytes / 2 ** 20)
        } MiB`,
      ),
    },
  ];
  const plan: Plan = { preparation, settings: { preset, patch, levels, batch }, lines };
  return withDisplay(plan, () => displayLines(lines));
}

interface FittingPatch extends PlannedSettings {
  readonly isWhole: boolean;
  readonly multiplyAdds: number;
  readonly peakBytes: number;
}

async function fitPatch(
  median: Triple,
  spacing: Triple,
  budget: Budget,
  costOf: CostOfSettings,
  given: Partial<PlannedSettings> & { readonly preset: PresetName },
): Promise<FittingPatch> {
  const least = Math.min(2, given.batch ?? 2);
  const settingsFor = (wanted: Triple, batch: number): PlannedSettings => {
    const topology = given.levels
      ? { levels: given.levels, ...onLevels(wanted, given.levels) }
      : topologyOf(wanted, spacing);
    return { ...topology, batch, ...given };
  };
  const fits = ({ multiplyAdds, peakBytes }: { multiplyAdds: number; peakBytes: number }, batch: number) =>
    batch * multiplyAdds <= budget.multiplyAdds && peakBytes <= budget.bytes;
  let isWhole = true;
  let settings = settingsFor(given.patch ?? startOf(median, spacing), given.batch ?? least),
    cost = await costOf(settings);
  while (given.patch === undefined && !fits(cost, settings.batch)) {
    const smaller = shrink(settings, median, given.levels !== undefined);
    const next = smaller && settingsFor(smaller, given.batch ?? least);
    // What rounding up for pooling brings back to the same patch would be tried for ever.
    if (next === undefined || next.patch.every((n, axis) => n >= settings.patch[axis]!)) {
      throw new CodedError(
        "plan.budget",
        `even a patch of ${settings.patch.join("×")} voxels takes ${
          (cost.multiplyAdds / 1e9).toPrecision(3)
        } G ` +
          `multiply-adds and ${Math.round(cost.peakBytes / 2 ** 20)} MiB a step with ${settings.preset}`,
        { fix: "Choose a smaller preset, or state the patch." },
      );
    }
    isWhole = false;
    settings = next;
    cost = await costOf(settings);
  }
  while (given.batch === undefined && given.patch === undefined && settings.batch < mostPatches) {
    const more = { ...settings, batch: settings.batch + 1 }, price = await costOf(more);
    if (!fits(price, more.batch)) break;
    [settings, cost] = [more, price];
  }
  return { ...settings, ...cost, isWhole };
}

/** Refuses a patch over an axis along which there is nothing to see. */
function requireDepth({ patch }: PlannedSettings, median: Triple): void {
  const flat = patch.findIndex((n, axis) => n > 1 && median[axis] === 1);
  if (flat >= 0) {
    throw new CodedError(
      "plan.flat",
      `a patch of ${patch.join("×")} voxels reaches over ${patch[flat]} along ${
        "DHW"[flat]
      }, but the cases have a ` +
        `single slice there (${median.join("×")} voxels once prepared)`,
      {
        fix: "Leave the patch out and choose a U-Net: it is then planned for slices; or give whole volumes.",
      },
    );
  }
}

/** Refuses what the device cannot hold. */
async function requireMemory(
  { preset, patch, levels, batch, peakBytes }: FittingPatch,
  costOf: CostOfSettings,
  { limit }: Budget,
): Promise<void> {
  if (peakBytes <= limit) return;
  const settings = { preset, patch, levels, batch };
  const gib = (bytes: number) => (bytes / 2 ** 30).toPrecision(3);
  throw new CodedError(
    "plan.memory",
    `${batch} ${batch === 1 ? "patch" : "patches"} of ${patch.join("×")} voxels take ${gib(peakBytes)} GiB ` +
      `a step with ${preset}; the device holds ${gib(limit)}`,
    { fix: fixOf(await largestPatch(settings, costOf, limit), settings) },
  );
}

/** A patch rounded up to what given levels take. */
function onLevels(
  patch: readonly number[],
  levels: readonly UnetLevel[],
): { patch: [number, number, number] } {
  const stride = strideOf({ levels });
  const rounded = patch.map((n, axis) =>
    stride[axis] === 1 ? n : Math.max(2, Math.ceil(n / stride[axis]!)) * stride[axis]!
  );
  return { patch: rounded as [number, number, number] };
}

/** The median shape, cut to a cube in mm that has 256³ voxels. */
function startOf(median: Triple, spacing: Triple): Triple {
  const side = 256 * Math.cbrt(spacing[0] * spacing[1] * spacing[2]);
  return median.map((n, axis) =>
    Math.max(1, Math.min(n, Math.round(side / spacing[axis]!)))
  ) as unknown as Triple;
}

/**
 * The patch with its relatively largest axis one pooled voxel shorter; nothing when no axis can shrink.
 *
 * @param isFixed whether levels are given, so that two voxels must be left where they pool
 */
function shrink({ patch, levels }: PlannedSettings, median: Triple, isFixed: boolean): Triple | undefined {
  const stride = strideOf({ levels });
  const shorter = patch.map((n, axis) => n - stride[axis]!);
  const least = (axis: number) =>
    isFixed && stride[axis]! > 1 ? 2 * stride[axis]! : Math.min(4, median[axis]!);
  const can = [2, 1, 0].filter((axis) => shorter[axis]! >= least(axis));
  if (can.length === 0) return undefined;
  const axis = can.reduce((best, next) =>
    patch[next]! / median[next]! > patch[best]! / median[best]! ? next : best
  );
  return patch.with(axis, shorter[axis]!) as unknown as Triple;
}

function levelReason(levels: readonly UnetLevel[], at: number, spacing: Triple): string {
  const stride = strideOf({ levels: levels.slice(0, at + 1) });
  const voxel = spacing.map((mm, axis) => Number((mm * stride[axis]!).toPrecision(3)));
  const { kernel } = levels[at]!;
  const waiting = ["D", "H", "W"].filter((_, axis) => kernel[axis] === 1);
  const why = waiting.length === 0
    ? ""
    : `; ${waiting.join(" and ")} wait${waiting.length === 1 ? "s" : ""}, its voxels are over twice as long`;
  return `voxels of ${voxel.join(" × ")} mm${why}`;
}

/** What a notebook shows of a plan. */
function displayLines(lines: readonly PlanLine[]): MimeBundle {
  const rows = lines.map(({ name, value, reason }) => [name, value, reason]);
  return {
    "text/plain": rows.map(([name, value]) => `${name}: ${value}`).join("\n"),
    "text/html": plainTable(["", "decided", "because"], rows),
  };
}
