import assert from "node:assert/strict";
import { scalingAffine, volumeFrom, writeNifti } from "../../data/mod.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

/** A label volume with a block of class 1 and one of class 2. */
async function writeBlocks(path: string, from: number, second = true): Promise<void> {
  const data = new Uint8Array(8 * 8 * 4);
  for (let x = from; x < from + 4; x++) {
    for (let y = 1; y < 5; y++) {
      for (let z = 1; z < 3; z++) {
        data[(x * 8 + y) * 4 + z] = 1;
        if (second && x === from) data[(x * 8 + y + 2) * 4 + z] = 2;
      }
    }
  }
  await writeNifti(path, volumeFrom(data, [8, 8, 4], scalingAffine([1, 1, 2])));
}

async function writeFolders(root: string): Promise<string[]> {
  await Deno.mkdir(`${root}/pred`);
  await Deno.mkdir(`${root}/ref`);
  for (const id of ["case_a", "case_b"]) {
    await writeBlocks(`${root}/ref/${id}.nii.gz`, 1);
    for (const modality of ["ct", "mr"]) {
      await writeBlocks(`${root}/pred/${id}_${modality}.nii.gz`, 2, modality === "ct");
    }
  }
  return ["--pred", `${root}/pred`, "--ref", `${root}/ref`];
}

Deno.test("evaluate judges folders of NIfTI by case and modality, as JSON", async () => {
  await inFreshFolder(async (root) => {
    const { code, stdout } = await runExample("evaluate", [
      ...await writeFolders(root),
      "--classes",
      "1,2",
      "--json",
    ], root);
    assert.equal(code, 0);
    const { definitions, cases, summary } = JSON.parse(stdout);
    assert.equal(cases.length, 2 * 2 * 2);
    assert.match(definitions.surface, /6-connectivity/);
    const [first] = cases;
    assert.deepEqual([first.case, first.modality, first.class], ["case_a", "ct", 1]);
    for (const name of ["dice", "assd_mm", "asd_pred_to_ref_mm", "asd_ref_to_pred_mm", "hd95_mm", "nsd"]) {
      assert.equal(typeof first[name], "number", name);
    }
    assert.equal(cases.filter((c: { status: string }) => c.status === "missed").length, 2);
    assert.equal(typeof summary.mean.dice, "number");
  });
});

Deno.test("evaluate prints a table and writes cases, tables and a plot", async () => {
  await inFreshFolder(async (root) => {
    const { code, stdout } = await runExample("evaluate", [
      ...await writeFolders(root),
      "--out",
      `${root}/out`,
    ], root);
    assert.equal(code, 0);
    assert.match(stdout, /\| mr +\| 2 +\| 0\.000 ± 0\.000 \(n=2, 2 missed\)/);
    const written = [...Deno.readDirSync(`${root}/out`)].map((entry) => entry.name).sort();
    assert.deepEqual(written, ["cases.csv", "dice.svg", "table.csv", "table.md", "table.tex"]);
  });
});

Deno.test("evaluate refuses what does not belong together, with a code and an exit code", async () => {
  await inFreshFolder(async (root) => {
    const folders = await writeFolders(root);
    const refused = async (args: string[], code: number, text: RegExp): Promise<void> => {
      const result = await runExample("evaluate", args, root);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, text);
    };
    await refused([], 2, /error\[usage\]: --pred is missing/);
    await refused([...folders, "--classes", "0"], 2, /error\[usage\]: --classes 0/);
    await refused(
      [...folders, "--classes", "1"],
      1,
      /error\[eval.labels\]: case case_a \(ct\), prediction: values 2/,
    );
    await Deno.remove(`${root}/ref/case_b.nii.gz`);
    await refused(
      folders,
      1,
      /error\[evaluate.pairs\]: 2 predictions have no reference \(case_b_ct, case_b_mr\)/,
    );
    await refused(["--pred", root, "--ref", `${root}/ref`], 1, /error\[evaluate.folder\]/);
  });
});

Deno.test("evaluate takes no mean over maps of all scans together and of single ones, and names the right files", async () => {
  await inFreshFolder(async (root) => {
    const folders = await writeFolders(root);
    for (const id of ["case_a", "case_b"]) await writeBlocks(`${root}/pred/${id}.nii.gz`, 1);
    const { code, stdout, stderr } = await runExample("evaluate", [...folders, "--json"], root);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /warning\[evaluate\.together\]/);
    const { cases, summary } = JSON.parse(stdout);
    const modalities = new Set(cases.map(({ modality }: { modality: string }) => modality));
    assert.deepEqual([...modalities].sort(), ["all together", "ct", "mr"]);
    assert.equal(summary.mean, undefined);
    const shown = await runExample("evaluate", folders, root);
    assert.match(shown.stdout, /^\| all together \| 2 /m);
    assert.doesNotMatch(shown.stdout, /^\| mean /m);
    await writeNifti(
      `${root}/pred/case_b.nii.gz`,
      volumeFrom(new Uint8Array(8 * 8 * 5), [8, 8, 5], scalingAffine([1, 1, 2])),
    );
    const refused = await runExample("evaluate", folders, root);
    assert.match(
      refused.stderr,
      /pred\/case_b\.nii\.gz: the reference has 8×8×4 voxels, the prediction 8×8×5\n.*here .*ref\/case_b\.nii\.gz/,
    );
  });
});
