import assert from "node:assert/strict";
import { sources } from "./sources.ts";

const root = new URL("../../", import.meta.url);

async function deno(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("the package can be published and holds no tests", async () => {
  const { code, text } = await deno("publish", "--dry-run", "--allow-dirty", "--no-check");
  assert.equal(code, 0, text);
  const files = [...text.matchAll(/file:\/\/\S+/g)].map(([url]) => url.slice(root.href.length));
  assert.ok(files.includes("mod.ts") && files.includes("data/loader_worker.ts"), text);
  assert.deepEqual(files.filter((file) => file.startsWith("tests/") || file.startsWith(".")), []);
});

Deno.test("the citation is of this version", async () => {
  const { version, license } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const citation = await Deno.readTextFile(new URL("CITATION.cff", root));
  assert.match(citation, new RegExp(`^version: ${version}$`, "m"));
  assert.match(citation, new RegExp(`^license: ${license}$`, "m"));
});

Deno.test("the lock file holds what the product needs, which a first command loads whole, and nothing of the tests", async () => {
  const { specifiers } = JSON.parse(await Deno.readTextFile(new URL("deno.lock", root)));
  const needed = new Set<string>();
  for (const { path, text } of await sources()) {
    if (!path.endsWith("deps.ts")) continue;
    for (const [specifier] of text.matchAll(/npm:(@[\w.-]+\/)?[\w.-]+@[\w.-]+/g)) needed.add(specifier);
  }
  assert.deepEqual(
    Object.keys(specifiers).filter((specifier) => !needed.has(specifier)),
    [],
    "run tests with --no-lock",
  );
});
