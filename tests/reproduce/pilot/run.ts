/**
 * Repeats a pilot study that was made with PyTorch, under its own protocol, and holds the results against it.
 *
 * ```sh
 * deno run -A tests/reproduce/pilot/run.ts DATA OUT [--rows cmc,supervised] [--seeds 0,1] [--threads 1] [--table]
 * ```
 *
 * DATA holds the volumes as `a/`, `b/`, `labels/` and `split.json`. Each training leaves a file in OUT and is not
 * repeated; `--table` only prints what is there.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { openDevice } from "../../../tensor/mod.ts";
import { readPilotData } from "./data.ts";
import { rows } from "./rows.ts";
import { printTable } from "./table.ts";
import { type Start, start, trainRow } from "./train.ts";

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    rows: { type: "string", default: Object.keys(rows).join(",") },
    seeds: { type: "string", default: "0,1,2" },
    threads: { type: "string" },
    table: { type: "boolean", default: false },
  },
});
const [folder, out] = positionals;
if (!folder || !out) throw new Error("name the folder of the data and one for the results");
const names = values.rows.split(","), seeds = values.seeds.split(",").map(Number);
for (const name of names) if (!Object.hasOwn(rows, name)) throw new Error(`there is no row ${name}`);

/** Trains what OUT does not have yet. */
async function trainAll(folder: string, out: string): Promise<void> {
  await Deno.mkdir(out, { recursive: true });
  const threads = values.threads === undefined ? undefined : Number(values.threads);
  using device = await openDevice("cpu", { threads });
  console.error(device.description);
  const data = await readPilotData(folder);
  for (const seed of seeds) {
    let from: Start | undefined;
    for (const name of names) {
      const file = `${out}/${name}-s${seed}.json`, row = rows[name]!;
      const isDone = await Deno.stat(file).then(() => true, () => false);
      if (isDone || !row.seeds.includes(seed)) continue;
      from ??= await start(device, data, seed);
      const reached = await trainRow(device, data, row, seed, from);
      await Deno.writeTextFile(file, JSON.stringify(reached));
      console.error(`${name} seed ${seed}: ${reached.seconds.toFixed(0)} s`);
    }
  }
}

if (!values.table) await trainAll(folder, out);
await printTable(out);
