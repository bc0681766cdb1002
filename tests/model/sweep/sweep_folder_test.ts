import assert from "node:assert/strict";
import {
  type Cell,
  cellReport,
  cellsOf,
  errorIn,
  parseSweep,
  readSweepFolder,
  secondsLeft,
  statusText,
  sweepPaths,
  writeSweepFolder,
} from "../../../model/sweep/mod.ts";

async function inFreshFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const open = (folder: string, more = {}) => {
  const sweep = parseSweep({
    methods: ["supervised", "cmc"],
    seeds: [0, 1],
    settings: { steps: 8 },
    ...more,
  });
  return { folder, sweep, cells: cellsOf(sweep, folder) };
};

/** Writes files of a cell's run folder. */
async function writeRun(folder: string, cell: Cell, files: Readonly<Record<string, string>>): Promise<void> {
  await Deno.mkdir(sweepPaths.run(folder, cell), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${sweepPaths.run(folder, cell)}/${name}`, text);
  }
}

const config = '{"steps":8}', log = "step,loss,val_dice\n1,0.9,\n2,0.8,0.25\n";

Deno.test("a sweep's folder takes more cells, and refuses other settings for those it has", () =>
  inFreshFolder(async (root) => {
    const folder = `${root}/sweep`;
    await writeSweepFolder(open(folder));
    assert.deepEqual((await readSweepFolder(`${folder}/`)).cells, open(folder).cells);
    const [first] = open(folder).cells;
    const settings = await Deno.readTextFile(sweepPaths.settings(folder, first!));
    assert.deepEqual(JSON.parse(settings), { steps: 8, method: "supervised", seed: 0 });
    await writeSweepFolder(open(folder, { seeds: [0, 1, 2] }));
    assert.equal((await readSweepFolder(folder)).cells.length, 6);
    await assert.rejects(writeSweepFolder(open(folder, { settings: { steps: 9 } })), {
      code: "sweep.changed",
      message: /supervised-seed0 of .* steps \(8 then, 9 now\)/,
    });
    await writeSweepFolder(open(folder, { methods: ["supervised"] }));
    await assert.rejects(
      writeSweepFolder(open(folder, { methods: ["supervised", { method: "cmc", steps: 9 }] })),
      {
        code: "sweep.changed",
        message: /cmc-seed0 of .* steps \(8 then, 9 now\)/,
      },
      "its run may be there still",
    );
    await assert.rejects(readSweepFolder(root), { code: "io.missing" });
    await Deno.writeTextFile(`${folder}/cells.json`, '{"version":1,"cells":[{}]}');
    await assert.rejects(readSweepFolder(folder), { code: "sweep.file" });
  }));

Deno.test("the state of a cell is read from its files, whatever happened to its process", () =>
  inFreshFolder(async (folder) => {
    const sweep = open(folder);
    await writeSweepFolder(sweep);
    const [cell] = sweep.cells, run = sweepPaths.run(folder, cell!);
    const state = async (elsewhere?: "queued" | "running") =>
      (await cellReport(folder, cell!, elsewhere)).state;
    assert.equal(await state(), "waiting");
    assert.deepEqual([await state("queued"), await state("running")], ["queued", "running"]);
    await Deno.writeTextFile(
      sweepPaths.log(folder, cell!),
      "step 1\nerror[data.path]: /x does not exist\n  Check it.\n",
    );
    const failed = await cellReport(folder, cell!);
    assert.deepEqual([failed.state, failed.error], ["failed", "error[data.path]: /x does not exist"]);
    await Deno.writeTextFile(
      sweepPaths.log(folder, cell!),
      "error[run.locked]: another process works in it\n",
    );
    assert.equal(await state(), "waiting");
    await writeRun(folder, cell!, { "config.json": config, "log.csv": log, lock: "" });
    const cut = await cellReport(folder, cell!);
    assert.deepEqual([cut.state, cut.step, cut.steps, cut.validation], ["cut off", 2, 8, 0.25]);
    {
      using lock = await Deno.open(`${run}/lock`, { write: true });
      await lock.lock(true);
      assert.equal(await state(), "running");
    }
    assert.equal(await state(), "cut off");
    await writeRun(folder, cell!, { "metrics.json": '{"cost":{"seconds":65}}' });
    const done = await cellReport(folder, cell!);
    assert.deepEqual([done.state, done.seconds], ["done", 65]);
  }));

Deno.test("an error counts when nothing but its advice stands behind it", () => {
  assert.equal(errorIn("a\nerror[io.write]: full\n  Free space.\n"), "error[io.write]: full");
  assert.equal(errorIn("error[io.write]: full\nstep 2\n"), null);
  assert.equal(errorIn(""), null);
  const ofDeno = "\u001b[1m\u001b[31merror\u001b[0m: Module not found\n    at file:///x.ts:1:1\n\nmore\n";
  assert.equal(errorIn(ofDeno), "error: Module not found");
});

Deno.test("the time left follows from finished cells of the same row, what is saved of others, and how many run", () => {
  const cells = open("/sweep").cells;
  const report = (
    i: number,
    state: "done" | "running" | "waiting",
    step: number,
    seconds: number | null,
  ) => ({
    ...{ cell: cells[i]!, state, step, steps: state === "waiting" ? null : 8, validation: null, seconds },
    error: null,
  });
  const reports = [
    ...[report(0, "done", 8, 60), report(1, "running", 4, null), report(2, "running", 6, null)],
    report(3, "waiting", 0, null),
  ];
  assert.equal(secondsLeft(reports), (30 + 15 + 60) / 2);
  assert.equal(secondsLeft(reports.slice(1)), null);
  assert.match(statusText(reports), /^supervised-seed1 +running +4\/8/m);
  assert.match(statusText(reports), /\n4 cells: 1 done, 2 running, 1 waiting; about 0:53 left$/);
});
