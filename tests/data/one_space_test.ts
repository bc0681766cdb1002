/**
 * However a scan is stored, it is prepared alike, and what is said about it comes back to where it lay: on real volumes
 * where `CMC_DATA` names them, on phantoms otherwise.
 */

import assert from "node:assert/strict";
import type { LabelledCase } from "../../data/dataset.ts";
import { readImage, readLabels } from "../../data/nifti/read.ts";
import {
  axisCodes,
  type Orientation,
  superiorFirst,
  throughPlaneAxis,
  turnOf,
  turnTo,
  turnVolume,
} from "../../data/orientation.ts";
import { makePhantom } from "../../data/phantom.ts";
import { chooseFrom } from "../../data/prepare/choose.ts";
import type { Preparation } from "../../data/prepare/preparation.ts";
import { type PreparedImage, prepareImages, prepareLabels } from "../../data/prepare/prepare.ts";
import { restoreSegmentation } from "../../data/prepare/restore.ts";
import { resampleOnto } from "../../data/resample.ts";
import { gridOf, rowMajor, shapeOf, type Volume, volumeFrom } from "../../data/volume.ts";
import { Random } from "../../tensor/random.ts";
import { realData } from "./real_data.ts";
import { sameBits } from "./same_bits.ts";
import { rotated, storedAs, storings } from "./stored_as.ts";

interface Scan {
  readonly name: string;
  readonly image: Volume<Float32Array>;
  readonly label: Volume<Uint8Array>;
}

const inFiles: Record<string, readonly [image: string, label: string]> = {
  ...Object.fromEntries(["001", "003", "004"].map((id) => [
    `hippocampus ${id}`,
    [
      `single/hippocampus/images/hippocampus_${id}.nii.gz`,
      `single/hippocampus/labels/hippocampus_${id}.nii.gz`,
    ],
  ])),
  ...Object.fromEntries([1, 2, 3, 4].map((n) => {
    const stem = `paired_small/brats2015_2mm/brats_2013_pat000${n}_1/brats_2013_pat000${n}_1`;
    return [`brats ${n}`, [`${stem}_flair.nii.gz`, `${stem}_${n % 2 === 1 ? "brainmask" : "seg"}.nii.gz`]];
  })),
  "spleen": ["single/spleen_ct/sub-spleen2_ct.nii.gz", "single/spleen_ct/sub-spleen2_ct_seg-manual.nii.gz"],
  ...Object.fromEntries(["0001", "0009"].map((id) => {
    const stem = `paired/isles22/sub-strokecase${id}/sub-strokecase${id}`;
    return [`isles ${id}`, [`${stem}_dwi.nii.gz`, `${stem}_msk.nii.gz`]];
  })),
  "spine": [
    "paired/ivadomed_sct/sub-unf01/sub-unf01_T2w.nii.gz",
    "paired/ivadomed_sct/sub-unf01/sub-unf01_T2w_seg-manual.nii.gz",
  ],
  "cord": ["paired/sct_errsm30/t2.nii.gz", "paired/sct_errsm30/t2_seg-manual.nii.gz"],
};

async function scans(): Promise<Scan[]> {
  const found: Scan[] = [];
  if (realData === undefined) {
    const abdomen = makePhantom({ cases: 2, modalities: ["mr"], misalignmentMm: 0, seed: 4 });
    for (
      const dataset of [abdomen, makePhantom({ anatomy: "heart", cases: 2, seed: 4, modalities: ["lge"] })]
    ) {
      for (const of of dataset.cases as LabelledCase[]) {
        const [image] = await dataset.loadImages(of), [label] = await dataset.loadLabels(of);
        found.push({ name: of.id, image: image!, label: label! });
      }
    }
    return found;
  }
  for (const [name, [image, label]] of Object.entries(inFiles)) {
    found.push({
      name,
      image: await readImage(`${realData}/${image}`),
      label: await readLabels(`${realData}/${label}`),
    });
  }
  return found;
}

/** Whose labels are 0 to 5 and whose only modality is this scan. */
function preparationFor({ image, label }: Scan, change: Partial<Preparation> = {}): Preparation {
  const { preparation } = chooseFrom(
    {
      name: "scan",
      modalities: [{ id: "scan", kind: "mr" }],
      classes: [1, 2, 3, 4, 5].map((id) => ({ id, name: `${id}` })),
      paired: true,
      aligned: true,
    },
    [{ id: "a", images: [gridOf(image)], labels: [gridOf(label)] }],
  );
  return { ...preparation, ...change };
}

const prepared = (image: Volume<Float32Array>, preparation: Preparation) =>
  prepareImages(new Map([["scan", image]]), preparation)[0]!;

/** What a perfect network would say: probability 1 for the label of each prepared voxel. */
function perfect(labels: Uint8Array) {
  const classes = labels.reduce((most, label) => label === 255 ? most : Math.max(most, label), 0) + 1;
  const probabilities = new Float32Array(classes * labels.length);
  labels.forEach((label, at) => probabilities[(label === 255 ? 0 : label) * labels.length + at] = 1);
  return { labels, probabilities };
}

