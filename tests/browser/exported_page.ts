/**
 * Opens an exported page from the disk in headless Chromium, lets it segment a case, and compares what it saves with
 * what `predict` writes, voxel by voxel; counts what the page and its worker ask of a network.
 *
 * ```sh
 * deno run -A tests/browser/exported_page.ts --checkpoint best.safetensors --image mr=a.nii.gz \
 *   --device cpu --screenshot page.png
 * ```
 */

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { readLabels, rowMajor } from "../../data/mod.ts";
import { Chromium } from "./chromium.ts";

const { values } = parseArgs({
  options: {
    checkpoint: { type: "string" },
    image: { type: "string", multiple: true },
    device: { type: "string", default: "cpu" },
    screenshot: { type: "string" },
    width: { type: "string", default: "1200" },
    flag: { type: "string", multiple: true, default: [] },
  },
});
const { checkpoint, image: images = [], device, screenshot } = values;
assert.ok(checkpoint && images.length > 0, "give --checkpoint and --image MODALITY=FILE");
const root = new URL("../../", import.meta.url).pathname;

async function example(name: string, ...args: string[]): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: ["run", "-A", "--no-check", `${root}examples/${name}.ts`, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim().split("\n");
}

const folder = await Deno.makeTempDir({ prefix: "exported page " });
const page = `${folder}/page.html`;
await example("export", "--checkpoint", checkpoint, "--format", "html", "--out", page);
console.log(
  `page: ${(await Deno.stat(page)).size} bytes; checkpoint: ${(await Deno.stat(checkpoint)).size} bytes`,
);
const ours = await example(
  "predict",
  ...["--checkpoint", checkpoint, "--device", "cpu", "--out", `${folder}/labels.nii.gz`],
  ...images.flatMap((image) => ["--image", image]),
);

await using browser = await Chromium.start({ width: Number(values.width), extra: values.flag });
await browser.open(new URL(`file://${page}`).href);
for (const image of images) {
  const at = image.indexOf("=");
  const path = await Deno.realPath(image.slice(at + 1));
  await browser.setFiles(`input[data-modality="${image.slice(0, at)}"]`, [path]);
}
await browser.until(`!document.getElementById("run").disabled`, 10);
await browser.evaluate(`document.getElementById("device").value = ${JSON.stringify(device)};
  document.getElementById("run").click()`);
await browser.until(`/done|failed/.test(document.getElementById("status").dataset.state)`, 540);
const said = (id: string) => browser.evaluate<string>(`document.getElementById("${id}").textContent`);
console.log(`${await said("status")}; ${await said("where")}`);
console.log("console of the page:", browser.console.length === 0 ? "nothing" : browser.console);
if (screenshot) await browser.screenshot(screenshot);

const shown = await browser.evaluate<number>(`document.getElementById("shown").options.length`);
assert.equal(shown, ours.length, "the page shows as many label maps as predict writes");
let different = 0;
for (let at = 0; at < shown; at++) {
  await browser.evaluate(`document.getElementById("shown").value = ${at};
    delete document.getElementById("save").dataset.name;
    document.getElementById("save").click()`);
  await browser.until(`document.getElementById("save").dataset.name !== undefined`, 10);
  const name = await browser.evaluate<string>(`document.getElementById("save").dataset.name`);
  const theirs = await readLabels(await browser.downloaded(name)), mine = await readLabels(ours[at]!);
  assert.deepEqual(theirs.affine, mine.affine);
  assert.deepEqual([...theirs.header.raw], [...mine.header.raw], "the header");
  const [a, b] = [rowMajor(theirs), rowMajor(mine)];
  const unlike = a.reduce((sum, label, voxel) => sum + Number(label !== b[voxel]), 0);
  const counts = [...new Set(b)].sort().map((label) =>
    `${b.filter((value) => value === label).length} of ${label}`
  );
  console.log(`${name}: ${unlike} of ${a.length} voxels differ from predict (${counts.join(", ")})`);
  different += unlike;
}
const outside = browser.requests.filter((url) => !/^(file|blob|data):/.test(url));
console.log(`requests: ${browser.requests.length}, to a network: ${outside.length} ${outside.join(" ")}`);
await Deno.remove(folder, { recursive: true });
assert.equal(outside.length, 0);
// Another device rounds otherwise; only the processor's kernels are the same program.
if (device === "cpu") assert.equal(different, 0);
