/**
 * Seeded damage to every kind of file that is read: the outcome is success or a typed error, nothing else, in bounded
 * time and memory. `CMC_MUTATIONS=20000 deno test -A tests/data/mutations_test.ts` tries more than the 2,000 of each.
 */

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { CodedError } from "../../data/errors.ts";
import { importManifest } from "../../data/import/import_manifest.ts";
import { parseJson } from "../../data/json.ts";
import { parseManifest } from "../../data/manifest.ts";
import { readImage, readLabels, readNifti } from "../../data/nifti/read.ts";
import { datasetOf } from "../../data/open_dataset.ts";
import { checkSplit, splitByLabelRatio } from "../../data/split.ts";
import { readSplit } from "../../data/split_file.ts";
import { parseCaseCsv } from "../../eval/mod.ts";
import { resolveConfig, type TrainOptions } from "../../model/mod.ts";
import { Random } from "../../tensor/random.ts";
import { decodeSafetensors, encodeSafetensors } from "../../tensor/safetensors.ts";
import { manifestOf } from "./make_dataset.ts";
import { makeNifti } from "./make_nifti.ts";
import { MemoryFiles } from "./memory_files.ts";

const count = Number(Deno.env.get("CMC_MUTATIONS") ?? 2000);

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

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What stands where something else is expected. */
const wrongValues: readonly Json[] = [
  null,
  true,
  -1,
  0,
  1e300,
  0.5,
  "",
  "x",
  "../x",
  "__proto__",
  [],
  [null],
  {},
  { a: {} },
];

