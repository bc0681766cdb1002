/** Recipes and other programs' lists on folders as people have them: what is found, and that nothing is lost unsaid. */

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { caseOf } from "../../data/dataset.ts";
import type { DataError, DataWarning } from "../../data/errors.ts";
import { type FolderPattern, importFolder } from "../../data/import/folder.ts";
import { importManifest } from "../../data/import/import_manifest.ts";
import type { Manifest } from "../../data/manifest.ts";
import { openDataset } from "../../data/open_dataset.ts";
import { withDataset } from "./make_dataset.ts";

/** Runs `use` in a temporary folder with (empty) files of these names. */
async function withFiles(files: readonly string[], use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const file of files) {
      await Deno.mkdir(dirname(`${folder}/${file}`), { recursive: true });
      await Deno.writeFile(`${folder}/${file}`, new Uint8Array(0));
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const two = {
  name: "x",
  modalities: [{ id: "t1", kind: "mr" }, { id: "t2", kind: "mr" }],
  classes: [{ id: 1, name: "a" }],
} as const;

/** `id (subject): images of each modality | labels` of each case. */
function lines({ cases }: Pick<Manifest, "cases">): string[] {
  return cases.map(({ id, subject, images, labels }) =>
    `${id} (${subject}): ${Object.entries(images).map((of) => of.join("=")).join(" ")} | ${
      labels?.shared ?? "-"
    }`
  );
}

interface Kind {
  readonly kind: string;
  readonly files: readonly string[];
  readonly pattern: Partial<FolderPattern> & Pick<FolderPattern, "images">;
  /** Cases that must be found. */
  readonly cases: readonly string[];
  /** What must be said of files left out. */
  readonly left?: readonly string[];
}

const kinds: readonly Kind[] = [
  {
    kind: "BIDS sessions",
    files: ["sub-1/ses-1/anat/sub-1_ses-1_t1.nii.gz", "sub-1/ses-2/anat/sub-1_ses-2_t1.nii.gz"],
    pattern: {
      images: "{subject}/{session}/anat/{subject}_{session}_{modality}.nii.gz",
    },
    cases: [
      "sub-1_ses-1 (sub-1): t1=sub-1/ses-1/anat/sub-1_ses-1_t1.nii.gz | -",
      "sub-1_ses-2 (sub-1): t1=sub-1/ses-2/anat/sub-1_ses-2_t1.nii.gz | -",
    ],
  },
  {
    kind: "optional parts, wildcards, numbers of series and both endings",
    files: [
      "c1/003_ax_t1.nii.gz",
      "c1/12_sag_t2.nii",
      "c2/deep/er/4_t1.nii.gz",
      "c1/seg.nii",
      "c2/seg_v2.nii.gz",
    ],
    pattern: {
      images: "{case}/**/{number}[_*]_{modality}.nii[.gz]",
      labels: "{case}/seg[_v{number}].nii[.gz]",
    },
    cases: [
      "c1 (c1): t1=c1/003_ax_t1.nii.gz t2=c1/12_sag_t2.nii | c1/seg.nii",
      "c2 (c2): t1=c2/deep/er/4_t1.nii.gz | c2/seg_v2.nii.gz",
    ],
  },
  {
    kind: "a modality called otherwise in file names, one whose name begins another's",
    files: ["p1_C0.nii", "p1_C0b.nii"],
    pattern: {
      images: "{case}_{modality}.nii",
      modalities: [{ id: "bssfp", kind: "mr", as: "C0" }, { id: "b", kind: "mr", as: "C0b" }],
    },
    cases: ["p1 (p1): bssfp=p1_C0.nii b=p1_C0b.nii | -"],
  },
  {
    kind: "a pattern for each modality, by ranges of numbers",
    files: ["imTr/amos_0499.nii.gz", "imTr/amos_0500.nii.gz", "imVa/amos_0007.nii.gz", "l/amos_0007.nii.gz"],
    pattern: {
      images: { t1: "im*/amos_{case:0-499}.nii.gz", t2: "im*/amos_{case:500-999}.nii.gz" },
      labels: "l/amos_{case}.nii.gz",
      paired: false,
    },
    cases: [
      "0007 (0007): t1=imVa/amos_0007.nii.gz | l/amos_0007.nii.gz",
      "0499 (0499): t1=imTr/amos_0499.nii.gz | -",
      "0500 (0500): t2=imTr/amos_0500.nii.gz | -",
    ],
  },
  {
    kind: "misnamed labels, labels without an image, a modality nobody listed",
    files: [
      "a_t1.nii",
      "a_t2.nii",
      "a_seg.nii",
      "b_t1.nii",
      "b_t2.nii",
      "b-seg.nii",
      "c_seg.nii",
      "a_pd.nii",
    ],
    pattern: { images: "{case}_{modality}.nii", labels: "{case}_seg.nii" },
    cases: ["a (a): t1=a_t1.nii t2=a_t2.nii | a_seg.nii", "b (b): t1=b_t1.nii t2=b_t2.nii | -"],
    left: [
      "a_pd.nii would be modality pd, which is not listed (t1, t2)",
      "b-seg.nii fits no pattern",
      "c_seg.nii is a label map without an image",
    ],
  },
  {
    kind: "endings of several kinds",
    files: ["a_t1.nii.gz", "a_t2.nii.gz", "b_t1.nii", "c_t1.NII.GZ"],
    pattern: { images: "{case}_{modality}.nii.gz" },
    cases: ["a (a): t1=a_t1.nii.gz t2=a_t2.nii.gz | -"],
    left: [
      "b_t1.nii has another ending than the pattern {case}_{modality}.nii.gz; .nii[.gz] fits both",
      "c_t1.NII.GZ differs from {case}_{modality}.nii.gz in upper and lower case",
    ],
  },
  {
    kind: "files macOS and version control hide",
    files: ["a_t1.nii", "a_t2.nii", "._a_t1.nii", ".git/annex/k_t1.nii", "__MACOSX/b_t1.nii", ".DS_Store"],
    pattern: { images: "{case}_{modality}.nii" },
    cases: ["a (a): t1=a_t1.nii t2=a_t2.nii | -"],
    left: ["._a_t1.nii is hidden: its name starts with a dot, as of the extra files macOS writes"],
  },
  {
    kind: "characters that mean something in patterns",
    files: ["a[1]*_t1.nii", "a[1]*_t2.nii"],
    pattern: { images: "{case}\\[1\\]\\*_{modality}.nii" },
    cases: ["a (a): t1=a[1]*_t1.nii t2=a[1]*_t2.nii | -"],
  },
];

Deno.test("importFolder() finds what a recipe describes and names what it leaves out", async (t) => {
  for (const { kind, files, pattern, cases, left = [] } of kinds) {
    await t.step(kind, () =>
      withFiles(files, async (folder) => {
        const found = await importFolder(folder, { ...two, ...pattern });
        assert.deepEqual(lines(found.manifest), cases);
        assert.deepEqual(found.left.map(({ path, why }) => `${path} ${why}`), left);
        const said = found.warnings.filter(({ code }) => code === "manifest.left-out").map(({ message }) =>
          message
        );
        for (const { path } of found.left) assert.ok(said.some((message) => message.includes(path)), path);
        const incomplete = cases.some((line) => line.split("=").length < 3);
        assert.equal(
          found.warnings.some(({ code }) => code === "manifest.incomplete"),
          incomplete && pattern.paired === undefined,
        );
        assert.equal(found.manifest.paired, !incomplete);
      }));
  }
});

Deno.test("importFolder() refuses patterns that cannot be meant, with the files that show it", async () => {
  const files = ["s1/x_t1.nii", "s2/x_t1.nii", "l/x.nii", "l/x_r1.nii", "l/x_r2.nii"];
  const refusals: [pattern: Partial<FolderPattern> & Pick<FolderPattern, "images">, message: RegExp][] = [
    [
      { images: "{subject}/{case}_{modality}.nii", labels: "l/{case}.nii" },
      /l\/x\.nii would be the labels of s1_x, s2_x/,
    ],
    [{ images: "*/{case}_{modality}.nii" }, /s2\/x_t1\.nii and s1\/x_t1\.nii are both the t1 file of case x/],
    [
      { images: "s1/{case}_{modality}.nii", labels: "l/{case}_*.nii" },
      /l\/x_r2\.nii and l\/x_r1\.nii are both the shared/,
    ],
    [{ images: "{modality}.nii" }, /neither \{case\} nor \{subject\}/],
    [{ images: "{case}.nii" }, /no \{modality\}/],
    [{ images: "{case}_{modality.nii" }, /no \{modality\}/],
    [{ images: "{patient}_{modality}.nii" }, /has \{patient\}, which stands for nothing/],
    [{ images: "{case}[_{modality}.nii" }, /opens a \[/],
    [{ images: "{case}]_{modality}.nii" }, /closes a \]|closes a \[/],
    [{ images: { t3: "{case}.nii" } }, /pattern for t3, which is no modality/],
  ];
  await withFiles(files, async (folder) => {
    for (const [pattern, message] of refusals) {
      await assert.rejects(importFolder(folder, { ...two, ...pattern }), (error: DataError) => {
        assert.equal(error.code, "manifest.pattern", JSON.stringify(pattern));
        assert.match(error.message, message);
        return true;
      });
    }
  });
});

Deno.test("links are followed inside the folder, named where they lead out or nowhere, and never in circles", async () => {
  await withFiles(["store/1", "store/2", "out/d_t1.nii"], async (folder) => {
    await Deno.mkdir(`${folder}/set/.objects`, { recursive: true });
    await Deno.rename(`${folder}/store/1`, `${folder}/set/.objects/1`);
    await Deno.rename(`${folder}/store/2`, `${folder}/set/.objects/2`);
    await Deno.symlink(".objects/1", `${folder}/set/a_t1.nii`);
    await Deno.symlink(".objects/2", `${folder}/set/a_t2.nii`);
    await Deno.symlink(".objects/3", `${folder}/set/b_t1.nii`);
    await Deno.symlink(`${folder}/out/d_t1.nii`, `${folder}/set/d_t1.nii`);
    await Deno.symlink("..", `${folder}/set/loop`);
    await Deno.symlink(".", `${folder}/set/self`);
    const { manifest, left } = await importFolder(`${folder}/set`, {
      ...two,
      images: "{case}_{modality}.nii",
    });
    assert.deepEqual(lines(manifest), ["a (a): t1=a_t1.nii t2=a_t2.nii | -"]);
    assert.deepEqual(left.map(({ path, why }) => `${path} ${why.replace(/,.*/, "")}`), [
      "b_t1.nii is a link to nothing",
      "d_t1.nii is a link that leads out of the folder",
      "loop is a link that leads out of the folder",
    ]);
    await Deno.remove(`${folder}/set/a_t1.nii`);
    await Deno.remove(`${folder}/set/a_t2.nii`);
    await assert.rejects(
      importFolder(`${folder}/set`, { ...two, images: "{case}_{modality}.nii" }),
      (error: DataError) => /is a link/.test(error.message) && /links lead into/.test(error.fix!),
    );
  });
});

/** Imports a description beside some files and returns its cases with what was warned of. */
async function imported(content: unknown, files: readonly string[] = []) {
  const warnings: DataWarning[] = [];
  let manifest: Manifest | undefined;
  await withFiles(files, async (folder) => {
    manifest = await importManifest(
      JSON.stringify(content),
      `${folder}/dataset.json`,
      (of) => warnings.push(of),
    );
  });
  return { manifest: manifest!, warnings: warnings.map(({ code, message }) => `${code}: ${message}`) };
}

const labels = { 0: "background", 1: "one" };
const item = (id: number | string) => ({ image: `i/${id}.nii.gz`, label: `l/${id}.nii.gz` });

Deno.test("a MONAI list keeps every case: validation, testing, items without label, files of one name", async () => {
  const whole = await imported({
    labels,
    training: [item(0), { image: "i/1.nii.gz" }],
    validation: [item(2)],
    testing: [item(3), "i/4.nii.gz"],
  });
  assert.deepEqual(whole.warnings, []);
  assert.deepEqual(whole.manifest.splits, {
    labelled: ["0"],
    unlabelled: ["1", "4"],
    validation: ["2"],
    test: ["3"],
  });

  const part = await imported({
    labels,
    training: [item(0)],
    validation: [item(1)],
    extra: [item(2)],
    folds: 3,
  });
  assert.equal(part.manifest.cases.length, 2);
  assert.equal(part.manifest.splits, undefined);
  assert.equal(part.warnings.length, 2);
  assert.match(part.warnings[0]!, /the list "extra" \(1 entries\) is not used/);
  assert.match(part.warnings[1]!, /^manifest\.split: .*1 cases are for validation/);

  const folds = await imported({ labels, training: [{ ...item(0), fold: 1 }, { ...item(1), fold: 0 }] });
  assert.match(folds.warnings.join(), /folds of 2 cases are not used/);

  const same = await imported({ labels, training: [{ image: "s1/t1.nii" }, { image: "s2/t1.nii" }] });
  assert.deepEqual(same.manifest.cases.map(({ id }) => id), ["s1_t1", "s2_t1"]);

  const several = await imported({
    labels,
    modality: { 0: "T1", 1: "T1" },
    training: [{ image: ["a.nii", "b.nii"] }],
  });
  assert.deepEqual(several.manifest.cases[0]!.images, { t1_0: "a.nii", t1_1: "b.nii" });
  const short = { labels, modality: { 0: "T1", 1: "T2" }, training: [{ image: ["a.nii"] }] };
  await assert.rejects(imported(short), (error: DataError) => error.code.startsWith("manifest."));
  await assert.rejects(
    imported({ training: [item(0)] }),
    (error: DataError) => /labels: expected the name/.test(error.message),
  );
});

Deno.test("a folder of nnU-Net v2 is read; what it has that we have not is refused by name", async () => {
  const files = [
    "imagesTr/a_0000.nii.gz",
    "imagesTr/a_0001.nii.gz",
    "labelsTr/a.nii.gz",
    "imagesTs/b_0000.nii.gz",
  ];
  const description = {
    channel_names: { 0: "T2", 1: "CT" },
    labels: { background: 0, tumour: 2, organ: 1 },
    numTraining: 1,
    file_ending: ".nii.gz",
  };
  const { manifest, warnings } = await imported(description, [
    ...files,
    "imagesTr/b_0002.nii.gz",
    "imagesTs/b_0001.nii.gz",
  ]);
  assert.deepEqual(manifest.modalities, [{ id: "t2", kind: "mr" }, { id: "ct", kind: "ct" }]);
  assert.deepEqual(manifest.classes, [{ id: 1, name: "organ" }, { id: 2, name: "tumour" }]);
  assert.deepEqual(lines(manifest), [
    "a (a): t2=imagesTr/a_0000.nii.gz ct=imagesTr/a_0001.nii.gz | labelsTr/a.nii.gz",
    "b (b): t2=imagesTs/b_0000.nii.gz ct=imagesTs/b_0001.nii.gz | -",
  ]);
  assert.match(warnings.join(), /b_0002\.nii\.gz is not used: it would be modality 0002/);
  const refusals: [change: object, files: readonly string[], code: string][] = [
    [{ labels: { background: 0, whole: [1, 2] } }, files, "manifest.nnunet"],
    [{ labels: { background: 0, ignore: 1 } }, files, "manifest.nnunet"],
    [{ file_ending: ".mha" }, files, "manifest.nnunet"],
    [{}, [], "manifest.nnunet"],
    [{ numTraining: 7 }, files, "manifest.count"],
  ];
  for (const [change, own, code] of refusals) {
    await assert.rejects(
      imported({ ...description, ...change }, own),
      (error: DataError) => error.code === code,
    );
  }
});

Deno.test("names that are the same, or look so, are refused wherever they become a key", async () => {
  const of = (changes: object) => ({
    version: 1,
    name: "x",
    modalities: [{ id: "a", kind: "mr" }],
    classes: [{ id: 1, name: "one" }, { id: 2, name: "two" }],
    paired: true,
    aligned: true,
    cases: [{ id: "c", subject: "s", images: { a: "a.nii" } }],
    ...changes,
  });
  const classes = (...names: string[]) => ({ classes: names.map((name, at) => ({ id: at + 1, name })) });
  const cases = (...ids: string[]) => ({
    cases: ids.map((id) => ({ id, subject: id, images: { a: `${id}.nii` } })),
  });
  const refusals: [changes: object, code: string][] = [
    [classes("kidney", "kidney"), "manifest.classes"],
    [classes("Kidney", "kidney "), "manifest.classes"],
    [classes("rén\u00e9", "re\u0301ne\u0301"), "manifest.classes"],
    [cases("p", "p"), "manifest.case"],
    [cases("P", "p"), "manifest.case"],
    [
      { modalities: [{ id: "a", kind: "mr" }, { id: "A", kind: "mr" }], paired: false },
      "manifest.modalities",
    ],
    [
      { modalities: [{ id: "a", kind: "mr" }, { id: "shared", kind: "mr" }], paired: false },
      "manifest.modalities",
    ],
    [cases("__proto__"), "manifest.schema"],
  ];
  for (const [changes, code] of refusals) {
    await assert.rejects(
      imported(of(changes)),
      (error: DataError) => error.code === code,
      JSON.stringify(changes),
    );
  }
  await imported(of(classes("constructor", "__proto__")));
});

Deno.test("a modality called constructor is there only where it was put", async () => {
  await withDataset(2, async (folder, manifest) => {
    manifest.modalities = [{ id: "constructor", kind: "mr" }, { id: "toString", kind: "mr" }];
    manifest.paired = false;
    manifest.cases.forEach((of, i) => {
      of.id = ["hasOwnProperty", "valueOf"][i]!;
      of.images = i === 0 ? { constructor: "a/case_0.nii.gz" } : { toString: "b/case_1.nii.gz" };
    });
    await Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify(manifest));
    const set = await openDataset(folder);
    for (const id of ["hasOwnProperty", "valueOf"]) {
      assert.equal((await set.loadImages(caseOf(set, id))).length, 1);
      assert.equal((await set.loadLabels(caseOf(set, id) as never)).length, 1);
    }
    const one = await openDataset(folder, { modalities: ["toString"] });
    assert.deepEqual([one.cases.map(({ id }) => id), one.paired], [["valueOf"], true]);
    await assert.rejects(
      openDataset(folder, { modalities: ["t1"] }),
      (error: DataError) => error.code === "config.modality",
    );
  });
});
