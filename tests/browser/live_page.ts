/**
 * Watches a training in headless Chromium: curves grow, and the training is killed, resumed and stopped while the page is
 * open. Also who asks without the token.
 *
 * ```sh
 * deno run -A tests/browser/live_page.ts 120 pictures
 * ```
 *
 * The first argument is the number of seconds to look before the kill, the second the folder for pictures of the page, of
 * two widths, by day and by night. Needs `chromium` (Debian's package). Throws when the page was wrong.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { decodePng } from "../../data/deps.ts";
import { Chromium } from "./chromium.ts";

const [seconds, pictures] = [Number(Deno.args[0] ?? 120), Deno.args[1]];
const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}.ts`, import.meta.url));
const folder = await Deno.makeTempDir({ prefix: "cmc-live-" });
const begin = Date.now();
const tell = (text: string) =>
  console.log(`${((Date.now() - begin) / 1000).toFixed(0).padStart(4)} s  ${text}`);

function start(args: readonly string[]): Deno.ChildProcess {
  const env = { NO_COLOR: "1", XDG_RUNTIME_DIR: folder };
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--quiet", ...args],
    ...{ cwd: folder, env, stdout: "null", stderr: "piped" },
  }).spawn();
}

const train = (args: readonly string[]) =>
  start(["--allow-read", "--allow-write", example("train"), "--device", "cpu", "--threads", "1", ...args]);

/** White pixels along the left edge of what is drawn. */
function whiteAtTheEdge(png: Uint8Array<ArrayBuffer>): number {
  const { width, height, data, channels } = decodePng(png), column = 18;
  const isWhite = (y: number) =>
    data.subarray(channels * (y * width + column)).slice(0, 3).every((v) => v === 255);
  return Array.from({ length: height }, (_, y) => isWhite(y)).filter(Boolean).length;
}

/** Reads and drops what a process prints, so that it does not wait for a reader. */
const drain = (process: Deno.ChildProcess) => process.stderr.pipeTo(new WritableStream());

/** The address that `watch` prints. */
async function addressOf(process: Deno.ChildProcess): Promise<string> {
  let text = "";
  const reader = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
  while (!text.includes("\n")) text += (await reader.read()).value;
  reader.releaseLock();
  return text.split("\n")[0]!;
}

await Deno.mkdir(`${folder}/runs`);
const watcher = start(["--allow-read", "--allow-net=127.0.0.1", example("watch"), "runs"]);
const address = await addressOf(watcher);
const { origin, search } = new URL(address);
let training: Deno.ChildProcess | undefined;
try {
  for (
    const [path, status] of [["/", 403], ["/events", 403], ["/?token=0", 403], [
      `/../x${search}`,
      404,
    ]] as const
  ) {
    const response = await fetch(origin + path);
    await response.body?.cancel();
    assert.equal(response.status, status, path);
    tell(`GET ${path.replace(search, "?token=…")}: ${response.status}`);
  }
  await using browser = await Chromium.start({ width: 1300, height: 900 });
  await browser.open(address);
  assert.match(await browser.evaluate("document.body.innerText"), /There is no run here yet/);

  const shown = (name: string) =>
    browser.evaluate<string>(
      `[...document.querySelectorAll("#detail dt")].find((dt) => dt.textContent === "${name}")?.nextSibling.textContent ?? ""`,
    );
  const is = (state: string, within: number) =>
    browser.until(`document.querySelector("#detail dd span")?.className === "${state}"`, within);
  const size = "--preset unet-tiny --patch 16,16,16 --batch 1 --steps 20000 --validations 2000 --name run";
  training = train(size.split(" "));
  drain(training);
  await is("running", 120);
  const steps: number[] = [];
  for (const end = Date.now() + 1000 * seconds; Date.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(15_000, 250 * seconds)));
    steps.push(Number.parseInt(await shown("step")));
    const points = await browser.evaluate<number>(
      `document.querySelector("#detail .drawn path[stroke-width='1.8']")?.getAttribute("d").split("L").length ?? 0`,
    );
    const [left, memory] = [await shown("left, validations included"), await shown("memory of the process")];
    tell(`step ${steps.at(-1)}, ${points} points of the first curve, left ${left}, memory ${memory}`);
  }
  assert.ok(steps.at(-1)! > steps[0]!, "the curves grow");
  assert.ok(
    await browser.evaluate<number>(`document.querySelectorAll("#detail .drawn image").length`) >= 3,
  );

  if (pictures !== undefined) {
    await Deno.mkdir(pictures, { recursive: true });
    for (const width of [1300, 420]) {
      for (const theme of ["light", "dark"]) {
        await browser.send("Emulation.setDeviceMetricsOverride", {
          ...{ width, height: 900, deviceScaleFactor: 1, mobile: width < 600 },
        });
        await browser.send("Emulation.setEmulatedMedia", {
          features: [{ name: "prefers-color-scheme", value: theme }],
        });
        const path: string = `${pictures}/live-${width}-${theme}.png`;
        await browser.screenshot(path);
        if (theme === "dark") {
          assert.equal(whiteAtTheEdge(await Deno.readFile(path)), 0, `white parts of ${path}`);
        }
        const overflow = await browser.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
        assert.ok(overflow <= 0, `the page is ${overflow} px too wide at ${width}`);
      }
    }
  }

  training.kill("SIGKILL");
  await training.status;
  tell("killed");
  await is("killed", 60);
  tell(`the page says: ${await shown("state")}`);
  const before = Number.parseInt(await shown("step"));
  training = train(["--resume", "runs/run"]);
  drain(training);
  await is("running", 120);
  await browser.until(`document.querySelector("#detail").textContent.includes("resumed")`, 240);
  tell(`running again, at step ${Number.parseInt(await shown("step"))}; ${before} when it was killed`);
  training.kill("SIGTERM");
  await training.status;
  await is("stopped", 60);
  tell(`the page says: ${await shown("state")}`);
  assert.deepEqual(browser.requests.filter((url) => !url.startsWith(origin) && !url.startsWith("data:")), []);
  assert.deepEqual(browser.console, []);
  tell("the page asked nobody else for anything, and its console is empty");
} finally {
  for (const process of [training, watcher]) {
    try {
      process?.kill("SIGKILL");
    } catch { /* it has ended */ }
  }
  await Deno.remove(folder, { recursive: true });
}
