import assert from "node:assert/strict";
import { volumeFrom, writeNifti } from "../../data/mod.ts";
import { labelFiles, pairFiles } from "../../examples/evaluate_pairs.ts";
import { bytesOf, makeNifti } from "../data/make_nifti.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

const files = (...names: string[]): Map<string, string> =>
  new Map(names.map((name) => [name, `dir/${name}`]));

Deno.test("files pair by name, by CASE_MODALITY with the longest case, and by case-blind names last", () => {
  const rows: [string[], string[], string[]][] = [ // predictions, references, "case modality" pairs
    [["a"], ["a"], ["a -"]],
    [["a_ct", "a_mr"], ["a"], ["a ct", "a mr"]],
    [["a_1_ct", "a_ct"], ["a", "a_1"], ["a_1 ct", "a ct"]],
    [["CASE_ct"], ["case"], ["case ct"]],
    [["A", "a"], ["A", "a"], ["A -", "a -"]],
    [["constructor", "__proto___ct"], ["constructor", "__proto__"], ["__proto__ ct", "constructor -"]],
    [["a_b_c"], ["a_b"], ["a_b c"]],
  ];
  for (const [predictions, references, want] of rows) {
    const got = pairFiles(files(...predictions), files(...references)).map((p) => `${p.id} ${p.modality}`);
    assert.deepEqual(got.sort(), want.sort(), predictions.join());
  }
  for (
    const [predictions, references] of [[["a"], ["b"]], [["a", "b"], ["a"]], [["Ab"], ["ab", "aB"]], [[
      "a",
      "A",
    ], ["a"]]]
  ) {
    assert.throws(
      () => pairFiles(files(...predictions!), files(...references!)),
      { code: "evaluate.pairs" },
      predictions!.join(),
    );
  }
});

Deno.test("the names of a folder count in any case of the ending, in composed form, without macOS's ._ files", async () => {
  await inFreshFolder(async (root) => {
    for (const name of ["a.NII.GZ", "b.Nii", "._a.NII.GZ", "Mu\u0308ller.nii", "notes.txt"]) {
      await Deno.writeTextFile(`${root}/${name}`, "");
    }
    assert.deepEqual([...(await labelFiles(root)).keys()].sort(), ["M\u00fcller", "a", "b"]);
    await Deno.writeTextFile(`${root}/b.nii.gz`, "");
    await assert.rejects(labelFiles(root), { code: "evaluate.pairs", message: /b\.Nii and b\.nii\.gz/ });
  });
});

Deno.test("evaluate compares on the stored grid, prints the reader's warnings, and overwrites no input", async () => {
  await inFreshFolder(async (root) => {
    const turned = Math.SQRT1_2; // 45°: which axis is Right and which Anterior is a tie
    const affine = (
      shift: number,
    ) => [turned, -turned - shift, 0, 0, turned + shift, turned, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
    const write = (path: string, to: number, shift: number, shape: [number, number, number] = [12, 9, 4]) => {
      const data = new Uint8Array(shape[0] * shape[1] * shape[2]);
      for (let x = 2; x < to; x++) for (let y = 1; y < 5; y++) data[(x * shape[1] + y) * shape[2] + 1] = 1;
      return writeNifti(path, volumeFrom(data, shape, affine(shift)));
    };
    for (const folder of ["pred", "ref"]) await Deno.mkdir(`${root}/${folder}`);
    await write(`${root}/pred/c.nii`, 7, 1e-7);
    await write(`${root}/ref/c.nii`, 8, -1e-7);
    const args = ["--pred", `${root}/pred`, "--ref", `${root}/ref`];
    const { code, stdout, stderr } = await runExample("evaluate", [...args, "--json"], root);
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).cases[0].dice, 10 / 11);

    const bytes = await Deno.readFile(`${root}/pred/c.nii`);
    bytes[123] = 3; // micrometres
    await Deno.writeFile(`${root}/pred/c.nii`, bytes);
    const micro = await runExample("evaluate", args, root);
    assert.equal(micro.code, 0, micro.stderr);
    assert.match(micro.stderr, /^warning\[geometry\.unit\].*pred\/c\.nii: the unit is micrometres/m);
    assert.equal(micro.stderr.match(/warning/g)!.length, 1, "once a file, though it is read twice");

    await Deno.mkdir(`${root}/out`);
    await Deno.symlink(`${root}/ref/c.nii`, `${root}/out/table.md`);
    const before = await Deno.readFile(`${root}/ref/c.nii`);
    const refused = await runExample("evaluate", [...args, "--out", `${root}/out`], root);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /error\[io\.overwrite\]: .*table\.md would be written over the input .*c\.nii/,
    );
    assert.deepEqual(await Deno.readFile(`${root}/ref/c.nii`), before);
  });
});

Deno.test("evaluate takes one volume of 4-D files where it is told which, and says how to tell it", async () => {
  await inFreshFolder(async (root) => {
    for (const folder of ["pred", "ref"]) await Deno.mkdir(`${root}/${folder}`);
    // Two volumes of 4 × 2 × 1 voxels: class 1 in 4 and in 2 of them.
    const volumes = [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0];
    const write = (path: string, data: number[], dim: number[]) =>
      Deno.writeFile(path, makeNifti({ dim, datatype: 2, data: bytesOf(data, 2) }));
    await write(`${root}/pred/c.nii`, volumes, [4, 4, 2, 1, 2, 1, 1, 1]);
    await write(`${root}/ref/c.nii`, volumes.slice(8), [3, 4, 2, 1, 1, 1, 1, 1]);
    const dice = async (pred: string, ref = `${root}/ref`) => {
      const { stdout, stderr } = await runExample("evaluate", ["--pred", pred, "--ref", ref, "--json"], root);
      return stdout === "" ? stderr : JSON.parse(stdout).cases[0].dice as number;
    };
    const [first, second] = [0, 1].map((channel) => `${root}/pred#channel=${channel}`);
    assert.equal(await dice(first!), 2 * 2 / (4 + 2));
    assert.equal(await dice(second!), 1);
    assert.equal(await dice(first!, second!), 2 * 2 / (4 + 2), "of the reference, too");
    assert.match(`${await dice(`${root}/pred`)}`, /error\[nifti\.channels\].*2 volumes.*\n.*#channel=N/);
    assert.match(`${await dice(`${root}/pred#channel=2`)}`, /error\[nifti\.channels\].*no volume 2/);
  });
});
