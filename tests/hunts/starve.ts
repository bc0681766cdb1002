/**
 * Starves a tiny training: a full disk at each of its writes, folders that cannot be written, renames across
 * devices, a clock that goes backwards, SIGTERM, two SIGINTs. Nothing that was written may be lost, a resumed run ends
 * bit for bit like one that nobody disturbed, and every message is typed.
 *
 * ```sh
 * deno run -A tests/hunts/starve.ts            # everything
 * deno run -A tests/hunts/starve.ts write 1 2  # the first of two parts of the write failures
 * ```
 *
 * Exits 1 when anything was lost or a message was not typed.
 */

import {
  differences,
  type Ended,
  inTemporaryFolder,
  isTyped,
  resultOf,
  tinyTrain,
  type Treatment,
  writeTinyDataset,
} from "./tiny_run.ts";

const preload = new URL("fail_io.ts", import.meta.url);
const [only, part = "1", parts = "1"] = Deno.args;

/** How the operating system words what is made to fail. */
const failures = {
  write: "No space left on device",
  sync: "Input/output error",
  rename: "Invalid cross-device link",
  open: "Read-only file system",
  mkdir: "Permission denied",
};

const exists = (path: string) => Deno.lstat(path).then(() => true, () => false);
let faults = 0;

function fault(what: string, text = ""): void {
  faults++;
  console.log(`FAULT ${what}${text ? `:\n${text.trim().split("\n").slice(-4).join("\n")}` : ""}`);
}

await inTemporaryFolder(async (folder) => {
  await writeTinyDataset(`${folder}/data`);
  const train = (args: string[], treatment?: Treatment) => tinyTrain(folder, "data", args, treatment);
  const counted = await train(["--name", "whole"], { preload, env: { HUNT_COUNT: `${folder}/counts.json` } });
  if (counted.code !== 0) throw new Error(counted.text);
  const wanted = (await resultOf(`${folder}/runs/whole`)).hashes;
  const counts: Record<string, number> = JSON.parse(await Deno.readTextFile(`${folder}/counts.json`));
  console.log(`the undisturbed run: ${wanted.size} files; ${JSON.stringify(counts)}`);

  /** Resumes the run, or starts it again when nothing was saved, and compares its end. */
  const goOn = async (name: string, what: string): Promise<"resumed" | "again"> => {
    const isSaved = await exists(`${folder}/runs/${name}/checkpoints/last.safetensors`);
    const finalName = isSaved ? name : `${name}-again`;
    const end = await train(isSaved ? ["--resume", `runs/${name}`] : ["--name", finalName]);
    if (end.code !== 0) fault(`${what}: resuming fails with ${end.code}`, end.text);
    else {
      const { hashes, leftOver } = await resultOf(`${folder}/runs/${finalName}`);
      const wrong = differences(wanted, hashes);
      if (wrong.length > 0) fault(`${what}: resumed, it differs in ${wrong.join(", ")}`);
      if (leftOver.length > 0) fault(`${what}: left over ${leftOver.join(", ")}`);
    }
    if (isSaved) await Deno.remove(`${folder}/runs/${name}`, { recursive: true });
    return isSaved ? "resumed" : "again";
  };
  const tally = async (what: string, runs: [string, () => Promise<Ended>, (end: Ended) => boolean][]) => {
    const results = { resumed: 0, again: 0 };
    for (const [name, start, isRight] of runs) {
      const end = await start();
      if (!isRight(end)) fault(`${name}: exit code ${end.code}`, end.text);
      results[await goOn(name, name)]++;
    }
    console.log(
      `${what}: ${runs.length} runs; ${results.resumed} resumed to the same end, ` +
        `${results.again} had saved nothing yet and were started again`,
    );
  };

  for (const [operation, message] of Object.entries(failures)) {
    if (only !== undefined && only !== operation) continue;
    const calls = Array.from({ length: counts[operation]! }, (_, at) => at + 1);
    const mine = calls.filter((n) => (n - 1) % Number(parts) === Number(part) - 1);
    await tally(
      `${operation} fails (${message}), at each of ${mine.length} of ${calls.length} calls`,
      mine.map((n) => {
        const name = `${operation}-${n}`;
        const env = { HUNT_FAIL: `${operation}:${n}:${message}` };
        return [name, () => train(["--name", name], { preload, env }), (end) => {
          return end.code === 1 && isTyped(end.text) && end.text.includes(message);
        }];
      }),
    );
  }

  if (only === undefined || only === "clock") {
    const end = await train(["--name", "clock"], { preload, env: { HUNT_CLOCK: "1" } });
    if (end.code !== 0) fault(`clock: exit code ${end.code}`, end.text);
    if (/NaN|Infinity|-\d+:\d|-\d+(\.\d+)? s\/step/.test(end.text)) {
      fault("clock: impossible times", end.text);
    }
    const { hashes } = await resultOf(`${folder}/runs/clock`);
    const wrong = differences(wanted, hashes);
    if (wrong.length > 0) fault(`clock: it differs in ${wrong.join(", ")}`);
    console.log(`a clock that jumps back: exit code ${end.code}, ${wrong.length} files differ`);
  }

  if (only === undefined || only === "signal") {
    /** Sends signals when the line of a validation has been printed so many times. */
    const signals = (after: number, send: (process: Deno.ChildProcess) => void): Treatment => {
      let sent = false;
      return {
        watch(process, printed) {
          if (sent || [...printed.matchAll(/: validation Dice/g)].length < after) return;
          sent = true;
          send(process);
        },
      };
    };
    const twice = (process: Deno.ChildProcess) => {
      process.kill("SIGINT");
      process.kill("SIGINT");
    };
    const saysHow = ({ text }: Ended) => /deno task train .*--resume runs\//.test(text);
    await tally(
      "SIGTERM after 1, 2, 3 validations",
      [1, 2, 3].map((after) => [
        `term-${after}`,
        () => train(["--name", `term-${after}`], signals(after, (process) => process.kill("SIGTERM"))),
        (end) => end.code === 143 && saysHow(end),
      ]),
    );
    // The second signal ends at once, unless the step was over before it came.
    await tally(
      "two SIGINTs after 1, 2, 3 validations",
      [1, 2, 3].map((after) => [
        `int-${after}`,
        () => train(["--name", `int-${after}`], signals(after, twice)),
        (end) => end.code === 130,
      ]),
    );
  }
});
console.log(`${faults} faults`);
if (faults > 0) Deno.exitCode = 1;