/** What a perfect network would say where a voxel is of several labels: the share of each. */
function shares(label: Volume<Uint8Array>, image: PreparedImage): Float32Array {
  const voxels = image.data.length, source = rowMajor(label);
  const classes = source.reduce((most, value) => Math.max(most, value), 0) + 1;
  const out = new Float32Array(classes * voxels);
  const turned = turnVolume(label, turnTo(label.affine, image.affine));
  const values = rowMajor(turned);
  for (let k = 0; k < classes; k++) {
    const one = volumeFrom(Float32Array.from(values, (v) => +(v === k)), shapeOf(turned), turned.affine);
    out.set(resampleOnto(one, image, "linear", +(k === 0)).array.data, k * voxels);
  }
  return out;
}

/** Dice of all that is labelled, label by label. */
function dice(a: Volume<Uint8Array>, b: Volume<Uint8Array>): number {
  const [x, y] = [rowMajor(a), rowMajor(b)];
  let both = 0, either = 0;
  x.forEach((label, at) => {
    if (label > 0) either++;
    if (y[at]! > 0) either++;
    if (label > 0 && label === y[at]) both++;
  });
  return 2 * both / either;
}

/** Every `factor`-th slice across D of a volume turned to `[D,H,W]`, as a scanner with gaps between slices sees it. */
function thickened<T extends Float32Array | Uint8Array>(
  volume: Volume<T>,
  factor: number,
  orientation: Orientation,
) {
  const { axes } = turnOf(volume, orientation), through = axes[0];
  const step = [1, 1, 1].with(through, factor) as [number, number, number];
  const array = volume.array.step(...step);
  const affine = volume.affine.map((value, at) => at % 4 === through && at < 12 ? value * factor : value);
  return volumeFrom(rowMajor({ array }).slice() as T, shapeOf({ array }), affine);
}

const tilts = { straight: [0, 0, 0], oblique: [0.35, -0.3, 0.4], "a tie at 45°": [0, 0, Math.PI / 4] };

Deno.test("stored in any of 48 ways, straight, oblique or at 45°, a scan is prepared to the same bits and predictions return to its grid", async () => {
  for (const scan of await scans()) {
    for (const [tilt, angles] of Object.entries(tilts)) {
      const [image, label] = [rotated(scan.image, angles), rotated(scan.label, angles)];
      const preparation = preparationFor({ ...scan, image, label });
      const anatomical: Preparation = preparation.orientation.rule === "anatomical"
        ? preparation
        : { ...preparation, orientation: { rule: "anatomical", through: "S" } };
      let first: PreparedImage | undefined, firstLabels: Uint8Array | undefined;
      for (const [at, storing] of storings.entries()) {
        if (tilt !== "straight" && at % 5 !== 0) continue;
        const what = `${scan.name}, ${tilt}, storing ${at}`;
        const stored = storedAs(image, storing);
        const got = prepared(stored, anatomical);
        const labels = prepareLabels(storedAs(label, storing), got, anatomical);
        first ??= got, firstLabels ??= labels;
        assert.ok(sameBits(got.data, first.data) && sameBits(labels, firstLabels), what);
        assert.deepEqual(got.shape, first.shape, what);
        const back = restoreSegmentation(got, perfect(labels));
        assert.deepEqual([back.affine, shapeOf(back)], [stored.affine, shapeOf(stored)], what);
        if (at % 15 !== 0) continue;
        // Uncropped, every voxel of the labels comes back to its place.
        const whole = { ...anatomical, crop: "none" } as const, all = prepared(stored, whole);
        const own = storedAs(label, storing);
        const returned = restoreSegmentation(all, perfect(prepareLabels(own, all, whole)));
        assert.ok(sameBits(rowMajor(returned), rowMajor(own)), what);
      }
    }
  }
});

Deno.test("at 45° rounding of the affine does not decide how a volume is turned", () => {
  const voxels = volumeFrom(new Uint8Array(2 * 3 * 4), [2, 3, 4], [
    0,
    0,
    1,
    0,
    0,
    1,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    1,
  ]);
  let first: readonly number[] | undefined;
  for (const off of [0, 1e-6, -1e-6]) {
    for (const storing of storings) {
      const stored = storedAs(rotated(voxels, [0, 0, Math.PI / 4 + off]), storing);
      const { affine } = turnVolume(stored, turnOf(stored, superiorFirst));
      first ??= affine;
      const apart = Math.max(...affine.map((value, at) => Math.abs(value - first![at]!)));
      assert.ok(apart < 1e-4, `${off}, stored ${storing.axes} ${storing.flips}: turned ${apart} mm apart`);
    }
  }
});

