import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import * as everyday from "../../mod.ts";

/** What a reader can take in; whoever wants more finds it by folder. */
const most = 65;

Deno.test("the main module has the names of everyday, and every folder an entry of its own for the rest", async () => {
  const names = Object.keys(everyday);
  assert.ok(names.length <= most, `${names.length} names: ${names.join(", ")}`);
  const folders = Object.values(project.exports).filter((path) => path !== "./mod.ts");
  const all = await Promise.all(
    folders.map((path) => import(new URL(`../../${path}`, import.meta.url).href)),
  );
  for (const name of names) {
    const value = everyday[name as keyof typeof everyday];
    assert.ok(all.some((folder) => folder[name] === value), `${name} is in no folder's own entry`);
  }
});