/** JSON in which one value is another one, missing, moved, repeated or under another key. */
function changeJson(value: Json, random: Random): Json {
  const places: { holder: Json[] | { [key: string]: Json }; key: string | number }[] = [];
  const copy = structuredClone(value);
  const walk = (holder: Json) => {
    if (typeof holder !== "object" || holder === null) return;
    for (const key of Object.keys(holder)) {
      const place = { holder, key: Array.isArray(holder) ? Number(key) : key };
      places.push(place);
      walk((holder as { [key: string]: Json })[key]!);
    }
  };
  walk(copy);
  const { holder, key } = places[random.integer(places.length)]!;
  const record = holder as { [key: string]: Json };
  const other = places[random.integer(places.length)]!;
  const kind = random.integer(5);
  if (kind === 0) delete record[key];
  else if (kind === 1) record[key] = structuredClone((other.holder as typeof record)[other.key]!);
  else if (kind === 2) {
    const name = ["constructor", "extra", "__proto__", "images", "0"][random.integer(5)]!;
    Object.defineProperty(record, name, {
      value: record[key],
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else record[key] = structuredClone(wrongValues[random.integer(wrongValues.length)]!);
  return copy;
}

/** The bytes of one of some documents, damaged or changed. */
function changed(documents: readonly unknown[], random: Random): Uint8Array {
  const document = documents[random.integer(documents.length)] as Json;
  const text = (of: Json) => new TextEncoder().encode(JSON.stringify(of));
  if (random.uniform() < 0.25) return damage(text(document), random);
  let value = document;
  for (let i = 0; i <= random.integer(3); i++) value = changeJson(value, random) ?? {};
  return text(value);
}

/** Runs all mutations and asserts outcome, time and memory. */
async function survive(attempt: (random: Random) => Promise<unknown>, kinds = 3): Promise<void> {
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
  assert.ok(outcomes.size > kinds && (outcomes.get("success") ?? 0) > 0);
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

const decathlon = {
  name: "d",
  modality: { 0: "FLAIR", 1: "T1c" },
  labels: { 0: "background", 2: "x" },
  training: [{ image: "./a.nii.gz", label: "./b.nii.gz", fold: 1 }, { image: ["e.nii.gz", "f.nii.gz"] }],
  validation: [{ image: "./c.nii.gz", label: "./c.nii.gz" }],
  test: ["./d.nii.gz"],
};
const cmcList = {
  labels: { 0: "background", 1: "spleen" },
  training: [{
    img_CT: "i/a_CT.nii.gz",
    mask_CT: "m/a_CT.nii.gz",
    img_MRI: "i/a_MRI.nii.gz",
    mask_MRI: "m/a_MRI.nii.gz",
  }],
};
const split = { labelled: ["case_0"], unlabelled: ["case_1"], validation: [], test: ["case_2"] };
const nnunet = {
  channel_names: { 0: "T1" },
  labels: { background: 0, a: 1 },
  numTraining: 1,
  file_ending: ".nii.gz",
};
const recipe = {
  name: "r",
  images: "{case}/[{number}_]{modality}.nii[.gz]",
  labels: { shared: "{case}/seg.nii" },
  modalities: [{ id: "a", kind: "mr", as: "A" }, { id: "b", kind: "ct" }],
  classes: [{ id: 1, name: "one" }],
  labelMap: { 0: 0, 7: 1 },
  splits: split,
};

Deno.test(`${count} damaged manifests, lists and recipes`, async () => {
  const folder = await Deno.makeTempDir();
  for (
    const file of ["x/A.nii", "x/3_b.nii.gz", "x/seg.nii", "imagesTr/c_0000.nii.gz", "labelsTr/c.nii.gz"]
  ) {
    await Deno.mkdir(`${folder}/${file.split("/")[0]}`, { recursive: true });
    await Deno.writeFile(`${folder}/${file}`, new Uint8Array(0));
  }
  const documents = [{ ...manifestOf(3), splits: split }, decathlon, cmcList, nnunet, recipe];
  await survive(async (random) => {
    const text = new TextDecoder().decode(changed(documents, random));
    const manifest = await importManifest(text, `${folder}/dataset.json`);
    const set = datasetOf(manifest, folder);
    if (set.split !== undefined) checkSplit(set, set.split);
    else splitByLabelRatio(set, { ratio: 0.5, seed: 0, validation: 0, test: 0 });
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test(`${count} damaged splits`, () =>
  survive(async (random) => {
    const files = new MemoryFiles({
      "s.json": changed([{ ...split, sha256: "x", labelRatio: 0.5 }], random),
    });
    const found = await readSplit("s.json", files);
    checkSplit(datasetOf(parseManifest(JSON.stringify(manifestOf(3)), "m"), "."), found);
  }));

Deno.test(`${count} damaged settings`, () =>
  survive(async (random) => {
    const settings = await Promise.resolve(
      resolveConfig({ patch: [16, 16, 16], steps: 5, settings: { cscWeight: 1, cacWeight: 0 } }),
    );
    const text = new TextDecoder().decode(changed([settings], random));
    resolveConfig(parseJson(text, "config.json") as TrainOptions);
  }));

Deno.test(`${count} damaged case tables`, () => {
  const csv = "case,modality,class,class_name,status,dice,assd_mm\n" +
    'a,ct,1,"liver, left",ok,0.9,1.25\nb,mr,2,腎,missed,0,\n';
  return survive(async (random) => {
    const text = new TextDecoder().decode(damage(new TextEncoder().encode(csv), random));
    await Promise.resolve(parseCaseCsv(text));
  }, 1);
});

Deno.test(`${count} damaged safetensors`, () => {
  const bytes = encodeSafetensors(
    new Map([
      ["a.weight", { shape: [2, 3], data: new Float32Array(6) }],
      ["b", { shape: [4], data: new Int32Array(4) }],
    ]),
    new Map([["info", "{}"]]),
  );
  const start = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  return survive(async (random) => {
    const kind = random.uniform();
    if (kind < 0.3) return await Promise.resolve(decodeSafetensors(damage(bytes, random, start)));
    if (kind < 0.4) return await Promise.resolve(decodeSafetensors(damage(bytes, random)));
    const json = changed([header], random), whole = new Uint8Array(8 + json.length + bytes.length - start);
    new DataView(whole.buffer).setBigUint64(0, BigInt(json.length), true);
    whole.set(json, 8);
    whole.set(bytes.subarray(start), 8 + json.length);
    decodeSafetensors(whole);
  });
});
