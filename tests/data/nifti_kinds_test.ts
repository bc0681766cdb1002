/** Files as other programs leave them: labels that are not quite whole, pairs in capitals, intents of another image. */

import assert from "node:assert/strict";
import type { DataError } from "../../data/errors.ts";
import { readImage, readLabels, readNifti, readNiftiHeader } from "../../data/nifti/read.ts";
import { encodeNifti } from "../../data/nifti/encode.ts";
import { bytesOf, makeNifti, type NiftiFields } from "./make_nifti.ts";
import { MemoryFiles } from "./memory_files.ts";

const opened = (bytes: Record<string, Uint8Array>) => ({ files: new MemoryFiles(bytes) });

Deno.test("a label within 1e-3 of a whole number is that number, with a warning; others are refused", async () => {
  const count = 24, fill = (value: number) => new Array<number>(count).fill(value);
  const cases: [name: string, fields: NiftiFields, label: number | "refused", isOff: boolean][] = [
    ["whole", { datatype: 16, data: bytesOf(fill(3), 16) }, 3, false],
    ["float32 rounding", { datatype: 16, data: bytesOf(fill(1 + 2 ** -23), 16) }, 1, true],
    ["255 of 255ths", { datatype: 2, data: bytesOf(fill(255), 2), slope: Math.fround(1 / 255) }, 1, true],
    [
      "nibabel's scaling",
      { datatype: 4, data: bytesOf(fill(32767), 4), slope: 3 / 32767, inter: 0 },
      3,
      true,
    ],
    ["0.9991", { datatype: 64, data: bytesOf(fill(0.9991), 64) }, 1, true],
    ["254.9995", { datatype: 64, data: bytesOf(fill(254.9995), 64) }, 255, true],
    ["-0.0005", { datatype: 64, data: bytesOf(fill(-0.0005), 64) }, 0, true],
    ["0.998", { datatype: 64, data: bytesOf(fill(0.998), 64) }, "refused", false],
    ["a half", { datatype: 16, data: bytesOf(fill(0.5), 16) }, "refused", false],
    ["256", { datatype: 4, data: bytesOf(fill(256), 4) }, "refused", false],
    ["-1", { datatype: 4, data: bytesOf(fill(-1), 4) }, "refused", false],
    ["NaN", { datatype: 16, data: bytesOf(fill(NaN), 16) }, "refused", false],
  ];
  for (const [name, fields, label, isOff] of cases) {
    const files = opened({ "l.nii": makeNifti(fields) });
    for (const map of [undefined, new Map([[0, 0], [1, 2], [3, 4], [255, 5]])]) {
      const outcome = await readLabels("l.nii", map, files).catch((error: DataError) => error.code);
      if (label === "refused") {
        assert.equal(outcome, "label.values", name);
        continue;
      }
      assert.ok(typeof outcome === "object", `${name}: ${outcome}`);
      assert.deepEqual([...new Set(outcome.array.data)], [map?.get(label) ?? label], name);
      assert.deepEqual(outcome.warnings.map(({ code }) => code), isOff ? ["label.uneven"] : [], name);
    }
  }
  const above = opened({ "l.nii": makeNifti({ datatype: 4, data: bytesOf(fill(1035), 4) }) });
  assert.equal((await readLabels("l.nii", new Map([[1035, 7]]), above)).array.data[0], 7);
  await assert.rejects(
    readLabels("l.nii", undefined, above),
    (error: DataError) => /1035 \(24 voxels\)/.test(error.message) && /labelMap/.test(error.fix!),
  );
});

Deno.test("either half of a pair opens it, in small letters or capitals, gzipped or not", async () => {
  const header = makeNifti({ magic: "ni1\0", voxOffset: 0 }).slice(0, 348);
  const voxels = bytesOf(Array.from({ length: 24 }, (_, at) => at), 4);
  for (const [hdr, img] of [["a.hdr", "a.img"], ["a.HDR", "a.IMG"], ["a.hdr", "a.IMG"], ["a.HDR", "a.img"]]) {
    const files = opened({ [hdr!]: header, [img!]: voxels });
    for (const half of [hdr!, img!]) {
      assert.equal((await readImage(half, files)).array.data[23], 23, `${half} of ${hdr} and ${img}`);
      assert.equal((await readNiftiHeader(half, files)).header.pair, true);
    }
  }
  for (const [half, bytes] of [["b.HDR", header], ["b.IMG", voxels]] as const) {
    await assert.rejects(
      readImage(half, opened({ [half]: bytes })),
      (error: DataError) => error.code === "data.path" && error.message.includes("half of a pair"),
    );
  }
});

Deno.test("what is written on another image's grid does not keep that image's intent", async () => {
  for (const version of [1, 2] as const) {
    const bytes = makeNifti({ version }), view = new DataView(bytes.buffer);
    const places = version === 1 ? { p1: 56, code: 68, name: 328 } : { p1: 80, code: 504, name: 508 };
    if (version === 1) view.setInt16(places.code, 5, true);
    else view.setInt32(places.code, 5, true); // NIFTI_INTENT_ZSCORE
    view.setUint8(places.p1 + 2, 99);
    bytes.set(new TextEncoder().encode("z score"), places.name);
    const scan = await readNifti("z.nii", opened({ "z.nii": bytes }));
    const written = encodeNifti(scan, { like: scan.header });
    const size = version === 1 ? 348 : 540;
    const kept = [...bytes.subarray(0, size)].flatMap((byte, at) => byte === written[at] ? [] : [at]);
    const intent = (at: number) =>
      version === 1
        ? (at >= 56 && at < 70) || (at >= 328 && at < 344)
        : (at >= 80 && at < 104) || (at >= 504 && at < 524);
    assert.ok(kept.filter(intent).length >= 4, `${kept}`);
    assert.ok(written.subarray(0, size).every((byte, at) => !intent(at) || byte === 0));
    const again = await readNifti("w.nii", opened({ "w.nii": written }));
    assert.deepEqual([again.affine, again.header.dtype], [scan.affine, scan.header.dtype]);
  }
});
