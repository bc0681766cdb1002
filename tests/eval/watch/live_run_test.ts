import assert from "node:assert/strict";
import { WatchedFolder } from "../../../eval/mod.ts";

const now = 1_800_000_000_000;

/** A folder with the files of a run, last changed so many seconds ago. */
async function makeRun(folder: string, files: Readonly<Record<string, string>>, age = 5): Promise<void> {
  await Deno.mkdir(`${folder}/plots`, { recursive: true });
  const all = {
    "config.json": '{"method":"cmc","seed":2,"steps":8}',
    "split.json": '{"labelRatio":0.2}',
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    await Deno.utime(`${folder}/${name}`, new Date(now - 1000 * age), new Date(now - 1000 * age));
  }
}

async function inFolder(body: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "cmc watch é " });
  try {
    await body(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const log = "step,loss,val_dice\n1,0.9,\n2,0.8,0.3\n3,0.7,\n";

Deno.test("WatchedFolder says what became of each run, in folders of runs and of sweeps", () =>
  inFolder(async (root) => {
    await makeRun(`${root}/running`, { "log.csv": log, lock: "" });
    await makeRun(`${root}/killed`, { "log.csv": log, lock: "" }, 60);
    await makeRun(`${root}/slow`, { "log.csv": log, lock: "" }, 60);
    await makeRun(`${root}/sweep/runs/a`, {
      "log.csv": log,
      "metrics.json": '{"test":{"mean":{"dice":0.5}}}',
    });
    const cells = [{ name: "a", row: "cmc" }, { name: "b", row: "cps", seed: 1 }];
    await Deno.writeTextFile(`${root}/sweep/cells.json`, JSON.stringify({ version: 1, cells }));
    await makeRun(`${root}/stopped`, { "log.csv": log });
    await makeRun(`${root}/begun`, { lock: "" });
    await makeRun(`${root}/damaged`, { "log.csv": "step,loss\n1,x\n" });
    await Deno.writeTextFile(`${root}/notes.txt`, "");
    using held = await Deno.open(`${root}/slow/lock`, { write: true });
    assert.ok(held.tryLockSync(true), "a process that validates for long holds its lock");
    const folder = await WatchedFolder.open(`${root}/`);
    const runs = await folder.runs(now);
    assert.deepEqual(Object.fromEntries(runs.map(({ name, state }) => [name, state])), {
      ...{ running: "running", slow: "running", begun: "running", killed: "killed" },
      ...{ "sweep/runs/a": "finished", "sweep/runs/b": "waiting", stopped: "stopped", damaged: "damaged" },
    });
    assert.deepEqual(runs.slice(0, 3).map(({ state }) => state), ["running", "running", "running"]);
    const of = (name: string) => runs.find((run) => run.name === name)!;
    assert.deepEqual([of("sweep/runs/b").method, of("sweep/runs/b").seed], ["cps", 1]);
    assert.deepEqual(of("killed").best, { step: 2, dice: 0.3 });
    assert.equal(of("sweep/runs/a").testDice, 0.5);
    assert.match(
      of("damaged").problem!,
      /log\.csv: row 1 below the header, column "loss": "x" is not a number/,
    );
    assert.deepEqual(of("begun").log, []);

    // Asking for the lock has not taken it from anyone.
    using again = await Deno.open(`${root}/killed/lock`, { write: true });
    assert.ok(again.tryLockSync(true));
  }));

Deno.test("WatchedFolder shows a resumed run: what was done again counts once, and it runs again", () =>
  inFolder(async (root) => {
    const head = "step,session,unix_s,step_ms,wait_ms,device_peak_bytes,process_bytes\n";
    const rows = (list: readonly string[]) => head + list.map((row) => `${row},100,500,5,1,1\n`).join("");
    await makeRun(root, { "log.csv": log, lock: "", "timing.csv": rows(["1,1", "2,1", "3,1"]) }, 60);
    const folder = await WatchedFolder.open(root);
    assert.equal((await folder.runs(now))[0]!.state, "killed");
    await makeRun(root, { "timing.csv": rows(["1,1", "2,1", "3,1", "3,2", "4,2"]), lock: "" });
    const [run] = await folder.runs(now);
    assert.equal(run!.name, "");
    assert.equal(run!.state, "running");
    assert.deepEqual(run!.timing.map(({ step, session }) => [step, session]), [[1, 1], [2, 1], [3, 2], [
      4,
      2,
    ]]);
  }));

Deno.test("WatchedFolder.open() refuses what is no folder", () =>
  inFolder(async (root) => {
    await Deno.writeTextFile(`${root}/file`, "");
    await assert.rejects(WatchedFolder.open(`${root}/file`), {
      code: "watch.folder",
      message: /is no folder/,
    });
    await assert.rejects(WatchedFolder.open(`${root}/none`), {
      code: "watch.folder",
      message: /is not there/,
    });
    const empty = await WatchedFolder.open(root);
    assert.deepEqual(await empty.runs(now), []);
  }));
