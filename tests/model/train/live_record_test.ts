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

    // As if the first process had gone on for a minute and a half after that, and a second one for ten seconds.
    const [head, line] = (await Deno.readTextFile(`${first.folder}/timing.csv`)).trimEnd().split("\n");
    const later = (session: number, seconds: number) => {
      const { step, unix_s: noted, ...others } = begun[0]!;
      return [step, session, noted! + seconds, ...Object.values(others).slice(1)].join(",");
    };
    const notes = [head, line, later(1, 90), later(2, 200), later(2, 210)];
    await Deno.writeTextFile(`${first.folder}/timing.csv`, `${notes.join("\n")}\n`);
    const second = await trainInFolder({ ...smallOptions, steps: 4 }, {
      ...setting,
      resumeFrom: first.folder,
    });
    using _ = second.run!;
    const rows = await read(`${first.folder}/timing.csv`);
    assert.deepEqual(
      rows.map(({ session }) => session).slice(0, 5),
      [1, 1, 2, 2, 3],
      "a resumed run counts on",
    );
    const { cost } = JSON.parse(await Deno.readTextFile(`${first.folder}/metrics.json`));
    assert.ok(
      cost.seconds > 100 && cost.seconds < 190,
      "the time of all processes, and not that between them",
    );
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
