import assert from "node:assert/strict";
import { type Source, sources, target } from "./sources.ts";

const product = (await sources()).filter(({ path }) => !path.startsWith("tests/"));

/** Circles that are there, by one file of each. The list may shrink, never grow. */
const known = [
  "tensor/tensor.ts", // tensors have ops as methods, and ops make tensors
  "data/volume.ts",
];

/** Groups of files that import each other, types included: Tarjan's strongly connected components. */
function circles(files: readonly Source[]): string[][] {
  const known = new Map(files.map(({ path, specifiers }) => [
    path,
    specifiers.filter((specifier) => specifier.startsWith(".")).map((s) => target(path, s)),
  ]));
  const found: string[][] = [], number = new Map<string, number>(), low = new Map<string, number>();
  const stack: string[] = [], open = new Set<string>();
  const visit = (path: string) => {
    number.set(path, number.size);
    low.set(path, number.get(path)!);
    stack.push(path);
    open.add(path);
    for (const next of known.get(path)!) {
      if (!known.has(next)) continue;
      if (!number.has(next)) visit(next);
      else if (!open.has(next)) continue;
      low.set(path, Math.min(low.get(path)!, low.get(next)!));
    }
    if (low.get(path) !== number.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    for (const member of group) open.delete(member);
    if (group.length > 1) found.push(group.sort());
  };
  for (const path of known.keys()) if (!number.has(path)) visit(path);
  return found;
}

Deno.test("no two files import each other, directly or around a circle", () => {
  const found = circles(product);
  assert.deepEqual(found.filter((group) => !group.some((path) => known.includes(path))), []);
});

Deno.test("the circle check sees three files that import each other in a ring", () => {
  const file = (path: string, to: string) => ({ path, text: "", specifiers: [to] });
  const ring = [file("a/1.ts", "../b/2.ts"), file("b/2.ts", "./3.ts"), file("b/3.ts", "../a/1.ts")];
  assert.deepEqual(circles([...ring, file("c/4.ts", "../a/1.ts")]), [["a/1.ts", "b/2.ts", "b/3.ts"]]);
});
