import assert from "node:assert/strict";
import { parseLog } from "../../../eval/mod.ts";
import { trainInFolder } from "../../../model/mod.ts";
import { openDevice } from "../../../tensor/mod.ts";
import { smallData, smallOptions } from "./setting.ts";

const read = async (path: string) => parseLog(await Deno.readTextFile(path), path);

Deno.test("a run's folder says while it runs what its steps take, and shows its validations, over several processes", async () => {
  const root = await Deno.makeTempDir();
  using device = await openDevice("cpu", { threads: 1 });
  const setting = { ...smallData(), device, root, name: "run" };
  try {
    const stop = new AbortController();
    const first = await trainInFolder({ ...smallOptions, steps: 4 }, {
      ...setting,
      signal: stop.signal,
      progress: { isTerminal: false, write: (text) => text.startsWith("step 1/4") && stop.abort() },
    });
    assert.equal(first.run, null);
    const begun = await read(`${first.folder}/timing.csv`);
    assert.deepEqual(begun.map(({ step, session }) => [step, session]), [[1, 1]]);
    const { step_ms, wait_ms, device_peak_bytes, process_bytes, unix_s } = begun[0]!;
    assert.ok(wait_ms! > 0 && step_ms! > wait_ms!, "a step waits for its batch and computes");
    assert.ok(device_peak_bytes! > 1e6 && process_bytes! > 1e7);
    assert.ok(Math.abs(unix_s! - Date.now() / 1000) < 600);
    assert.match(await Deno.readTextFile(`${first.folder}/plots/learning_curves.svg`), /^<svg/);

    const second = await trainInFolder({ ...smallOptions, steps: 4 }, {
      ...setting,
      resumeFrom: first.folder,
    });
    using _ = second.run!;
    const rows = await read(`${first.folder}/timing.csv`);
    assert.deepEqual(rows.map(({ session }) => session).slice(0, 2), [1, 2], "a resumed run counts on");
    assert.equal(rows.at(-1)!.step, 4);
    const [id] = setting.split.validation;
    for (const modality of ["ct", "mr"]) {
      const svg = await Deno.readTextFile(`${first.folder}/plots/validation_${modality}.svg`);
      assert.match(svg, new RegExp(`<title>${id}, ${modality}, step 4: Dice 0\\.\\d{3}</title>`));
      assert.equal([...svg.matchAll(/<image /g)].length, 3, "three planes");
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
