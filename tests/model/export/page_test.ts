/** An exported page segments as `predict` does. */

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { encodeNifti, readImage, volumeFrom } from "../../../data/mod.ts";
import { bundle } from "../../../model/export/bundle.ts";
import { exportHtml } from "../../../model/export/html.ts";
import { middleOf, pixelsOf } from "../../../model/export/page/planes.ts";
import type { Dropped, PageCase } from "../../../model/export/page/segment.ts";
import type { Answer } from "../../../model/export/page/worker.ts";
import { encodeCheckpoint, openEnsemble, predictCase, train, warmUp } from "../../../model/mod.ts";
import { openDevice } from "../../../tensor/mod.ts";
import { Random } from "../../../tensor/random.ts";
import { MemoryFiles } from "../../data/memory_files.ts";
import { smallData } from "../train/setting.ts";

/** A network that has hardly learnt anything, and prepares scans with another voxel size than theirs. */
async function checkpoint(): Promise<Uint8Array> {
  using device = await openDevice("cpu", { threads: 1 });
  using run = (await train({ seed: 1, patch: [16, 16, 16], steps: 1, batch: 1, validations: 1 }, {
    device,
    ...smallData(),
  }))!;
  const preparation = { ...run.preparation, spacing: [3, 2.1, 2.3] as const };
  return encodeCheckpoint(
    { config: run.config, preparation, step: 1, best: null, split: "", data: "" },
    await run.network.stateDict(),
    new Map([["moments", { shape: [100_000], data: new Float32Array(100_000) }]]),
  );
}

/** An oblique scan with two axes stored backwards, as a file in two gzip members and bytes behind them. */
function scan(seed: number): Uint8Array<ArrayBuffer> {
  const random = new Random(seed), shape = [45, 20, 22] as const;
  const voxels = Float32Array.from(
    { length: 45 * 20 * 22 },
    (_, at) => 100 + 60 * Math.sin(at / 37) + random.normal(0, 9),
  );
  const affine = [0.1, 0, -1.6, 40, 0, -1.7, 0.1, 30, 2, 0.1, 0.1, -60, 0, 0, 0, 1] as const;
  const bytes = encodeNifti(volumeFrom(voxels, shape, affine));
  const parts = [gzipSync(bytes.subarray(0, 9000)), gzipSync(bytes.subarray(9000)), Uint8Array.of(0, 0, 0)];
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** The files of a case; more than one window deep. */
const files = { "ct.nii.gz": scan(3), "mr.nii.gz": scan(4) };
const dropped = new Map<string, Dropped>([
  ["ct", { name: "ct.nii.gz", content: new Blob([files["ct.nii.gz"]]) }],
  ["mr", { name: "mr.nii.gz", content: new Blob([files["mr.nii.gz"]]) }],
]);

/** What `predict` says of the files. */
async function predicted(bytes: Uint8Array, grown = 0): Promise<Uint8Array[]> {
  using device = await openDevice("cpu", { threads: 2 });
  using ensemble = openEnsemble(new Map([["a", bytes]]), device);
  const images = new Map(
    await Promise.all(["ct", "mr"].map(async (id) => {
      return [id, await readImage(`${id}.nii.gz`, { files: new MemoryFiles(files) })] as const;
    })),
  );
  await warmUp(ensemble);
  device.release(device.allocate("f32", grown));
  const all = await predictCase(ensemble, images);
  return all.map(({ labels, on }) => encodeNifti(labels, { like: images.get(on)!.header }));
}

/** Runs the program of a page in a worker, as the page does. */
async function segmentIn(page: string, order: Record<string, unknown>): Promise<PageCase> {
  const program = /<script id="program">([^]*)<\/script>/.exec(page)![1]!;
  const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        if (data.kind === "done") resolve(data.result);
        if (data.kind === "failed") reject(new Error(`${data.code}: ${data.message}`));
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(order);
    });
  } finally {
    worker.terminate();
    URL.revokeObjectURL(url);
  }
}

Deno.test("the program of a page gives the files that predict writes, and refuses what predict refuses", async () => {
  const bytes = await checkpoint(), page = await exportHtml(new Map([["a & b", bytes]]), "A <title>");
  assert.match(page, /<title>A &lt;title><\/title>|<title>A &lt;title&gt;<\/title>/);
  assert.doesNotMatch(page.replace(/<script id="program">[^]*/, ""), /\b(src|href)="(?!data:)/);
  const [, name, base64] = /data-name="([^"]*)">([^<]*)</.exec(page)!;
  assert.equal(name, "a &amp; b");
  const stored = Uint8Array.from(atob(base64!), (char) => char.charCodeAt(0));
  assert.ok(stored.length < bytes.length - 400_000, "the optimiser's moments are left out");

  const order = { checkpoints: new Map([["a", stored]]), files: dropped, device: "cpu", mirror: false };
  const { results, scans } = await segmentIn(page, order);
  assert.deepEqual(results.map(({ modality }) => modality), [null, "ct", "mr"]);
  assert.deepEqual(results.map(({ nifti }) => nifti), await predicted(bytes));
  assert.equal(results[0]!.name, "ct_all_labels.nii");
  assert.ok(new Set(results[0]!.labels.data).size > 1, "more than one class");
  assert.deepEqual(scans.get("ct")!.shape, results[1]!.labels.shape);

  const other = { ...order, files: new Map([["ct", { name: "x.nii", content: new Blob(["no scan"]) }]]) };
  await assert.rejects(segmentIn(page, other), /nifti\.\w+: ct: x\.nii/);
});

Deno.test("networks compute the same on memory that cannot be shared, as in a page from the disk", async () => {
  const bytes = await checkpoint(), shared = globalThis.SharedArrayBuffer;
  const expected = await predicted(bytes);
  try {
    // deno-lint-ignore no-explicit-any -- browsers leave it out where pages are not isolated
    delete (globalThis as any).SharedArrayBuffer;
    const grown = 1 << 23; // growing moves such a memory
    assert.deepEqual(await predicted(bytes, grown), expected);
  } finally {
    globalThis.SharedArrayBuffer = shared;
  }
});

Deno.test("a program that cannot be bundled is a typed error", async () => {
  await assert.rejects(bundle("file:///nowhere/app.ts", "data:application/json,{}"), {
    code: "export.bundle",
  });
});

Deno.test("a plane shows the patient's right on the left, anterior and superior up, and labels over the scan", () => {
  const affine = [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1] as const;
  const grid = { shape: [1, 2, 3] as const, spacing: [1, 1, 1] as const, affine };
  const scan = { ...grid, data: Float32Array.of(0, 1, 2, 3, 4, 5) };
  const labels = { ...grid, data: Uint8Array.of(0, 0, 0, 0, 0, 1) };
  const pixels = pixelsOf({ scan, labels, window: [0, 5], opacity: 1 }, { across: 2, up: 1 }, [0, 0, 0], [[
    9,
    8,
    7,
  ]]);
  const rgb = Array.from({ length: 6 }, (_, at) => [...pixels.slice(4 * at, 4 * at + 3)]);
  // The voxel that is most anterior and right comes first: it has the label.
  assert.deepEqual(rgb, [[9, 8, 7], [204, 204, 204], [153, 153, 153], [102, 102, 102], [51, 51, 51], [
    0,
    0,
    0,
  ]]);
  assert.deepEqual(middleOf(labels), [0, 1, 2]);
});
