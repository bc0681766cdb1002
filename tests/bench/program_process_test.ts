import assert from "node:assert/strict";
import { ProgramProcess } from "./program_process.ts";
import type { Program } from "./programs.ts";

/** A program that runs a line of JavaScript. */
const scripted = (code: string): Program => ({
  name: "scripted",
  device: "cpu",
  packages: [],
  start: () => ({ command: Deno.execPath(), args: ["eval", code] }),
});

const ready = `console.log("noise"); console.log('{"ready":"v1"}');`;
const start = (code: string, limitMs = 20_000) =>
  ProgramProcess.start(scripted(code), "matmul 1024³", { threads: 1, limitMs });

Deno.test("ProgramProcess passes on answers and skips what is none", async () => {
  const process = await start(
    `${ready} for await (const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream()))
      console.log(JSON.stringify({ wall: Number(line.split(' ')[1]), processor: 6, residentMiB: 7 }));`,
  );
  assert.ok(process instanceof ProgramProcess);
  assert.equal(process.version, "v1");
  assert.deepEqual(await process.run(5, 20_000), { wall: 5, processor: 6, residentMiB: 7 });
  await process[Symbol.asyncDispose]();
});

Deno.test("ProgramProcess ends a program that hangs, and tells the last words of one that crashes", async () => {
  const hanging = await start(`${ready} setInterval(() => {}, 1000);`);
  assert.ok(hanging instanceof ProgramProcess);
  assert.deepEqual(await hanging.run(1, 100), { refused: "over 0.1 s" });
  const crashing = await start(`${ready} console.error("out of luck"); Deno.exit(3);`);
  assert.ok(crashing instanceof ProgramProcess);
  assert.deepEqual(await crashing.run(1, 20_000), { refused: "ended: out of luck" });
  await crashing[Symbol.asyncDispose]();
});

Deno.test("ProgramProcess says when a program is not installed or refuses", async () => {
  const absent = { ...scripted(""), start: () => ({ command: "/nonexistent/python3", args: [] }) };
  assert.deepEqual(await ProgramProcess.start(absent, "matmul 1024³", { threads: 1, limitMs: 1000 }), {
    refused: "not installed",
  });
  assert.deepEqual(await start(`console.log('{"refused":"does not train"}');`), {
    refused: "does not train",
  });
});
