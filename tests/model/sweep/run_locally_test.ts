import assert from "node:assert/strict";
import {
  type Attempt,
  type Cell,
  cellsOf,
  parseSweep,
  requireMemory,
  runLocally,
} from "../../../model/sweep/mod.ts";

const cells = cellsOf(parseSweep({ methods: ["cmc"], seeds: [0, 1, 2, 3] }), "/");

/** Runs the cells; `ends` says how the attempts at each end, one after the other. */
async function run(ends: Readonly<Record<number, readonly Attempt[]>>, jobs = 2, signal?: AbortSignal) {
  const started: number[] = [];
  let now = 0, most = 0, stopped = 0;
  const left = new Map(Object.entries(ends).map(([seed, attempts]) => [Number(seed), [...attempts]]));
  const failed = await runLocally(cells, {
    ...{ jobs, waitMs: 1, ...(signal && { signal }) },
    start({ seed }: Cell) {
      started.push(seed);
      most = Math.max(most, ++now);
      const end = async (): Promise<Attempt> => {
        await new Promise((resolve) => setTimeout(resolve, 2));
        now--;
        return left.get(seed)?.shift() ?? { code: 0, error: null };
      };
      return { ended: end(), stop: () => stopped++ };
    },
  });
  return { started, most, stopped, failed: [...failed].map(([{ seed }, attempt]) => [seed, attempt.error]) };
}

Deno.test("cells run so many at a time, and one that fails stops no other", async () => {
  const { started, most, failed } = await run({ 1: [{ code: 1, error: "error[data.path]: gone" }] });
  assert.deepEqual([started.toSorted(), most], [[0, 1, 2, 3], 2]);
  assert.deepEqual(failed, [[1, "error[data.path]: gone"]]);
});

Deno.test("a cell that another process trains is looked at again; one that ends early is tried three times", async () => {
  const locked = { code: 1, error: "error[run.locked]: another process works in it" };
  const elsewhere = await run({ 0: new Array(5).fill(locked) });
  assert.equal(elsewhere.started.filter((seed) => seed === 0).length, 6);
  assert.deepEqual(elsewhere.failed, []);
  const early = await run({ 2: new Array(9).fill({ code: 75, error: "error[device.lost]: gone" }) });
  assert.equal(early.started.filter((seed) => seed === 2).length, 3);
  assert.deepEqual(early.failed, [[2, "error[device.lost]: gone"]]);
});

Deno.test("when stopped, what runs is asked to end and nothing else starts", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 1);
  const { started, stopped } = await run({}, 2, controller.signal);
  assert.deepEqual([started, stopped], [[0, 1], 2]);
});

Deno.test("more jobs than the memory holds are refused, with the number that fits", () => {
  const gib = 2 ** 30;
  requireMemory(2, gib, 4 * gib);
  assert.throws(() => requireMemory(3, gib, 4 * gib), {
    code: "sweep.memory",
    message: /3 jobs of 1\.4 GiB \(1\.0 GiB in a training step\) need 4\.2 GiB; 4\.0 GiB are free/,
    fix: "Give --jobs 2.",
  });
  assert.throws(() => requireMemory(1, 4 * gib, gib), { fix: /smaller patch/ });
});
