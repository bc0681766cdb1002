/** Seeded damage to headers, gzip streams and manifests: the outcome is success or a typed error, nothing else. */

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { CodedError } from "../../data/errors.ts";
import { importManifest } from "../../data/import/import_manifest.ts";
import { readImage, readLabels, readNifti } from "../../data/nifti/read.ts";
import { Random } from "../../tensor/random.ts";
import { manifestOf } from "./make_dataset.ts";
import { makeNifti } from "./make_nifti.ts";
import { MemoryFiles } from "./memory_files.ts";

const count = 2000;

/** Changes a few bytes, or cuts the end off, or repeats a part. */
function damage(bytes: Uint8Array, random: Random, within = bytes.length): Uint8Array {
  const out = bytes.slice();
  const interesting = [0, 1, 0x7f, 0x80, 0xff];
  for (let i = 0; i <= random.integer(4); i++) {
    const value = random.uniform() < 0.5 ? interesting[random.integer(5)]! : random.integer(256);
    out[random.integer(within)] = value;
  }
  const kind = random.uniform();
  if (kind < 0.1) return out.slice(0, random.integer(out.length + 1));
  if (kind < 0.2) out.copyWithin(random.integer(out.length), random.integer(out.length));
  return out;
}

/** Runs all mutations and asserts outcome, time and memory. */
async function survive(attempt: (random: Random) => Promise<unknown>): Promise<void> {
  const outcomes = new Map<string, number>();
  const before = Deno.memoryUsage().external;
  let slowest = 0, largest = 0;
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    let outcome = "success";
    await attempt(new Random(i)).catch((error) => {
      assert.ok(
        error instanceof CodedError,
        `mutation ${i}: ${error instanceof Error ? error.stack : error}`,
      );
      outcome = error.code;
    });
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    slowest = Math.max(slowest, performance.now() - start);
    largest = Math.max(largest, Deno.memoryUsage().external - before);
  }
  console.log([...outcomes].sort(([, a], [, b]) => b - a).map(([code, n]) => `${code} ${n}`).join(", "));
  assert.ok(slowest < 2000, `a mutation took ${slowest} ms`);
  assert.ok(largest < 200 * 2 ** 20, `${largest} bytes of arrays`);
  assert.ok(outcomes.size > 3 && (outcomes.get("success") ?? 0) > 0);
}

const readers = [
  readNifti,
  readImage,
  (path: string, { files }: { files: MemoryFiles }) => readLabels(path, undefined, { files }),
];
const read = (path: string, bytes: Uint8Array, random: Random) =>
  readers[random.integer(3)]!(path, { files: new MemoryFiles({ [path]: bytes }) });

Deno.test(`${count} damaged headers`, () =>
  survive((random) => {
    const version = random.uniform() < 0.5 ? 1 : 2;
    const bytes = makeNifti({ version, littleEndian: random.uniform() < 0.7, datatype: 2 });
    return read("a.nii", damage(bytes, random, version === 1 ? 348 : 540), random);
  }));

Deno.test(`${count} damaged gzip streams`, () =>
  survive((random) => read("a.nii.gz", damage(gzipSync(makeNifti()), random), random)));

Deno.test(`${count} damaged manifests`, () => {
  const texts = [
    manifestOf(3),
    {
      name: "d",
      modality: { 0: "FLAIR", 1: "T1c" },
      labels: { 0: "background", 2: "x" },
      training: [{ image: "./a.nii.gz", label: "./b.nii.gz" }],
      test: ["./c.nii.gz"],
    },
    {
      labels: { 0: "background", 1: "spleen" },
      training: [{
        img_CT: "i/a_CT.nii.gz",
        mask_CT: "m/a_CT.nii.gz",
        img_MRI: "i/a_MRI.nii.gz",
        mask_MRI: "m/a_MRI.nii.gz",
      }],
    },
  ].map((of) => new TextEncoder().encode(JSON.stringify(of)));
  return survive((random) => {
    const mutated = damage(texts[random.integer(3)]!, random);
    return importManifest(new TextDecoder().decode(mutated), "m.json");
  });
});
