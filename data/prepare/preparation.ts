/**
 * How the cases of a data set are prepared: one value for training, validation, test, prediction and robustness.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Triple } from "../affine.ts";
import type { ClassInfo, ModalityKind } from "../dataset.ts";
import { z } from "../deps.ts";
import { DataError } from "../errors.ts";
import { landmarkPercents, type Normalisation } from "../normalise.ts";
import type { Orientation } from "../orientation.ts";

/** How the images of a modality are prepared. */
export interface ModalityPreparation {
  /** Its id. */
  readonly id: string;
  /** What its intensities mean. */
  readonly kind: ModalityKind;
  /** How intensities become what a network sees, with all constants that do not depend on the image. */
  readonly normalisation: Normalisation;
  /** What lies outside the image: its own background after normalisation, or a fixed value. */
  readonly padding: "background" | number;
}

/**
 * Everything that decides how a case becomes arrays `[D,H,W]`. It is made once from the training cases, written to
 * `config.json` and into every checkpoint, and nothing else decides how an image is prepared.
 */
export interface Preparation {
  /** Of this description. */
  readonly version: 1;
  /** How axes are named. */
  readonly orientation: Orientation;
  /** Voxel size along D, H and W that every image is resampled to, in mm. */
  readonly spacing: Triple;
  /** The modalities, in the order of a network's inputs. */
  readonly modalities: readonly ModalityPreparation[];
  /** The foreground classes, ids 1 … K. */
  readonly classes: readonly ClassInfo[];
  /** Whether the modalities of a case share one space and are therefore brought onto one grid. */
  readonly aligned: boolean;
  /** In an aligned set, whether the images of every case already lay on one grid. */
  readonly oneGrid: boolean;
  /** Whether images are cut to the box of what is no background. */
  readonly crop: "foreground" | "none";
  /** How label maps are resampled: each label linearly and the largest share wins, or by the nearest voxel. */
  readonly labels: "linear" | "nearest";
}

const positive = z.number().positive().finite();
const rising = (values: readonly number[]) =>
  values.every((value, at) => at === 0 || value > values[at - 1]!);
const normalisation = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("window"), low: z.number(), high: z.number() })
    .refine(({ low, high }) => low < high, "low must be below high"),
  z.strictObject({
    kind: z.literal("zscore"),
    clipPercentiles: z.tuple([z.number().min(0).max(100), z.number().min(0).max(100)])
      .refine(rising, "expected two rising percentiles").optional(),
  }),
  z.strictObject({
    kind: z.literal("landmarks"),
    landmarks: z.array(z.number()).length(landmarkPercents.length).refine(rising, "expected rising values"),
  }),
]);

const schema = z.strictObject({
  version: z.literal(1),
  orientation: z.discriminatedUnion("rule", [
    z.strictObject({ rule: z.literal("anatomical"), through: z.enum(["S", "A", "R"]) }),
    z.strictObject({ rule: z.literal("slices") }),
  ]),
  spacing: z.tuple([positive, positive, positive]),
  modalities: z.array(z.strictObject({
    id: z.string().min(1),
    kind: z.enum(["ct", "mr", "other"]),
    normalisation,
    padding: z.union([z.literal("background"), z.number()]),
  })).min(1),
  classes: z.array(z.strictObject({ id: z.number().int().positive(), name: z.string() })).min(1),
  aligned: z.boolean(),
  oneGrid: z.boolean(),
  crop: z.enum(["foreground", "none"]),
  labels: z.enum(["linear", "nearest"]),
});

/**
 * Checks a preparation that was read from a file or written by hand.
 *
 * @throws {DataError} `preparation.value` naming the first field that is wrong
 *
 * @example
 * ```ts
 * import { parsePreparation } from "./preparation.ts";
 * import assert from "node:assert/strict";
 *
 * assert.throws(() => parsePreparation({ version: 1, spacing: [1, 0, 1] }), /preparation.orientation/);
 * ```
 */
export function parsePreparation(value: unknown): Preparation {
  const result = schema.safeParse(value);
  if (result.success) return result.data as Preparation;
  const [issue] = result.error.issues;
  throw new DataError(
    "preparation.value",
    `${["preparation", ...issue!.path].join(".")}: ${issue!.message}`,
    { fix: "Correct the value, or leave the preparation out to have it made from the data." },
  );
}

/** A SHA-256 of a preparation, in hexadecimal; equal exactly when cases are prepared alike. */
export function hashPreparation(preparation: Preparation): string {
  // Parsed values have the schema's order of keys, so equal values have equal texts.
  return createHash("sha256").update(JSON.stringify(parsePreparation(preparation))).digest("hex");
}
