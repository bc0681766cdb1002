/** Files that hospitals and networks produce, one test a row of the table of faults (rows 1–24). */

import assert from "node:assert/strict";
import { deflateSync, gzipSync } from "node:zlib";
import type { DataError } from "../../data/errors.ts";
import {
  type NiftiVolume,
  readImage,
  readLabels,
  readNifti,
  readNiftiHeader,
} from "../../data/nifti/read.ts";
import { encodeNifti } from "../../data/nifti/encode.ts";
import { axisCodes, toAnatomical } from "../../data/orientation.ts";
import { bytesOf, join, makeNifti, type NiftiFields } from "./make_nifti.ts";
import { MemoryFiles } from "./memory_files.ts";

/** Registers a test that may neither read nor write a file: what it reads is in memory. */
function row(number: number, name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: `fault ${number}: ${name}`,
    permissions: { read: false, write: false },
    fn,
  });
}

const inMemory = (bytes: Uint8Array, path = "a.nii") => ({ path, files: new MemoryFiles({ [path]: bytes }) });

async function read(bytes: Uint8Array, path?: string): Promise<NiftiVolume> {
  const { path: name, files } = inMemory(bytes, path);
  return await readNifti(name, { files });
}

const make = (fields: NiftiFields, path?: string) => read(makeNifti(fields), path);
const warnings = ({ warnings }: NiftiVolume) => warnings.map(({ code }) => code);

async function refused(code: string, promise: Promise<unknown>, message = /./): Promise<void> {
  await assert.rejects(promise, (error: DataError) => {
    assert.equal(error.code, code, error.stack);
    assert.match(error.message, message);
    return true;
  });
}

/** The bytes of array memory that a promise added while it ran. */
async function allocated(work: () => Promise<unknown>): Promise<number> {
  const before = Deno.memoryUsage().external;
  await work();
  return Deno.memoryUsage().external - before;
}

const mebibyte = 2 ** 20;

Deno.test("fault 1: a missing file and a folder are refused with their absolute path", async () => {
  const folder = await Deno.makeTempDir();
  await refused("data.path", readNifti(`${folder}/none.nii`), /^\/.*none\.nii does not exist/);
  await refused("data.path", readNifti(folder), /is a folder/);
  await Deno.remove(folder);
});

