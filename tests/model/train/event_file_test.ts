import assert from "node:assert/strict";
import { parseLog } from "../../../eval/mod.ts";
import { trainInFolder } from "../../../model/mod.ts";
import { EventFile } from "../../../model/run/event_file.ts";
import { RunFolder } from "../../../model/run/run_folder.ts";
import { openDevice } from "../../../tensor/mod.ts";
import { checksum, type ReadEvent, readEvents } from "./event_reader.ts";
import { smallData, smallOptions } from "./setting.ts";

const filesIn = (folder: string) =>
  [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.includes("tfevents")).sort();

const eventsIn = async (folder: string) =>
  await Promise.all(
    filesIn(folder).map(async (name) => readEvents(await Deno.readFile(`${folder}/${name}`))),
  );

/** What TensorBoard shows: a start takes away what came before from its step on. */
function shown(files: readonly (readonly ReadEvent[])[]): ReadEvent[] {
  return files.flat().reduce<ReadEvent[]>(
    (kept, event) => event.starts ? kept.filter(({ step }) => step < event.step) : [...kept, event],
    [],
  ).filter(({ version }) => version === undefined);
}

const rows = (log: ReturnType<typeof parseLog>) =>
  log.map(({ step, ...columns }) => ({
    step,
    scalars: Object.fromEntries(
      Object.entries(columns).map(([name, value]) => [
        /^val_/.test(name) ? name.replace("val_", "validation/") : `train/${name}`,
        Math.fround(value),
      ]),
    ),
  }));

Deno.test("the reader's checksum is CRC32C as published", () => {
  // RFC 3720, B.4: 32 bytes of zeros.
  const crc = 0x8a9136aa;
  assert.equal(checksum(new Uint8Array(32)), ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0);
});

Deno.test("the event files of a run hold its log, each step once, over a resume", async () => {
  const root = await Deno.makeTempDir();
  using device = await openDevice("cpu", { threads: 1 });
  const setting = { ...smallData(), device, root, name: "run", tensorboard: true };
  try {
    const stop = new AbortController();
    const { folder } = await trainInFolder({ ...smallOptions, steps: 4 }, {
      ...setting,
      signal: stop.signal,
      progress: { isTerminal: false, write: (text) => text.startsWith("step 1/4") && stop.abort() },
    });
    { // As if a second process had been killed two steps after that checkpoint.
      using opened = await RunFolder.open(folder);
      const killed = await EventFile.begin(opened, [{ step: 1, loss: 9 }]);
      for (const step of [2, 3]) await killed.stepped([{ step, loss: 9 }]);
    }
    using run = (await trainInFolder({ ...smallOptions, steps: 4 }, { ...setting, resumeFrom: folder })).run!;
    const files = await eventsIn(folder);
    assert.equal(files.length, 3);
    for (const [head, start] of files) {
      assert.equal(head!.version, "brain.Event:2");
      assert.ok(start!.starts && Math.abs(start!.seconds - Date.now() / 1000) < 600);
    }
    assert.equal(files[2]![1]!.step, 2, "the file of a resumed run starts at its first step");
    const log = parseLog(await Deno.readTextFile(`${folder}/log.csv`));
    assert.deepEqual(run.log, log);
    const seen = shown(files).map(({ step, scalars }) => ({ step, scalars }));
    assert.deepEqual(seen, rows(log));
    const tags = Object.keys(seen.at(-1)!.scalars);
    assert.ok(tags.includes("train/loss") && tags.includes("train/lr"));
    assert.ok(tags.some((tag) => /^validation\/dice_ct_./.test(tag)), tags.join());
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("without earlier event files a resumed run writes its whole log; a clock set back changes no order", async () => {
  const root = await Deno.makeTempDir();
  try {
    using folder = await RunFolder.create(root, "run");
    await EventFile.begin(folder, [{ step: 1, loss: 0.5 }, { step: 2, loss: 0.25 }]);
    const [whole] = await eventsIn(folder.path);
    assert.deepEqual(whole!.map(({ step, scalars }) => [step, scalars["train/loss"]]), [
      [0, undefined],
      [1, undefined],
      [1, 0.5],
      [2, 0.25],
    ]);
    await Deno.writeFile(`${folder.path}/events.out.tfevents.9000000000.cmc`, new Uint8Array());
    await EventFile.begin(folder, [{ step: 1, loss: 0.5 }]);
    assert.equal(filesIn(folder.path).at(-1), "events.out.tfevents.9000000001.cmc");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("an event file that cannot be written is a typed error with its path", async () => {
  const root = await Deno.makeTempDir();
  try {
    using folder = await RunFolder.create(root, "run");
    const file = await EventFile.begin(folder, []);
    const [name] = filesIn(folder.path);
    await Deno.remove(`${folder.path}/${name}`);
    await Deno.mkdir(`${folder.path}/${name}`);
    await assert.rejects(file.stepped([{ step: 1, loss: 1 }]), {
      code: "io.write",
      message: new RegExp(name!.replaceAll(".", "\\.")),
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
