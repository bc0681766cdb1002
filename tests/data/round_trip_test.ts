/** Writing what was read, and reading it again. */

import assert from "node:assert/strict";
import { reverseAxes } from "../../data/affine.ts";
import type { DataError } from "../../data/errors.ts";
import { readNifti, readNiftiHeader } from "../../data/nifti/read.ts";
import { encodeNifti } from "../../data/nifti/encode.ts";
import { writeNifti } from "../../data/nifti/write.ts";
import { toAnatomical } from "../../data/orientation.ts";
import { volumeFrom } from "../../data/volume.ts";
import { MemoryFiles } from "./memory_files.ts";
import { realDataTest } from "./real_data.ts";
import { sameBits } from "./same_bits.ts";

Deno.test("writeNifti() replaces a file in one step and leaves it alone when it fails", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/é space.nii.gz`;
  const volume = volumeFrom(new Float32Array([1, 2.5, -3]), [3, 1, 1], [
    1,
    0,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    1,
  ]);
  await writeNifti(path, volume);
  const before = await Deno.readFile(path);
  const fails = (code: string, promise: Promise<void>) =>
    assert.rejects(promise, (error: DataError) => error.code === code);
  await fails("nifti.range", writeNifti(path, volume, { dtype: "uint8" }));
  await fails("io.write", writeNifti(`${folder}/none/x.nii`, volume));
  await fails("io.write", writeNifti(`${folder}/x.png`, volume));
  assert.deepEqual(await Deno.readFile(path), before);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["é space.nii.gz"]);
  assert.deepEqual([...(await readNifti(path)).array.data], [1, 2.5, -3]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("encodeNifti() refuses a volume that does not lie on the grid it is given", async () => {
  const affine = [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
  const bytes = encodeNifti(volumeFrom(new Uint8Array(8), [2, 2, 2], affine));
  const { header } = await readNifti("a.nii", { files: new MemoryFiles({ "a.nii": bytes }) });
  const refused = (error: DataError) => error.code === "geometry.mismatch";
  assert.throws(
    () => encodeNifti(volumeFrom(new Uint8Array(12), [2, 2, 3], affine), { like: header }),
    refused,
  );
  const moved = affine.with(3, 1);
  assert.throws(
    () => encodeNifti(volumeFrom(new Uint8Array(8), [2, 2, 2], moved), { like: header }),
    refused,
  );
});

/** Files that cannot be read as one volume. */
const unreadable =
  /analyze|rgb|complex|dconn|mgz|not-nifti|spm99|invalid|dim[45]|nifti[12]\.hdr|4d|5D|example_nifti2|functional|img/;

realDataTest("everything writable comes back with the same bytes", async (folder) => {
  let files = 0;
  const walk = async (path: string) => {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      const file = `${path}/${name}`;
      if (isDirectory) await walk(file);
      else if (!unreadable.test(file) && /\.(nii|hdr)(\.gz)?$/.test(name)) await comesBack(file), files++;
    }
  };
  await walk(`${folder}/conformance`);
  for (const file of ["paired/isles22", "paired/sct_errsm30", "paired/ivadomed_sct", "single/spleen_ct"]) {
    await walk(`${folder}/${file}`);
  }
  console.log(`${files} files written and read again`);
  assert.ok(files > 60);
});

/** Stores a file's voxels as they were stored, once as read and once turned, and compares everything. */
async function comesBack(path: string): Promise<void> {
  const volume = await readNifti(path);
  const { header } = volume;
  const scaling = header.scaling === undefined ? {} : { scaling: header.scaling };
  for (const placed of [volume, toAnatomical(volume)]) {
    const bytes = encodeNifti(placed, { like: header, dtype: header.dtype, ...scaling });
    const again = await readNifti("x.nii", { files: new MemoryFiles({ "x.nii": bytes }) });
    assert.deepEqual(again.affine, volume.affine, path);
    assert.deepEqual(again.spacing, volume.spacing, path);
    assert.deepEqual(again.array.shape, volume.array.shape, path);
    assert.ok(sameBits(again.array.data, volume.array.data), path);
    assert.deepEqual(again.header.extensions.subarray(0, header.extensions.length), header.extensions, path);
  }
  assert.deepEqual((await readNiftiHeader(path)).header.affine, reverseAxes(volume.affine));
}