Deno.test({
  name: "fault 17: a refused pair leaves no file open",
  sanitizeResources: true,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    for (const ending of ["", ".gz"]) {
      const bytes = makeNifti({ magic: "ni1\0", voxOffset: 0 });
      const stored = (part: Uint8Array) => ending === "" ? part : gzipSync(part);
      await Deno.writeFile(`${folder}/p.hdr${ending}`, stored(bytes.subarray(0, 348)));
      await Deno.writeFile(`${folder}/p.img${ending}`, stored(bytes.subarray(352, 380)));
      await refused("nifti.truncated", readNifti(`${folder}/p.hdr${ending}`));
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "fault 1: without read permission the flag to add is named",
  permissions: { read: [] },
  fn: async () => {
    await assert.rejects(readNifti("/some/scan.nii"), (error: DataError) => {
      assert.equal(error.code, "data.path");
      assert.match(error.fix!, /-R=\/some\/scan\.nii/);
      return true;
    });
  },
});

row(2, "an empty file and one shorter than a header", async () => {
  await refused("nifti.short", read(new Uint8Array(0)), /0 bytes/);
  await refused("nifti.short", read(makeNifti().subarray(0, 347)), /347 bytes/);
  await refused("nifti.short", read(makeNifti({ version: 2 }).subarray(0, 500)), /500 bytes/);
  await refused("nifti.short", read(gzipSync(new Uint8Array(10)), "a.nii.gz"), /10 bytes/);
});

row(3, "a PNG that is called .nii", async () => {
  const png = new Uint8Array(1000);
  png.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  await refused("nifti.magic", read(png), /89 50 4e 47/);
  await refused("nifti.magic", make({ magic: "abc\0" }), /61 62 63/);
});

row(4, "content decides whether a file is gzip, not its name", async () => {
  const plain = makeNifti();
  assert.deepEqual(warnings(await read(plain, "a.nii.gz")), ["nifti.name"]);
  assert.deepEqual(warnings(await read(gzipSync(plain), "a.nii")), ["nifti.name"]);
  assert.deepEqual(warnings(await read(gzipSync(plain), "a.nii.gz")), []);
});

row(5, "a gzip stream that ends early", async () => {
  const whole = gzipSync(makeNifti());
  await refused(
    "gzip.truncated",
    read(whole.subarray(0, whole.length - 20), "a.nii.gz"),
    /bytes on disk gave/,
  );
  await refused("gzip.truncated", read(whole.subarray(0, whole.length - 3), "a.nii.gz"));
  await refused("gzip.truncated", read(whole.subarray(0, 5), "a.nii.gz"));
});

row(6, "a gzip stream with a wrong checksum", async () => {
  const damaged = gzipSync(makeNifti());
  damaged[damaged.length - 8]! ^= 1;
  await refused("gzip.crc", read(damaged, "a.nii.gz"));
});

row(7, "a gzip file of several members, as bgzip writes", async () => {
  const bytes = makeNifti();
  const parts = [bytes.subarray(0, 100), bytes.subarray(100, 360), bytes.subarray(360)];
  const volume = await read(join(...parts.map((part) => gzipSync(part))), "a.nii.gz");
  assert.deepEqual([...volume.array.data as Int16Array], Array.from({ length: 24 }, (_, i) => i));
});

row(8, "a gzip file that inflates to far more than its header says", async () => {
  const bomb = gzipSync(join(makeNifti(), new Uint8Array(300 * mebibyte)));
  assert.ok(bomb.length < mebibyte);
  const grown = await allocated(() => refused("gzip.bomb", read(bomb, "a.nii.gz")));
  assert.ok(grown < 32 * mebibyte, `${grown}`);
});

row(8, "a small gzip file whose header promises gigabytes", async () => {
  const liar = gzipSync(makeNifti({ dim: [3, 1000, 1000, 900, 1, 1, 1, 1] }));
  const grown = await allocated(() => refused("nifti.truncated", read(liar, "a.nii.gz"), /cannot hold/));
  assert.ok(grown < 32 * mebibyte, `${grown}`);
});

row(9, "dimensions beyond the cap", async () => {
  const grown = await allocated(() =>
    refused("nifti.size", make({ dim: [3, 32767, 32767, 32767, 1, 1, 1, 1] }))
  );
  assert.ok(grown < 32 * mebibyte, `${grown}`);
  const { path, files } = inMemory(makeNifti());
  await refused("nifti.size", readNifti(path, { files, maxVolumeBytes: 47 }));
  await readLabels(path, undefined, { files, maxVolumeBytes: 48 });
});

row(10, "dim[0] out of range, negative and overflowing dimensions", async () => {
  for (const rank of [0, 8, 9, -1]) await refused("nifti.dim", make({ dim: [rank, 4, 3, 2, 1, 1, 1, 1] }));
  await refused("nifti.dim", make({ dim: [3, 4, -3, 2, 1, 1, 1, 1] }));
  await refused("nifti.dim", make({ dim: [3, 4, 0, 2, 1, 1, 1, 1] }));
  const huge = 2 ** 40;
  await refused(
    "nifti.dim",
    make({ version: 2, dim: [3, huge, huge, 2, 1, 1, 1, 1], data: new Uint8Array(10) }),
  );
});

row(11, "trailing dimensions of 1 are dropped, a real fourth one must be chosen from", async () => {
  assert.deepEqual((await make({ dim: [5, 4, 3, 2, 1, 1, 1, 1] })).array.shape, [2, 3, 4]);
  const bytes = makeNifti({ dim: [4, 4, 3, 2, 3, 1, 1, 1] });
  await refused("nifti.channels", read(bytes), /3 volumes/);
  const { path, files } = inMemory(bytes);
  const second = await readNifti(path, { files, channel: 1 });
  assert.deepEqual([second.array.get(0, 0, 0), second.array.get(1, 2, 3)], [24, 47]);
  await refused("nifti.channels", readNifti(path, { files, channel: 3 }));
});

row(12, "a 2-D image is a volume of depth 1", async () => {
  const flat = await make({ dim: [2, 4, 3, 1, 1, 1, 1, 1], pixdim: [1, 2, 3, 0, 0, 0, 0, 0] });
  assert.deepEqual(flat.array.shape, [1, 3, 4]);
  assert.deepEqual(warnings(flat), ["nifti.flat"]);
});

row(13, "unknown, complex, colour and 128-bit voxels", async () => {
  for (const datatype of [0, 1, 32, 128, 1536, 1792, 2048, 2304, 9999]) {
    await refused("nifti.dtype", make({ datatype }), new RegExp(`type ${datatype} `));
  }
});

row(14, "a bitpix that contradicts the datatype", async () => {
  const volume = await make({ bitpix: 64 });
  assert.deepEqual(warnings(volume), ["nifti.bitpix"]);
  assert.equal(volume.array.get(1, 2, 3), 23);
});

row(15, "64-bit integers and floats", async () => {
  const dim = [3, 2, 1, 1, 1, 1, 1, 1];
  for (const datatype of [1024, 1280]) {
    const exact = await make({ dim, datatype, data: bytesOf([5, 2 ** 52], datatype) });
    assert.deepEqual([...exact.array.data], [5, 2 ** 52]);
    assert.equal(warnings(exact).includes("nifti.precision"), false);
    const rounded = await make({ dim, datatype, data: bytesOf([5, 2 ** 60], datatype) });
    assert.ok(warnings(rounded).includes("nifti.precision"));
  }
  const image = (values: number[], datatype: number) => {
    const { path, files } = inMemory(makeNifti({ dim, datatype, data: bytesOf(values, datatype) }));
    return readImage(path, { files });
  };
  assert.ok(warnings(await image([1, 2 ** 24 + 1], 8)).includes("nifti.precision"));
  assert.deepEqual([...(await image([0.5, -3], 64)).array.data], [0.5, -3]);
  await refused("nifti.range", image([1, 1e300], 64));
});

row(15, "a float64 label map is decoded without ever being held as float64", async () => {
  const side = 200;
  const values = new Float64Array(side ** 3).map((_, at) => at % 14);
  const dim = [3, side, side, side, 1, 1, 1, 1];
  const bytes = gzipSync(makeNifti({ dim, datatype: 64, data: new Uint8Array(values.buffer) }), { level: 1 });
  let label: NiftiVolume<Uint8Array> | undefined;
  const grown = await allocated(async () => {
    label = await readLabels("a.nii.gz", undefined, { files: new MemoryFiles({ "a.nii.gz": bytes }) });
  });
  assert.ok(label!.array.data.every((v, at) => v === values[at]));
  // The labels and garbage of the stream, but not the 8 bytes a voxel that the file holds.
  assert.ok(grown < 6 * side ** 3, `${grown} bytes for ${side ** 3} labels`);
});

row(16, "a vox_offset that makes no sense", async () => {
  for (const voxOffset of [0, 100, -8, 352.5, NaN, 1e12]) {
    const volume = await make({ voxOffset });
    assert.deepEqual(warnings(volume), ["nifti.offset"], String(voxOffset));
    assert.equal(volume.array.get(1, 2, 3), 23);
    await refused("nifti.offset", read(makeNifti({ voxOffset }).subarray(0, 380)));
  }
  await refused("nifti.offset", make({ voxOffset: 5000 }), /ends at/);
});

row(17, "voxels that are cut off, or followed by something", async () => {
  const bytes = makeNifti();
  await refused("nifti.truncated", read(bytes.subarray(0, bytes.length - 1)), /need 48 bytes; there are 47/);
  await refused("nifti.truncated", read(gzipSync(bytes.subarray(0, bytes.length - 1)), "a.nii.gz"));
  for (const longer of [join(bytes, new Uint8Array(9)), gzipSync(join(bytes, new Uint8Array(9)))]) {
    const volume = await read(longer, longer[0] === 0x1f ? "a.nii.gz" : "a.nii");
    assert.deepEqual(warnings(volume), ["nifti.trailing"]);
  }
});

row(18, "both versions, both byte orders, pairs and extensions", async () => {
  const expected = Array.from({ length: 24 }, (_, i) => i);
  for (const version of [1, 2] as const) {
    for (const littleEndian of [true, false]) {
      for (const datatype of [2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280]) {
        const volume = await make({ version, littleEndian, datatype });
        assert.deepEqual(
          [...volume.array.data],
          expected,
          `version ${version}, ${littleEndian}, ${datatype}`,
        );
        assert.deepEqual(volume.affine, [0, 0, 2, -5, 0, 3, 0, -6, 4, 0, 0, -7, 0, 0, 0, 1]);
      }
    }
  }
  const bytes = makeNifti({ magic: "ni1\0", voxOffset: 0 });
  const pair = { "p.hdr": bytes.subarray(0, 352), "p.img.gz": gzipSync(bytes.subarray(352)) };
  for (const path of ["p.hdr", "p.img"]) {
    assert.deepEqual([...(await readNifti(path, { files: new MemoryFiles(pair) })).array.data], expected);
  }
  await refused(
    "data.path",
    readNifti("p.hdr", { files: new MemoryFiles({ "p.hdr": bytes }) }),
    /half of a pair/,
  );

  const extended = makeNifti({
    extensionFlag: 1,
    voxOffset: 384,
    data: join(extension(), bytesOf(expected, 4)),
  });
  const volume = await read(extended);
  assert.deepEqual([...volume.array.data], expected);
  const again = encodeNifti(volume, { like: volume.header });
  assert.deepEqual(again.subarray(348, 384), extended.subarray(348, 384));
  assert.deepEqual([...(await read(again)).array.data], expected);
});

/** A comment extension of 32 bytes. */
function extension(): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, 32, true);
  view.setInt32(4, 6, true);
  bytes.set(new TextEncoder().encode("kept on write"), 8);
  return bytes;
}