Deno.test("aligned images turn as the first of them, also where a tie at 45° ends", () => {
  const noise = new Random(3), shape = [6, 7, 8] as const;
  const voxels = Float32Array.from({ length: 6 * 7 * 8 }, () => 1 + noise.uniform());
  const straight = volumeFrom(voxels, [...shape], [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
  const one = preparationFor({ name: "a", image: straight, label: straight as never }, {
    orientation: superiorFirst,
    crop: "none",
  });
  const preparation = { ...one, modalities: ["a", "b"].map((id) => ({ ...one.modalities[0]!, id })) };
  for (let off = -6e-6; off <= 6e-6; off += 5e-7) {
    const [a, b] = [off, off + 5e-7].map((rounding) => rotated(straight, [0, 0, Math.PI / 4 + rounding]));
    const [first, second] = prepareImages(new Map([["a", a!], ["b", b!]]), preparation);
    assert.deepEqual(second!.shape, first!.shape, `${off}`);
    assert.ok(sameBits(second!.data, first!.data), `${off}: voxels were moved`);
  }
});

Deno.test("slices: D is across them, H and W are as stored, and W, H, D is right-handed however slices are ordered", async () => {
  const dataset = makePhantom({ anatomy: "heart", cases: 6, seed: 2, modalities: ["bssfp"], inPlaneMm: 4 });
  for (const of of dataset.cases as LabelledCase[]) {
    const [image] = await dataset.loadImages(of), [label] = await dataset.loadLabels(of);
    const slices = preparationFor({ name: of.id, image: image!, label: label! }, {
      orientation: { rule: "slices" },
    });
    const expected = prepared(image!, slices);
    assert.equal(throughPlaneAxis(expected.spacing), 0);
    const through = throughPlaneAxis(image!.spacing)!;
    // Wherever the slice axis is stored, and in whichever direction.
    for (const { axes, flips } of storings) {
      const inPlane = axes.filter((axis) => axis !== through);
      const isKept = inPlane[0]! < inPlane[1]! && axes.every((axis, at) => axis === through || !flips[at]);
      const got = prepared(storedAs(image!, { axes, flips }), slices);
      if (isKept) {
        assert.ok(sameBits(got.data, expected.data), `${axes} ${flips} ${axisCodes(image!.affine)}`);
      }
    }
  }
});

/** Two halves of an ellipsoid that fills half of each axis of a scan: a map whose structures are many voxels thick. */
function ellipsoid({ image }: Scan): Volume<Uint8Array> {
  const [d, h, w] = shapeOf(image);
  const out = Uint8Array.from({ length: d * h * w }, (_, at) => {
    const place = [Math.floor(at / (h * w)) / d, Math.floor(at / w) % h / h, at % w / w];
    const inside = Math.hypot(...place.map((share) => share - 0.47)) < 0.3;
    return !inside ? 0 : place[2]! < 0.5 ? 1 : 2;
  });
  return volumeFrom(out, [d, h, w], image.affine);
}

Deno.test("a label map comes back through the prepared grid: Dice 0.99 at its spacing, 0.97 at 1.5 times, 0.95 from thick slices", async () => {
  const rows: string[] = [];
  for (const scan of await scans()) {
    const base = preparationFor(scan), own = base.spacing, isThick = own[0] > 3 * Math.max(own[1], own[2]);
    const throughPath = ({ image, label }: Scan, spacing: readonly number[]) => {
      const preparation = { ...base, crop: "none", spacing: spacing as [number, number, number] } as const;
      const got = prepared(image, preparation), labels = prepareLabels(label, got, preparation);
      return dice(restoreSegmentation(got, { labels, probabilities: shares(label, got) }), label);
    };
    const factor = isThick ? 1 : 4;
    const all = ({ image, label }: Scan): number[] => {
      const thick = {
        name: "",
        image: thickened(image, factor, base.orientation),
        label: thickened(label, factor, base.orientation),
      };
      return [
        throughPath({ name: "", image, label }, own),
        throughPath({ name: "", image, label }, own.map((mm, axis) => axis === 0 && isThick ? mm : 1.5 * mm)),
        // A target with thinner slices, as the 10th percentile along D makes it, and wider pixels.
        throughPath(thick, [0.8 * factor * own[0], 1.25 * own[1], 1.25 * own[2]]),
      ];
    };
    const known = all({ ...scan, label: ellipsoid(scan) }), labelled = all(scan);
    rows.push(
      [
        scan.name.padEnd(15),
        shapeOf(scan.image).join("×").padEnd(11),
        own.map((mm) => mm.toFixed(2)).join("×").padEnd(15),
        ...[...known, ...labelled].map((value) => value.toFixed(4)),
      ].join("  "),
    );
    const [equal, coarser, thick] = known as [number, number, number];
    assert.ok(equal >= 0.99 && labelled[0]! >= 0.99, `${scan.name}: ${equal} ${labelled[0]}`);
    assert.ok(coarser >= 0.97, `${scan.name} at 1.5 times: ${coarser}`);
    assert.ok(thick >= 0.95, `${scan.name} from thick slices: ${thick}`);
  }
  console.log(
    "scan, voxels as stored, mm along D, H, W; Dice at the same spacing, 1.5 times, from thick slices of an ellipsoid, " +
      `then of the scan's own labels, some of which are a few voxels thin\n${rows.join("\n")}`,
  );
});
