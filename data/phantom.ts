/**
 * Data sets made of nothing but a seed: several modalities of the same random anatomy.
 *
 * For tests, demos and a first run on a machine without data; the anatomies are not those of any person.
 *
 * @module
 */

import { Random } from "../tensor/random.ts";
import type { Triple } from "./affine.ts";
import {
  type Dataset,
  isLabelled,
  type LabelledCase,
  type Modality,
  type UnlabelledCase,
} from "./dataset.ts";
import { DataError } from "./errors.ts";
import { abdomen } from "./phantom/abdomen.ts";
import type { Anatomy } from "./phantom/anatomy.ts";
import { heart } from "./phantom/heart.ts";
import { sequences } from "./phantom/heart_contrast.ts";
import { gridOf, type Volume } from "./volume.ts";

/** What every phantom is told. */
export interface PhantomSize {
  /** Number of cases, each a subject of its own. */
  readonly cases: number;
  /** Decides everything, and is part of every id: equal ids mean equal anatomy. */
  readonly seed: number;
  /** Whether every case has all modalities, the default; otherwise each has one, in turn, as if of other people. */
  readonly paired?: boolean;
}

/** Organs of an abdomen in CT and MR on a nearly isotropic grid. */
export interface AbdomenPhantomOptions extends PhantomSize {
  /** Which anatomy; the abdomen when absent. */
  readonly anatomy?: "abdomen";
  /** Ids of the modalities; an id that starts with `ct` looks like CT, any other like MR. */
  readonly modalities: readonly string[];
  /** How far each modality after the first is shifted against it, in mm, in a random direction a case. */
  readonly misalignmentMm: number;
  /** Voxels along each axis, `[D,H,W]`; 40 × 44 × 40 when absent. */
  readonly shape?: Triple;
}

/** Short-axis stacks of a heart in cardiac MR: few thick slices in an oblique direction. */
export interface HeartPhantomOptions extends PhantomSize {
  /** Which anatomy. */
  readonly anatomy: "heart";
  /** Which sequences, of `bssfp`, `lge` and `t2`; all three when absent. */
  readonly modalities?: readonly string[];
  /**
   * Standard deviation in mm, along each axis of the plane, of the shift of each slice of `lge` and `t2` against
   * that of `bssfp`; 1 when absent.
   */
  readonly misalignmentMm?: number;
  /** Mean voxel size in the plane, in mm; 1.1 when absent. */
  readonly inPlaneMm?: number;
}

/** What to generate. */
export type PhantomOptions = AbdomenPhantomOptions | HeartPhantomOptions;

/**
 * Makes a phantom data set. Cases are generated when they are loaded, from the seed and their index alone.
 *
 * @throws {DataError} `config.phantom` for a size out of range
 *
 * @example
 * ```ts
 * import { makePhantom } from "./phantom.ts";
 * import assert from "node:assert/strict";
 *
 * const dataset = makePhantom({ cases: 2, modalities: ["ct", "mr"], misalignmentMm: 2, seed: 7 });
 * const [ct, mr] = await dataset.loadImages(dataset.cases[0]!);
 * assert.deepEqual(ct!.array.shape, mr!.array.shape);
 * ```
 *
 * @example Cardiac MR in short-axis stacks
 * ```ts
 * import { makePhantom } from "./phantom.ts";
 * import assert from "node:assert/strict";
 *
 * const dataset = makePhantom({ anatomy: "heart", cases: 2, seed: 7, inPlaneMm: 3 });
 * assert.deepEqual(dataset.modalities.map(({ id }) => id), ["bssfp", "lge", "t2"]);
 * const [bssfp] = await dataset.loadImages(dataset.cases[0]!);
 * assert.ok(Math.max(...bssfp!.spacing) >= 8);
 * ```
 */