row(19, "scl_slope 0 and NaN mean no scaling", async () => {
  assert.equal((await make({ slope: 0, inter: 5 })).array.get(0, 0, 1), 1);
  const nan = await make({ slope: NaN, inter: NaN });
  assert.deepEqual([nan.array.get(0, 0, 1), warnings(nan)], [1, ["nifti.scaling"]]);
  const half = await make({ slope: 0.5, inter: NaN });
  assert.deepEqual([half.array.get(0, 0, 1), warnings(half)], [0.5, ["nifti.scaling"]]);
  assert.equal((await make({ slope: 2, inter: 10 })).array.get(0, 0, 3), 16);
});

row(20, "voxel sizes of 0, below 0, NaN and of a kilometre", async () => {
  for (const mm of [0, -2, NaN, Infinity]) {
    await refused("geometry.spacing", make({ pixdim: [1, 2, mm, 4, 0, 0, 0, 0] }), /axis 2/);
  }
  const absurd = await make({ sformCode: 0, qformCode: 1, pixdim: [1, 1000, 1, 1, 0, 0, 0, 0] });
  assert.deepEqual(warnings(absurd), ["geometry.absurd"]);
});

row(21, "qform and sform that differ, and neither", async () => {
  const both = await make({ qformCode: 1, quaternion: [1, 0, 0], qoffset: [9, 9, 9] });
  assert.deepEqual([warnings(both), both.affine[3]], [["geometry.disagree"], -5]);
  const agreeing = await make({ qformCode: 1, qoffset: [-5, -6, -7] });
  assert.deepEqual(warnings(agreeing), []);
  const q = await make({ sformCode: 0, qformCode: 1, quaternion: [0, 0, 1], qoffset: [1, 2, 3] });
  assert.deepEqual(q.affine.slice(0, 12), [0, 0, -2, 1, 0, -3, 0, 2, 4, 0, 0, 3]);
  const flipped = await make({ sformCode: 0, qformCode: 1, pixdim: [-1, 2, 3, 4, 0, 0, 0, 0] });
  assert.equal(flipped.affine[8], -4);
  const none = await make({ sformCode: 0 });
  assert.deepEqual([warnings(none), axisCodes(none.affine)], [["geometry.unknown"], "SAL"]);
});

