import assert from "node:assert/strict";
import { prepareOutputs } from "../../examples/outputs.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

Deno.test("no command writes over an input, by whatever name", async () => {
  await inFreshFolder(async (root) => {
    const at = (name: string): string => `${root}/${name}`;
    await Deno.writeTextFile(at("in.nii"), "input");
    await Deno.mkdir(at("folder"));
    await Deno.symlink(at("in.nii"), at("soft.nii"));
    await Deno.link(at("in.nii"), at("hard.nii"));
    await Deno.symlink(root, at("here"));
    const inputs = [at("in.nii")];
    for (
      const name of [
        "in.nii",
        "./in.nii",
        "folder/../in.nii",
        "soft.nii",
        "hard.nii",
        "here/in.nii",
        "here/soft.nii",
      ]
    ) {
      await assert.rejects(prepareOutputs([at(name)], inputs), { code: "io.overwrite" }, name);
      await assert.rejects(
        prepareOutputs([at("in.nii")], [at(name)]),
        { code: "io.overwrite" },
        `${name} as input`,
      );
    }
    await assert.rejects(prepareOutputs([at("new.md"), at("here/new.md")], inputs), {
      code: "io.overwrite",
      message: /same file/,
    });
    await assert.rejects(prepareOutputs([at("new.md"), at("new.md")], inputs), {
      code: "io.overwrite",
      message: /written twice/,
    });
    await assert.rejects(prepareOutputs([at("folder")], inputs), {
      code: "io.write",
      message: /is a folder/,
    });
    await assert.rejects(prepareOutputs([at("in.nii/x.md")], inputs), { code: "io.write" });
    await prepareOutputs([at("deep/er/x.md"), at("other.nii")], [...inputs, at("missing.nii")]);
    assert.ok((await Deno.stat(at("deep/er"))).isDirectory);
    assert.deepEqual([...Deno.readDirSync(at("deep/er"))], [], "nothing is left behind");
    assert.equal(await Deno.readTextFile(at("in.nii")), "input");
  });
});

Deno.test("png draws all plots of a run, and says what a folder without any lacks", async () => {
  await inFreshFolder(async (root) => {
    await Deno.mkdir(`${root}/run/plots`, { recursive: true });
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    for (const name of ["b", "a"]) await Deno.writeTextFile(`${root}/run/plots/${name}.svg`, svg);
    const { code, stdout } = await runExample("png", [`${root}/run`], root);
    assert.deepEqual([code, stdout.trim().split("\n")], [
      0,
      [`${root}/run/plots/a.png`, `${root}/run/plots/b.png`],
    ]);
    await Deno.mkdir(`${root}/empty`);
    const { code: refused, stderr } = await runExample("png", [`${root}/empty`], root);
    assert.equal(refused, 2);
    assert.match(stderr, /empty: expected a name in \.svg, or a folder that has such files/);
  });
});

Deno.test("png says which characters its font lacks, and draws those it has", async () => {
  await inFreshFolder(async (root) => {
    const svg = (text: string) =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="20"><text y="15">${text}</text></svg>`;
    await Deno.writeTextFile(`${root}/cjk.svg`, svg("左腎 ok 左"));
    await Deno.writeTextFile(`${root}/has.svg`, svg("Größe αβ жы → ± ≥ ✓"));
    const { code, stderr } = await runExample("png", [`${root}/cjk.svg`, `${root}/has.svg`], root);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^warning\[png\.font\]: .*cjk\.svg: .*lacks 左 腎;/m);
    assert.doesNotMatch(stderr, /has\.svg/);
    await Deno.symlink(`${root}/has.svg`, `${root}/x.png`);
    await Deno.rename(`${root}/cjk.svg`, `${root}/x.svg`);
    const refused = await runExample("png", [`${root}/has.svg`, `${root}/x.svg`], root);
    assert.match(refused.stderr, /error\[io\.overwrite\]/);
    assert.match(await Deno.readTextFile(`${root}/has.svg`), /^<svg/);
  });
});
