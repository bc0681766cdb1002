/** Notebooks are stored without outputs, and what stands in them has the types of the library. */

import assert from "node:assert/strict";
import { folder, names, readNotebook } from "./cells.ts";

Deno.test("the notebooks are the listed ones, stored without outputs, for Deno's kernel", async () => {
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
    name.endsWith(".ipynb")
  );
  assert.deepEqual(files.sort(), names.map((name) => `${name}.ipynb`).sort());
  for (const name of names) {
    const { cells, metadata } = await readNotebook(new URL(`${name}.ipynb`, folder));
    assert.equal(metadata.kernelspec.name, "deno");
    for (const { cell_type, outputs, execution_count } of cells) {
      if (cell_type === "code") assert.deepEqual([outputs, execution_count], [[], null], name);
    }
    const code = cells.filter((cell) => cell.cell_type === "code").map(({ source }) => source.join("")).join(
      "\n",
    );
    const addresses = [...code.matchAll(/from "([^"]*)"/g)].map(([, address]) => address);
    assert.ok(
      addresses.length > 0 && addresses.every((address) => /^\.\.\/\.\.\/\w+\/mod\.ts$/.test(address!)),
      name,
    );
  }
});

Deno.test("the cells of each notebook, one after the other, are a program that passes the type check", async () => {
  const scripts = await Deno.makeTempDir();
  try {
    const root = new URL("../../", import.meta.url).href;
    for (const name of names) {
      const { cells } = await readNotebook(new URL(`${name}.ipynb`, folder));
      const code = cells.filter((cell) => cell.cell_type === "code").map(({ source }) =>
        source.join("") + "\n;\n"
      );
      await Deno.writeTextFile(`${scripts}/${name}.ts`, code.join("").replaceAll('"../../', `"${root}`));
    }
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--no-config", "--quiet", ...names.map((name) => `${scripts}/${name}.ts`)],
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(scripts, { recursive: true });
  }
});
