import assert from "node:assert/strict";
import { makeRunFolders } from "../eval/make_run_folder.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

Deno.test("compare tells groups apart by name where they have one method, and leaves out what is unfinished", async () => {
  await inFreshFolder(async (root) => {
    await makeRunFolders(`${root}/old`);
    await makeRunFolders(`${root}/new`);
    await Deno.remove(`${root}/new/cmc-2-s2/metrics.json`);
    await Deno.remove(`${root}/old/supervised-2-s0`, { recursive: true });
    await Deno.remove(`${root}/old/supervised-2-s1`, { recursive: true });
    await Deno.remove(`${root}/old/supervised-2-s2`, { recursive: true });
    const args = ["before=old", "new", "--out", "all", "--json"];
    const { code, stdout, stderr } = await runExample("compare", args, root);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /warning\[report\.unfinished\]: new\/cmc-2-s2 is not finished/);
    assert.ok(JSON.parse(stdout).written.includes("all/tests.tex"));
    const csv = await Deno.readTextFile(`${root}/all/results.csv`);
    const rows = csv.trimEnd().split("\n").slice(1).map((line) => line.split(",")[1]);
    assert.deepEqual(rows, ["before: cmc", "new: cmc", "supervised"]);
    assert.match(await Deno.readTextFile(`${root}/all/tests.md`), /supervised − before: cmc/);
    const { stdout: shown } = await runExample("compare", ["before=old", "new", "--out", "again"], root);
    const lines = shown.split("\n").filter((line) => line.startsWith("|"));
    const longest = Math.max(...lines.map((line) => line.length));
    assert.ok(lines.length > 5 && longest < 150, `a terminal breaks a line of ${longest}`);
    assert.equal(lines.filter((line) => line.includes(" average ")).length, 1);
    const unknown = await runExample("compare", [...args.slice(0, 4), "--baseline", "none"], root);
    assert.match(unknown.stderr, /^error\[report\.baseline\]/m);
    const empty = await runExample("compare", ["all", "--out", "x"], root);
    assert.match(empty.stderr, /^error\[report\.folder\]: all holds no finished run/m);
  });
});
