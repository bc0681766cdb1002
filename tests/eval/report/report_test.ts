import assert from "node:assert/strict";
import {
  caseCsv,
  parseCaseCsv,
  readRunFolder,
  reportHtml,
  type RobustnessRecord,
  type RunResults,
  tagRecords,
  testSets,
} from "../../../eval/mod.ts";
import { classes, makeRunFolders } from "../make_run_folder.ts";
import { hostileNames } from "../hostile_names.ts";
import { withoutWarnings } from "../snapshot.ts";

async function withFolders(
  use: (made: Awaited<ReturnType<typeof makeRunFolders>>) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "cmc report é " });
  try {
    await use(await makeRunFolders(root));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("reportHtml() writes one page about six run folders that asks for nothing from elsewhere", async () => {
  await withFolders(async ({ folders, cases }) => {
    const runs = await Promise.all(folders.map((folder) => readRunFolder(folder)));
    const html = withoutWarnings(() => reportHtml(runs, { cases, classes }));
    for (
      const heading of [
        "What was run",
        "Results",
        "Significance",
        "Plots",
        "Best, median and worst case",
        "Slices",
      ]
    ) {
      assert.ok(html.includes(`>${heading}</h2>`), heading);
    }
    assert.match(html, /6 runs, supervised, cmc; made, 7 test cases\./);
    assert.match(html, /<h3>Not significant<\/h3>/);
    const outside = [
      ...html.matchAll(/\b(?:src|href|action|srcset|poster)\s*=\s*["']([^"']+)/g),
      ...html.matchAll(/url\(\s*["']?([^"')]+)/g),
    ].map((m) => m[1]!).filter((target) => !target.startsWith("data:") && !target.startsWith("#"));
    assert.deepEqual(outside, []);
    assert.doesNotMatch(html, /@import|fetch\(|XMLHttpRequest|<link (?!rel="icon" href="data:,")/);
    assert.doesNotMatch(
      html.replaceAll(/data:image[^"]+/g, ""),
      /NaN["<,]|>undefined|"undefined|<script>alert/,
    );
    // A phone sets drawings smaller by the width that their boxes tell, and no table runs off a desk's page.
    const widths = [...html.matchAll(/--width:(\d+)px" tabindex="0">(?:<figure>)?<svg[^>]* width="(\d+)/g)];
    assert.ok(
      widths.length > 8 && widths.every(([, box, drawing]) => box === drawing),
      String(widths.length),
    );
    const rows = html.match(/<tr><th scope="row">.*?<\/tr>/g)!.filter((row) => row.includes('class="sd"'))
      .map((row) => row.match(/<td>/g)!.length);
    assert.ok(Math.max(...rows) >= 6 && Math.max(...rows) <= 9, String(Math.max(...rows)));
    assert.match(html, /&lt;script&gt;alert/);
    assert.match(html, /Content-Security-Policy" content="default-src 'none'; img-src data:;/);
    assert.equal(reportHtml(runs, { cases, classes }), html, "the same runs give the same bytes");
  });
});

Deno.test("reportHtml() of one run has neither tests nor a comparison, and needs no volumes", async () => {
  await withFolders(async ({ folders }) => {
    const html = reportHtml([await readRunFolder(folders[0]!)]);
    assert.ok(!html.includes(">Significance</h2>") && !html.includes(">Slices</h2>"));
    assert.match(html, /<h2>Results<\/h2>/);
  });
});

Deno.test("reportHtml() shows misalignment curves when a run has robustness.csv", async () => {
  await withFolders(async ({ folders }) => {
    const run = await readRunFolder(folders[0]!);
    const robustness = [0, 4].flatMap((level) =>
      run.records.map((r): RobustnessRecord => ({
        ...r,
        run: run.name,
        method: run.method,
        label_ratio: run.label_ratio,
        seed: run.seed,
        perturbation: "translation",
        level,
      }))
    );
    assert.match(reportHtml([{ ...run, robustness }]), />Misalignment<\/h2>/);
  });
});

Deno.test("readRunFolder() reads what a training leaves", async () => {
  await withFolders(async ({ folders }) => {
    const run = await readRunFolder(`${folders[4]!}/`);
    assert.deepEqual([run.name, run.method, run.label_ratio, run.seed], ["cmc-2-s1", "cmc", 0.2, 1]);
    assert.equal(run.records.length, 28);
    assert.equal(run.costs.train_seconds, 121);
    assert.equal(run.costs.inference_ms, null);
    assert.equal(run.log.length, 50);
    const tagged = tagRecords(run.records, { ...run, run: run.name });
    assert.deepEqual(
      parseCaseCsv(caseCsv(tagged)),
      tagged,
      "records hold nothing of the run but its four tags",
    );
  });
});

Deno.test("readRunFolder() says which file is missing or damaged, and reportHtml() refuses doubles", async () => {
  await withFolders(async ({ folders }) => {
    const run = await readRunFolder(folders[0]!);
    assert.throws(() => reportHtml([run, run]), { code: "report.runs" });
    assert.throws(() => reportHtml([]), { code: "report.runs" });
    await Deno.writeTextFile(`${folders[0]}/split.json`, "{");
    await assert.rejects(readRunFolder(folders[0]!), {
      code: "report.run",
      message: /split\.json is no JSON/,
    });
    await Deno.remove(`${folders[1]}/cases.csv`);
    await assert.rejects(readRunFolder(folders[1]!), {
      code: "report.unfinished",
      message: /has no cases\.csv/,
    });
    await Deno.writeTextFile(`${folders[2]}/split.json`, "{}");
    await assert.rejects(readRunFolder(folders[2]!), { code: "report.run" });
  });
});

Deno.test("runs tested on other cases or data sets never share a table", async () => {
  await withFolders(async ({ folders, cases }) => {
    const runs = await Promise.all(folders.map((folder) => readRunFolder(folder)));
    const [a, b, c, d, e, f] = runs as [
      RunResults,
      RunResults,
      RunResults,
      RunResults,
      RunResults,
      RunResults,
    ];
    const dataset = a.config.dataset as Record<string, unknown>;
    const onPhantom = (run: RunResults, seed: number): RunResults => ({
      ...run,
      config: { ...run.config, dataset: { ...dataset, source: { kind: "phantom", options: { seed } } } },
    });
    /** Both modalities out of place in some of its cases. */
    const misaligned = (run: RunResults, ...cases: string[]): RunResults => {
      const { source, ...others } = onPhantom(run, 0).config.dataset as Record<string, unknown>;
      const moved = (base: unknown) => ({ kind: "misaligned", base, options: { cases } });
      return { ...run, config: { ...run.config, dataset: { ...others, source: moved(moved(source)) } } };
    };
    const withHash = (run: RunResults, hash: string): RunResults => ({
      ...run,
      split: { ...run.split, files: Object.fromEntries(run.records.map((r) => [r.case, { a: hash }])) },
    });
    const fewer = (run: RunResults): RunResults => ({
      ...run,
      records: run.records.filter((r) => r.case !== "case_0"),
    });
    // A phone shows an overlay by its id: those of two sets must not have one.
    const both = reportHtml([onPhantom(a, 0), onPhantom(b, 1)], { cases, classes });
    const ids = [...both.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    assert.ok(ids.some((id) => id!.startsWith("overlay-1-0")));
    assert.equal(new Set(ids).size, ids.length);
    const kinds: [string, RunResults[], number][] = [
      ["the same cases", runs, 1],
      ["another phantom", [onPhantom(a, 0), onPhantom(b, 1)], 2],
      ["training cases misaligned", [onPhantom(a, 0), misaligned(b, "train_0")], 1],
      ["a test case misaligned", [onPhantom(a, 0), misaligned(b, "train_0", "case_1")], 2],
      ["another data set", [a, { ...b, config: { ...b.config, dataset: { ...dataset, name: "other" } } }], 2],
      ["other files under the same ids", [withHash(c, "x"), withHash(d, "y")], 2],
      [
        "other labels under the same ids",
        [c, d].map((run, i) => ({
          ...run,
          split: { ...run.split, labelFiles: { case_0: { shared: String(i) } } },
        })),
        2,
      ],
      ["other cases", [e, fewer(f)], 2],
      ["one modality of the same files", [withHash(c, "x"), {
        ...withHash(d, "x"),
        config: { ...d.config, dataset: { ...dataset, modalities: [{ id: "a" }] } },
      }], 1],
    ];
    for (const [kind, chosen, sets] of kinds) {
      assert.equal(testSets(chosen).length, sets, kind);
      const html = reportHtml(chosen);
      assert.equal(html.match(/<h2>Results/g)!.length, sets, kind);
      if (sets > 1) assert.doesNotMatch(html, /Significance/, kind);
    }
    // The doubles of one test set are refused, those of two are not.
    assert.throws(() => reportHtml([a, { ...a, name: "again" }]), { code: "report.runs" });
    assert.match(
      reportHtml([onPhantom(a, 0), { ...onPhantom(a, 1), name: "again" }]),
      /made, seed 1, 7 test cases/,
    );
  });
});

Deno.test("a report of runs and classes with hostile names shows them as text", async () => {
  await withFolders(async ({ folders, cases }) => {
    const runs = await Promise.all(folders.slice(0, 4).map((folder) => readRunFolder(folder)));
    const named = runs.map((run, i) => ({
      ...run,
      name: hostileNames[20 + i]!, // constructor, toString, __proto__
      method: run.method === "cmc" ? "<script>alert(1)</script>" : "__proto__",
      records: run.records.map((r) => ({
        ...r,
        class_name: hostileNames[r.class]!,
        modality: r.modality === "a" ? "__proto__" : "b",
      })),
    }));
    const shown = cases.slice(0, 2).map((c) => ({
      ...c,
      predictions: new Map([[named[1]!.name, c.reference]]),
    }));
    const html = reportHtml(named, {
      cases: shown,
      classes: [{ id: 1, name: "toString" }, { id: 2, name: "</script>" }],
    });
    assert.doesNotMatch(html, /<script>alert/);
    assert.equal(html.match(/<\/script>/g)!.length, html.match(/<script[ >]/g)!.length);
    assert.doesNotMatch(html.replaceAll(/data:image[^"]+/g, ""), /\[native code\]|NaN["<,]|>undefined/);
  });
});
