import assert from "node:assert/strict";
import { inspectFile, inspectFolder } from "../../data/inspect_file.ts";
import { bytesOf, makeNifti } from "./make_nifti.ts";
import { MemoryFiles } from "./memory_files.ts";

Deno.test("inspectFile() reports values after scaling, all volumes of a 4-D file, and counts what is not finite", async () => {
  const folder = await Deno.makeTempDir();
  const srow = [-2, 0, 0, 5, 0, -3, 0, -6, 0, 0, 4, -7];
  await Deno.writeFile(
    `${folder}/b.nii`,
    makeNifti({ dim: [4, 4, 3, 2, 2, 1, 1, 1], slope: 2, inter: 1, srow }),
  );
  assert.deepEqual(await inspectFile(`${folder}/b.nii`), {
    shape: [4, 3, 2, 2],
    spacing_mm: [2, 3, 4],
    affine: [[-2, 0, 0, 5], [0, -3, 0, -6], [0, 0, 4, -7], [0, 0, 0, 1]],
    dtype: "int16",
    orientation: "LPS",
    min: 1,
    max: 95,
    mean: 48,
    nonfinite: 0,
    warnings: [],
  });
  const data = new Uint8Array(Float32Array.of(NaN, Infinity, 2, 4).buffer);
  await Deno.writeFile(`${folder}/a.nii`, makeNifti({ dim: [3, 4, 1, 1, 1, 1, 1, 1], datatype: 16, data }));
  await Deno.writeFile(`${folder}/c.nii`, new Uint8Array(7));
  const [a, b, c, ...rest] = await inspectFolder(folder);
  assert.deepEqual([a!.file, a!.report!.nonfinite, a!.report!.mean, a!.report!.min], ["a.nii", 2, 3, 2]);
  assert.equal(b!.report!.max, 95);
  assert.deepEqual([c!.error!.code, rest], ["nifti.short", []]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("inspectFile() reads the one volume of a 4-D file that is named, or all", async () => {
  const data = bytesOf(Array.from({ length: 48 }, (_, at) => at < 24 ? 1 : 5), 4);
  const files = new MemoryFiles({ "x.nii": makeNifti({ dim: [4, 4, 3, 2, 2, 1, 1, 1], data }) });
  const all = await inspectFile("x.nii", { files }), second = await inspectFile("x.nii#channel=1", { files });
  assert.deepEqual([all.shape, all.min, all.max], [[4, 3, 2, 2], 1, 5]);
  assert.deepEqual([second.shape, second.min, second.mean], [[4, 3, 2], 5, 5]);
});
