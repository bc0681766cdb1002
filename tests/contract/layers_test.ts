import assert from "node:assert/strict";
import { type Source, sources, target } from "./sources.ts";

const all = await sources();
const product = all.filter(({ path }) => !path.startsWith("tests/"));
const leaves = ["tensor/random.ts", "tensor/errors.ts", "tensor/ignored_label.ts"];

/** Trainer, plan, inference and run folders join the layers below, and know each other. */
const joins = (to: string) => /^(tensor|losses|model|data|eval)\//.test(to);

/** Which folders each layer may import besides itself. */
const allowed: Record<string, (to: string, from: string) => boolean> = {
  "tensor/": () => false,
  "losses/": (to) => to.startsWith("tensor/"),
  "data/": (to) => leaves.includes(to),
  "eval/": (to) => leaves.includes(to),
  "model/train/": joins,
  "model/inference/": joins,
  "model/export/": joins,
  "model/plan/": joins,
  "model/run/": (to) => joins(to) || to === "deno.json", // its version
  "model/sweep/": joins,
  "model/": (to, from) => to.startsWith("tensor/") || to.startsWith("losses/") || from === "model/mod.ts",
  "examples/": () => true,
};

function layerOf(path: string): string | undefined {
  return Object.keys(allowed).find((layer) => path.startsWith(layer));
}

/** Imports that point against the arrows. */
function violations(files: readonly Source[]): string[] {
  return files.flatMap(({ path, specifiers }) => {
    const layer = layerOf(path);
    if (layer === undefined) return [];
    return specifiers.filter((specifier) => specifier.startsWith(".")).map((s) => target(path, s))
      .filter((to) => !(layerOf(to) === layer || allowed[layer]!(to, path)))
      .map((to) => `${path} imports ${to}`);
  });
}

Deno.test("layers point one way", () => {
  assert.deepEqual(violations(product), []);
});

Deno.test("the layer check sees an import against the arrows", () => {
  const wrong = { path: "data/x.ts", text: "", specifiers: ["../tensor/tensor.ts"] };
  assert.deepEqual(violations([wrong]), ["data/x.ts imports tensor/tensor.ts"]);
});

Deno.test("the leaves that every layer may import have no imports outside tensor/errors.ts", () => {
  for (const leaf of leaves) {
    const { specifiers } = all.find(({ path }) => path === leaf)!;
    assert.deepEqual(specifiers, [], leaf);
  }
});

Deno.test("every specifier is relative, a node built-in, or npm with an exact version in a deps.ts", () => {
  for (const { path, specifiers } of product) {
    for (const specifier of specifiers) {
      if (specifier.startsWith("./") || specifier.startsWith("../") || specifier.startsWith("node:")) {
        continue;
      }
      assert.match(specifier, /^npm:(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/.*)?$/, `${path}: ${specifier}`);
      assert.ok(path.endsWith("/deps.ts"), `${path} imports ${specifier}; only a deps.ts may`);
    }
  }
});

Deno.test("no file is over 500 lines, but for those that say why at their top", () => {
  for (const { path, text } of all) {
    const lines = text.split("\n").length - 1;
    if (lines > 500) {
      assert.match(text.slice(0, 1500), /over 500 lines because/i, `${path} has ${lines} lines`);
    }
  }
});

Deno.test("no file is a drawer of leftovers", () => {
  for (const { path } of all) assert.doesNotMatch(path, /(utils?|helpers?|misc)\.ts$/);
});
