import assert from "node:assert/strict";

const script = `
import { makePhantom, type Method, methodNamed, openDevice, splitByLabelRatio, table, train } from "MOD";

using device = await openDevice("auto");
const dataset = makePhantom({ cases: 6, modalities: ["ct", "mr"], misalignmentMm: 1, seed: 7 });
const split = splitByLabelRatio(dataset, { ratio: 0.3, seed: 7, validation: 1, test: 1 });
const mine: Method = { ...methodNamed("supervised"), name: "mine" };
using run = await train({ method: mine, steps: 2 }, { device, dataset, split });
console.log(table(run!.test, { rows: ["modality", "class"], columns: ["dice", "assd_mm"] }));
`;

Deno.test("a script outside of this project passes deno check with Deno's own compiler options", async () => {
  const folder = await Deno.makeTempDir();
  const mod = new URL("../../mod.ts", import.meta.url).href;
  await Deno.writeTextFile(`${folder}/script.ts`, script.replace("MOD", mod));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--no-config", "--quiet", `${folder}/script.ts`],
    cwd: folder,
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  await Deno.remove(folder, { recursive: true });
});
