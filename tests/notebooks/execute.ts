/**
 * Executes the notebooks in a Jupyter client with Deno's kernel, writes each as a page and a picture of it, and says
 * what kinds of output it has. Needs `jupyter-nbconvert`, `python3-nbclient` and `chromium` (Debian), and
 * `deno jupyter --install`.
 *
 * ```sh
 * deno run -A tests/notebooks/execute.ts OUT [NAME…]
 * ```
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Chromium } from "../browser/chromium.ts";
import { folder, names, readNotebook } from "./cells.ts";

const [out, ...chosen] = Deno.args;
assert.ok(out, "name a folder to write into");
await Deno.mkdir(out, { recursive: true });
const target = await Deno.realPath(out);

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(`/usr/bin/${program}`, {
    args,
    env: { NO_COLOR: "1" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

const client = fileURLToPath(new URL("execute_cells.py", import.meta.url));
const place = fileURLToPath(folder); // cells run where the notebook lies, and import from there

await using browser = await Chromium.start({ width: 1100, height: 900 });
for (const name of chosen.length > 0 ? chosen : names) {
  const start = performance.now();
  await run("python3", client, place, `${place}${name}.ipynb`, `${target}/${name}.ipynb`);
  const { cells } = await readNotebook(`${target}/${name}.ipynb`);
  const outputs = cells.flatMap(({ outputs = [] }) => outputs);
  assert.ok(outputs.every(({ output_type }) => output_type !== "error"));
  for (const { source, outputs } of cells) {
    const code = source.join("");
    assert.ok(!/^(show|overlay)\(/m.test(code) || outputs!.length > 0, `${name}: nothing came of ${code}`);
  }
  const kinds = Map.groupBy(outputs.flatMap(({ data = {} }) => Object.keys(data)), (kind) => kind);
  const counts = [...kinds].map(([kind, all]) => `${all.length} ${kind}`).join(", ");
  console.log(
    `${name}: ${cells.length} cells, ${((performance.now() - start) / 1000).toFixed(0)} s; ${counts}`,
  );
  await run("jupyter", "nbconvert", "--to", "html", "--output-dir", target, `${target}/${name}.ipynb`);
  await browser.open(new URL(`file://${target}/${name}.html`).href);
  await browser.screenshot(`${target}/${name}.png`);
}