row(22, "singular affines are refused, sheared ones kept with a warning", async () => {
  await refused("geometry.affine", make({ srow: [2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0] }), /singular/);
  await refused("geometry.affine", make({ srow: [2, 2, 0, 0, 2, 2, 0, 0, 0, 0, 4, 0] }), /singular/);
  await refused("geometry.affine", make({ srow: [NaN, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0] }), /not finite/);
  await refused("geometry.affine", make({ sformCode: 0, qformCode: 1, quaternion: [2, 0, 0] }), /quaternion/);
  const sheared = await make({ srow: [2, 0.5, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0] });
  assert.deepEqual([warnings(sheared), sheared.affine[1]], [["geometry.shear", "geometry.pixdim"], 0.5]);
});

row(23, "all 48 orientations, straight and oblique, come back bit for bit", async () => {
  const seen = new Set<string>();
  for (const oblique of [0, 0.2]) {
    for (const axes of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]) {
      for (let signs = 0; signs < 8; signs++) {
        const srow = new Array<number>(12).fill(0);
        axes.forEach((axis, world) => {
          srow[4 * world + axis] = (signs >> world & 1 ? -1 : 1) * (1.1 + axis);
          srow[4 * world + axes[(world + 1) % 3]!] = oblique * (signs & 1 ? -1 : 1);
          srow[4 * world + 3] = 7.3 * world - 3.1;
        });
        const bytes = makeNifti({ srow });
        const volume = await read(bytes);
        const turned = toAnatomical(volume);
        assert.equal(axisCodes(turned.affine), "SAR");
        const point = [0, 2, 1], voxel = nearestVoxel(turned.affine, worldOf(volume.affine, point));
        assert.equal(turned.array.get(...voxel), volume.array.get(...point));
        const written = encodeNifti(turned, { like: volume.header });
        assert.deepEqual(written.subarray(252, 344), bytes.subarray(252, 344)); // qform and sform, bit for bit
        const back = await read(written);
        assert.deepEqual([back.array.data, back.affine], [volume.array.data, volume.affine]);
        if (oblique === 0) seen.add(axisCodes(volume.affine));
      }
    }
  }
  assert.equal(seen.size, 48);
});

