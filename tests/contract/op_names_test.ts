/** A group of ops has one name: its rows, its kernels on each device and their files are called the same. */

import assert from "node:assert/strict";
import { sources } from "./sources.ts";

/** `sum_of_squares.ts` of a folder as `sumOfSquares`. */
const groupOf = (path: string): string =>
  path.replace(/^.*\/|\.ts$/g, "").replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

Deno.test("kernels on the CPU are in files that are named as the file of their rows", async () => {
  const all = await sources();
  const groups = new Set(
    all.filter(({ path }) => path.startsWith("tensor/ops/")).map(({ path }) => groupOf(path)),
  );
  const tables = all.filter(({ path, text }) =>
    /^tensor\/cpu\/(reference|wasm)\//.test(path) && !path.endsWith("/kernels.ts") &&
    /export (const|function) \w+Kernels\b/.test(text)
  );
  assert.ok(tables.length > 20);
  for (const { path, text } of tables) {
    assert.ok(groups.has(groupOf(path)), `${path}: no file of that name in tensor/ops/`);
    assert.match(text, new RegExp(`export (const|function) ${groupOf(path)}Kernels\\b`), path);
  }
});

Deno.test("WGSL kernels are in files that are named as the file of their rows, but for parts of a group", async () => {
  const all = await sources();
  const table = all.find(({ path }) => path === "tensor/webgpu/kernels/kernels.ts")!;
  const parts = ["./weight_gradient.ts"]; // of conv3d, which is long
  for (const specifier of table.specifiers.filter((name) => name.startsWith("./") && !parts.includes(name))) {
    const row = `tensor/ops/${specifier.slice(2)}`;
    assert.ok(all.some(({ path }) => path === row), `webgpu/kernels/${specifier.slice(2)}: no ${row}`);
  }
});