export function makePhantom(options: PhantomOptions): Dataset {
  const { cases, seed, paired = true } = options;
  requirePossible(Number.isInteger(cases) && cases >= 1, `cases is ${cases}`, "Give at least one case.");
  requirePossible(
    Number.isSafeInteger(seed) && seed >= 0,
    `seed is ${seed}`,
    "Give a whole number of 0 or more.",
  );
  const { anatomy, ids } = options.anatomy === "heart" ? heartOf(options) : abdomenOf(options);
  const modalities = ids.map((id): Modality => ({ id, kind: anatomy.kindOf(id) }));
  const digits = String(cases - 1).length;
  const list = Array.from({ length: cases }, (_, index): LabelledCase => {
    const id = `${anatomy.name}_s${seed}_${String(index).padStart(digits, "0")}`;
    const source = (what: string) => `${id}/${what}`;
    const having = paired ? ids : [ids[index % ids.length]!];
    return {
      id,
      subject: id,
      images: Object.fromEntries(having.map((modality) => [modality, source(modality)])),
      labels: Object.fromEntries(having.map((modality) => [modality, source(`${modality}_labels`)])),
    };
  });
  const indexOf = new Map(list.map(({ id }, index) => [id, index]));
  const randomOf = ({ id }: UnlabelledCase) => {
    const index = indexOf.get(id);
    if (index === undefined) throw new DataError("data.case", `case ${id} is not in this phantom data set`);
    return new Random(seed).child(anatomy.name).child(index);
  };
  /** What `scan` gives for each modality that the case has. */
  const scans = <T extends Volume>(
    of: UnlabelledCase,
    scan: (random: Random, modality: { at: number; id: string }) => T,
  ) => {
    const random = randomOf(of);
    return modalities.flatMap(({ id }, at) => of.images[id] === undefined ? [] : [scan(random, { at, id })]);
  };
  return {
    name: anatomy.name,
    modalities,
    classes: anatomy.classes.map((name, at) => ({ id: at + 1, name })),
    paired,
    aligned: paired,
    cases: list,
    source: { kind: "phantom", options },
    loadImages: (of) => Promise.resolve(scans(of, (random, one) => anatomy.image(random, one))),
    loadLabels: (of) => Promise.resolve(scans(of, (random, one) => anatomy.labels(random, one))),
    loadGeometry(of) {
      // All modalities of a case are scanned on one grid; its labels are quicker to draw than an image.
      const present = Object.keys(of.images);
      const [labels] = scans(
        { ...of, images: { [present[0]!]: "" } },
        (random, one) => anatomy.labels(random, one),
      );
      return Promise.resolve({
        images: present.map(() => gridOf(labels!)),
        labels: isLabelled(of) ? [gridOf(labels!)] : [],
      });
    },
  };
}

function abdomenOf(options: AbdomenPhantomOptions): { anatomy: Anatomy; ids: readonly string[] } {
  const { modalities: ids, misalignmentMm, shape = [40, 44, 40] } = options;
  requirePossible(
    ids.length >= 1 && new Set(ids).size === ids.length,
    `modalities is [${ids.join(", ")}]`,
    "Give at least one modality, each once.",
  );
  requireShift(misalignmentMm);
  requirePossible(
    shape.every((length) => Number.isInteger(length) && length >= 16 && length <= 512),
    `shape is ${shape.join("×")}`,
    "Give 16 to 512 voxels a side.",
  );
  return { anatomy: abdomen(shape, misalignmentMm), ids };
}

function heartOf(options: HeartPhantomOptions): { anatomy: Anatomy; ids: readonly string[] } {
  const { modalities: ids = sequences, misalignmentMm = 1, inPlaneMm = 1.1 } = options;
  const known = ids.every((id) => (sequences as readonly string[]).includes(id));
  requirePossible(
    ids.length >= 1 && known && new Set(ids).size === ids.length,
    `modalities is [${ids.join(", ")}]`,
    `The heart has the sequences ${sequences.join(", ")}; give some of them, each once.`,
  );
  requireShift(misalignmentMm);
  requirePossible(
    inPlaneMm >= 0.5 && inPlaneMm <= 5,
    `inPlaneMm is ${inPlaneMm}`,
    "Give a voxel size of 0.5 to 5 mm.",
  );
  return { anatomy: heart(inPlaneMm, misalignmentMm), ids };
}

function requireShift(mm: number): void {
  requirePossible(mm >= 0 && mm < 1000, `misalignmentMm is ${mm}`, "Give a shift in mm of 0 or more.");
}

function requirePossible(isPossible: boolean, what: string, fix: string): void {
  if (!isPossible) throw new DataError("config.phantom", `phantom: ${what}`, { fix });
}