function worldOf(affine: readonly number[], [i, j, k]: number[]): number[] {
  return [0, 4, 8].map((r) => affine[r]! * i! + affine[r + 1]! * j! + affine[r + 2]! * k! + affine[r + 3]!);
}

/** The voxel of a small grid whose centre lies at a point, by trying all of them. */
function nearestVoxel(affine: readonly number[], point: number[]): number[] {
  for (let at = 0; at < 64; at++) {
    const voxel = [at >> 4, at >> 2 & 3, at & 3];
    const gap = worldOf(affine, voxel).map((mm, axis) => mm - point[axis]!);
    if (Math.hypot(...gap) < 1e-5) return voxel;
  }
  throw new Error("no voxel there");
}

row(26, "label maps with fractions or values that are no label", async () => {
  const labels = (values: number[], datatype: number, map?: Map<number, number>) => {
    const data = bytesOf(values, datatype);
    const { path, files } = inMemory(
      makeNifti({ dim: [3, values.length, 1, 1, 1, 1, 1, 1], datatype, data }),
    );
    return readLabels(path, map, { files });
  };
  assert.deepEqual([...(await labels([0, 1, 255], 64)).array.data], [0, 1, 255]);
  await refused("label.values", labels([0, 0.5, 0.5, 1], 16), /0\.5 \(2 voxels\)/);
  await refused("label.values", labels([0, -1, 300], 4), /-1 \(1 voxels\), 300 \(1 voxels\)/);
  await refused("label.values", labels([0, NaN], 16), /NaN/);
  assert.deepEqual([...(await labels([0, 1000, 7], 4, new Map([[1000, 2], [7, 1]]))).array.data], [0, 2, 1]);
  await refused("label.values", labels([0, 8], 4, new Map([[7, 1]])), /8 \(1 voxels\)/);
});

Deno.test("a header can be read without its voxels, and raw deflate is no gzip", async () => {
  const files = new MemoryFiles({
    "a.nii": makeNifti().subarray(0, 352),
    "b.nii.gz": deflateSync(makeNifti()),
  });
  assert.deepEqual((await readNiftiHeader("a.nii", { files })).header.shape, [4, 3, 2]);
  await assert.rejects(
    readNiftiHeader("b.nii.gz", { files }),
    (error: DataError) => /^nifti\./.test(error.code),
  );
});
