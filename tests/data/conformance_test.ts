/** Every file of the real data against what nibabel reads (`reference.json`). */

import assert from "node:assert/strict";
import type { DataError } from "../../data/errors.ts";
import type { NiftiVolume } from "../../data/nifti/read.ts";
import { readNifti } from "../../data/nifti/read.ts";
import { axisCodes } from "../../data/orientation.ts";
import { realDataTest } from "./real_data.ts";

interface Reference {
  group: string;
  shape: number[] | null;
  dtype: string;
  axcodes: string | null;
  zooms: number[];
  affine: number[][] | null;
  stats:
    | { mean: number | string; min: number | string; max: number | string; finite: number; size: number }
    | null;
  voxels: { index: number[]; value: number | string }[] | null;
}

/** What cannot or must not be read, and why. */
const refusals: Record<string, string> = {
  "conformance/ivadomed/rgb_test_file.nii.gz": "nifti.dtype",
  "conformance/nibabel/analyze.hdr": "nifti.magic", // Analyze: no orientation in the file
  "conformance/nibabel/nifti1.hdr": "data.path", // a header without its .img
  "conformance/nibabel/nifti2.hdr": "data.path",
  "conformance/nibabel/row_major.dconn.nii": "nifti.channels", // CIFTI: a matrix in dimensions 5 and 6
  "conformance/nibabel/test.mgz": "nifti.magic",
  "conformance/nifti-reader-js/not-nifti.nii": "nifti.magic",
  "conformance/derived/analyze75.hdr": "nifti.magic",
  "conformance/derived/analyze75.img": "nifti.magic",
  "conformance/derived/spm99.hdr": "nifti.magic",
  "conformance/derived/spm99.img": "nifti.magic",
  "conformance/derived/complex64.nii.gz": "nifti.dtype",
  "conformance/derived/rgb24.nii.gz": "nifti.dtype",
  "conformance/derived/rgba32.nii.gz": "nifti.dtype",
  "conformance/derived/invalid/bad_datatype.nii": "nifti.dtype",
  "conformance/derived/invalid/bad_magic.nii": "nifti.magic",
  "conformance/derived/invalid/bad_ndim.nii": "nifti.dim",
  "conformance/derived/invalid/truncated_data.nii": "nifti.truncated",
  "conformance/derived/invalid/truncated_header.nii": "nifti.short",
};

function close(got: number, expected: number | string, what: string, tolerance = 1e-6): void {
  const want = Number(expected);
  assert.ok(
    Object.is(got, want) || Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want)),
    `${what}: got ${got}, expected ${want}`,
  );
}

function agree(channels: NiftiVolume[], reference: Reference, file: string): void {
  const [volume] = channels as [NiftiVolume];
  const spatial = [...reference.shape!, 1, 1].slice(0, 3);
  assert.deepEqual(volume.array.shape, spatial.toReversed(), file);
  assert.equal(channels.length, reference.shape!.slice(3).reduce((a, b) => a * b, 1), file);
  reference.affine!.flat().forEach((want, at) =>
    close(volume.header.affine[at]!, want, `${file} affine[${at}]`, 1e-5)
  );
  if (reference.axcodes !== null) assert.equal(axisCodes(volume.header.affine), reference.axcodes, file);
  for (const { index, value } of reference.voxels ?? []) {
    const [x = 0, y = 0, z = 0, ...rest] = index;
    let channel = 0;
    for (let axis = rest.length - 1; axis >= 0; axis--) {
      channel = channel * reference.shape![3 + axis]! + rest[axis]!;
    }
    close(channels[channel]!.array.get(z, y, x), value, `${file} [${index}]`);
  }
  let min = Infinity, max = -Infinity, sum = 0, finite = 0, size = 0;
  for (const { array } of channels) {
    for (const value of array.data) {
      size++;
      if (Number.isFinite(value)) finite++;
      min = Math.min(min, value), max = Math.max(max, value), sum += value;
    }
  }
  const { stats } = reference;
  assert.deepEqual({ size, finite }, { size: stats!.size, finite: stats!.finite }, file);
  if (finite === size) {
    close(min, stats!.min, `${file} min`), close(max, stats!.max, `${file} max`);
    close(sum / size, stats!.mean, `${file} mean`);
  }
}

realDataTest("readNifti() agrees with nibabel on every file, and refuses what it must", async (folder) => {
  const { files } = JSON.parse(await Deno.readTextFile(`${folder}/reference.json`)) as {
    files: Record<string, Reference>;
  };
  const tally = new Map<string, { read: number; refused: number }>();
  for (const [file, reference] of Object.entries(files)) {
    const group = file.startsWith("conformance") ? file.split("/").slice(0, -1).join("/") : reference.group;
    const count = tally.get(group) ?? { read: 0, refused: 0 };
    tally.set(group, count);
    const path = `${folder}/${file}`;
    if (refusals[file] !== undefined) {
      await assert.rejects(readNifti(path), (error: DataError) => error.code === refusals[file], file);
      count.refused++;
      continue;
    }
    const channels: NiftiVolume[] = [await readNifti(path, { channel: 0 })];
    while (channels.length < channels[0]!.header.channels) {
      channels.push(await readNifti(path, { channel: channels.length }));
    }
    agree(channels, reference, file);
    count.read++;
  }
  for (const [group, { read, refused }] of tally) console.log(`${group}: ${read} agree, ${refused} refused`);
});
