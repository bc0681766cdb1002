import assert from "node:assert/strict";
import { makeRunFolders } from "../eval/make_run_folder.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

const report = (args: readonly string[]) => runExample("report", args, ".");

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
      [
        "all runs.html",
        ...["table", "tests"].flatMap((name) =>
          ["md", "csv", "tex", "json", "html"].map((ending) => `all runs.${name}.${ending}`)
        ),
      ],
    );
    assert.match(Deno.readTextFileSync(`${root}/all runs.html`), /^<!doctype html>/);
    assert.match(Deno.readTextFileSync(`${root}/all runs.table.tex`), /\\toprule/);
    assert.match(Deno.readTextFileSync(`${root}/all runs.tests.csv`), /p_holm_mean/);
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
    assert.deepEqual([folder.code, /error\[report.folder\].*config\.json/.test(folder.stderr)], [1, true]);
  });
});

Deno.test("report runs/* makes its folder and leaves out what is no finished run, with a word", async () => {
  await inFreshFolder(async (root) => {
    const { folders } = await makeRunFolders(root);
    await Deno.remove(`${folders[0]}/cases.csv`);
    await Deno.mkdir(`${root}/empty`);
    await Deno.writeTextFile(`${root}/old.html`, "");
    const all = [...Deno.readDirSync(root)].map(({ name }) => `${root}/${name}`).sort();
    const { code, stdout, stderr } = await report([...all, "--out", `${root}/new/folder/x.html`, "--json"]);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /warning\[report\.unfinished\]: .*supervised-2-s0 has no cases\.csv; it is left out/,
    );
    assert.match(stderr, /warning\[report\.folder\]: .*empty has no config\.json; it is left out/);
    assert.match(stderr, /warning\[report\.folder\]: .*old\.html has no config\.json; it is left out/);
    assert.equal(JSON.parse(stdout).sets[0].runs.length, 5);
    const alone = await report([folders[0]!, "--out", `${root}/x.html`]);
    assert.match(alone.stderr, /error\[report\.unfinished\].*cases\.csv\n.*--resume/);
  });
});

Deno.test("report shows a run without test cases, alone and beside others", async () => {
  await inFreshFolder(async (root) => {
    const { folders } = await makeRunFolders(root);
    const [untested, tested] = folders as [string, string];
    await Deno.writeTextFile(`${untested}/metrics.json`, JSON.stringify({ test: null, cost: {} }));
    await Deno.writeTextFile(`${untested}/cases.csv`, "");
    for (const runs of [[untested], [untested, tested]]) {
      const { code, stdout, stderr } = await report([...runs, "--out", `${root}/x.html`, "--json"]);
      assert.equal(code, 0, stderr);
      const { written } = JSON.parse(stdout) as { written: string[] };
      assert.equal(written.some((path) => path.endsWith("table.md")), runs.includes(tested));
      assert.match(Deno.readTextFileSync(`${root}/x.html`), /no test case, so there is no table/);
    }
    await Deno.writeTextFile(`${tested}/cases.csv`, "");
    const damaged = await report([tested, "--out", `${root}/y.html`]);
    assert.match(
      damaged.stderr,
      /error\[eval\.cases\].*cases\.csv/,
      "an empty file of a tested run is damage",
    );
  });
});

Deno.test("report writes over none of its inputs and says at once when it cannot write", async () => {
  await inFreshFolder(async (root) => {
    const { folders } = await makeRunFolders(root);
    await Deno.symlink(`${folders[0]}/cases.csv`, `${root}/x.table.csv`);
    const before = await Deno.readTextFile(`${folders[0]}/cases.csv`);
    const { code, stderr } = await report([...folders, "--out", `${root}/x.html`]);
    assert.deepEqual([code, /error\[io\.overwrite\].*cases\.csv/.test(stderr)], [1, true], stderr);
    assert.equal(await Deno.readTextFile(`${folders[0]}/cases.csv`), before);
    const inFile = await report([...folders, "--out", `${folders[0]}/cases.csv/x.html`]);
    assert.match(inFile.stderr, /error\[io\.write\]/);
  });
});

Deno.test("report gives runs with other test cases tables of their own", async () => {
  await inFreshFolder(async (root) => {
    const { folders } = await makeRunFolders(root);
    const config = JSON.parse(await Deno.readTextFile(`${folders[5]}/config.json`));
    await Deno.writeTextFile(
      `${folders[5]}/config.json`,
      JSON.stringify({ ...config, dataset: { ...config.dataset, name: "other" } }),
    );
    const { code, stdout, stderr } = await report([...folders, "--out", `${root}/x.html`, "--json"]);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /warning\[report\.sets\]: .*2 different sets.*1 made, 7 test cases; 2 other, 7 test cases/,
    );
    const { written, sets } = JSON.parse(stdout);
    assert.deepEqual(sets.map((set: { runs: string[] }) => set.runs.length), [5, 1]);
    assert.ok(written.some((path: string) => path.endsWith("x.2.table.md")));
    assert.doesNotMatch(await Deno.readTextFile(`${root}/x.2.table.md`), /supervised/);
  });
});

Deno.test("report tells runs apart whose folders have one name, such as of two label ratios", async () => {
  await inFreshFolder(async (root) => {
    await makeRunFolders(`${root}/r10`);
    await makeRunFolders(`${root}/r50`);
    const config = `${root}/r50/cmc-2-s0/config.json`;
    const other = { ...JSON.parse(await Deno.readTextFile(config)), methodLabel: "cmc, more labels" };
    await Deno.writeTextFile(config, JSON.stringify(other));
    const folders = ["r10", "r50"].map((name) => `${root}/${name}/cmc-2-s0`);
    const { code, stderr } = await report([...folders, "--out", `${root}/report.html`]);
    assert.equal(code, 0, stderr);
    const html = await Deno.readTextFile(`${root}/report.html`);
    assert.match(html, /r10\/cmc-2-s0/);
    assert.match(html, /r50\/cmc-2-s0/);
  });
});
