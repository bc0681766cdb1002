import assert from "node:assert/strict";
import { makeRunFolders } from "../eval/make_run_folder.ts";
import { inFreshFolder } from "./run_example.ts";

async function report(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const program = new URL("../../examples/report.ts", import.meta.url).pathname;
  const flags = ["run", "--quiet", "--no-check", "--no-prompt", "--allow-read", "--allow-write"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...flags, program, ...args],
  })
    .output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("report writes one page and the table in every format", async () => {
  await inFreshFolder(async (root) => {
    const { folders } = await makeRunFolders(root);
    const { code, stdout, stderr } = await report([
      ...folders,
      "--out",
      `${root}/all runs.html`,
      "--json",
    ]);
    assert.equal(code, 0, stderr);
    const { written } = JSON.parse(stdout);
    assert.deepEqual(
      written.map((path: string) => path.slice(root.length + 1)),
      ["all runs.html", ...["md", "csv", "tex", "json", "html"].map((ending) => `all runs.table.${ending}`)],
    );
    assert.match(Deno.readTextFileSync(`${root}/all runs.html`), /^<!doctype html>/);
    assert.match(Deno.readTextFileSync(`${root}/all runs.table.tex`), /\\toprule/);
  });
});

Deno.test("report refuses no runs, an unknown baseline and a folder that is no run", async () => {
  await inFreshFolder(async (root) => {
    const { folders } = await makeRunFolders(root);
    const out = ["--out", `${root}/report.html`];
    assert.equal((await report(out)).code, 2);
    const baseline = await report([...folders, ...out, "--baseline", "none"]);
    assert.deepEqual([baseline.code, /error\[report.baseline\]/.test(baseline.stderr)], [1, true]);
    const folder = await report([root, ...out]);
    assert.deepEqual([folder.code, /error\[report.run\].*config\.json/.test(folder.stderr)], [1, true]);
  });
});
