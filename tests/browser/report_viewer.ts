/**
 * Opens a report in headless Chromium and uses its viewer: what it draws is compared with the volumes.
 *
 * ```sh
 * deno run -A tests/browser/report_viewer.ts pictures
 * ```
 *
 * The argument is the folder for pictures of the page at two widths. Needs `chromium` (Debian's package). Throws when
 * anything is wrong.
 */

import assert from "node:assert/strict";
import { readRunFolder, reportHtml } from "../../eval/mod.ts";
import { classes, makeRunFolders } from "../eval/make_run_folder.ts";
import { Chromium } from "./chromium.ts";

const [pictures] = Deno.args;
const folder = await Deno.makeTempDir({ prefix: "cmc-report-" });
try {
  const { folders, cases } = await makeRunFolders(folder);
  const runs = await Promise.all(folders.map((run) => readRunFolder(run)));
  await Deno.writeTextFile(`${folder}/report.html`, reportHtml(runs, { cases, classes, date: "2026-11-28" }));
  await using browser = await Chromium.start({ width: 1300, height: 900 });
  await browser.open(`file://${folder}/report.html`);
  await browser.until(`document.querySelector("#viewer-info").textContent !== ""`, 30);

  const listed = await browser.evaluate<string[]>(
    `[...document.querySelectorAll("#viewer-cases button small")].map((dice) => dice.textContent)`,
  );
  assert.equal(listed.length, 7);
  assert.deepEqual(listed, listed.toSorted(), "the lowest Dice first");

  /** The grey of the voxel under a point of the axial picture, its labels hidden. */
  const info = () => browser.evaluate<string>(`document.querySelector("#viewer-info").textContent`);
  const first = await info();
  assert.match(first, /reference (liver|spleen)/, "it opens on what was labelled");
  await browser.evaluate(`(() => {
    const set = (id, value, event) => {
      const box = document.getElementById(id);
      box.value = value;
      box.dispatchEvent(new Event(event));
    };
    set("viewer-mode", "none", "input");
  })()`);
  // Every place that is clicked tells the value and the labels of the volumes there.
  const id = await browser.evaluate<string>(
    `document.querySelector("#viewer-cases button[aria-current=true]").firstChild.textContent`,
  );
  const shown = cases.find((c) => c.case === id && c.modality === "a")!;
  const [depth, height, width] = shown.image.array.shape as [number, number, number];
  for (const [x, y] of [[0.1, 0.21], [0.52, 0.48], [0.71, 0.33]] as const) {
    await browser.evaluate(`(() => {
      const canvas = document.querySelector("canvas[data-plane=axial]"), box = canvas.getBoundingClientRect();
      const event = { clientX: box.left + ${x} * box.width, clientY: box.top + ${y} * box.height, pointerId: 1 };
      canvas.setPointerCapture = () => {};
      canvas.dispatchEvent(new PointerEvent("pointerdown", event));
    })()`);
    const d = await browser.evaluate<number>(`Number(document.querySelector("[data-slice=axial]").value)`);
    const h = Math.round(height * (1 - y) - 0.5), w = Math.round(width * (1 - x) - 0.5);
    assert.ok(d >= 0 && d < depth);
    const slices = await browser.evaluate<number[]>(
      `["coronal", "sagittal"].map((plane) => Number(document.querySelector("[data-slice=" + plane + "]").value))`,
    );
    assert.deepEqual(slices, [h, w], "the planes are linked");
    const text = await info(), label = shown.reference.array.get(d, h, w) as number;
    const value = Number(/value about (-?[\d.]+)/.exec(text)![1]);
    const range = 150; // of the made images; a byte is less than 1
    assert.ok(
      Math.abs(value - (shown.image.array.get(d, h, w) as number)) < range / 64,
      `${text} at ${[d, h, w]}: ${shown.image.array.get(d, h, w)}`,
    );
    const name = label === 0 ? "background" : classes[label - 1]!.name;
    assert.ok(text.includes(`reference ${name},`), `${text}; expected ${name}`);
  }
  await browser.evaluate(`document.querySelector("canvas[data-plane=coronal]").dispatchEvent(
    new KeyboardEvent("keydown", { key: "PageUp", cancelable: true }))`);

  for (const mode of ["both", "errors"]) {
    await browser.evaluate(`(() => {
      const box = document.getElementById("viewer-mode");
      box.value = "${mode}";
      box.dispatchEvent(new Event("input"));
      document.querySelector("#viewer-cases button").click();
    })()`);
    for (const width of [1300, 420]) {
      await browser.send("Emulation.setDeviceMetricsOverride", {
        ...{ width, height: 900, deviceScaleFactor: 1, mobile: width < 600 },
      });
      await new Promise((resolve) => setTimeout(resolve, 500));
      const overflow = await browser.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
      assert.ok(overflow <= 0, `the page is ${overflow} px too wide at ${width}`);
      if (pictures === undefined) continue;
      await Deno.mkdir(pictures, { recursive: true });
      const { x, y, width: w, height: h } = await browser.evaluate<DOMRect>(
        `(() => { const { x, y, width, height } = document.getElementById("slices").getBoundingClientRect();
          return { x, y: y + scrollY, width, height }; })()`,
      );
      const { data } = await browser.send("Page.captureScreenshot", {
        ...{ format: "png", captureBeyondViewport: true, clip: { x, y, width: w, height: h, scale: 1 } },
      });
      await Deno.writeFile(
        `${pictures}/viewer-${mode}-${width}.png`,
        Uint8Array.from(atob(data), (c) => c.charCodeAt(0)),
      );
      if (mode === "both") await browser.screenshot(`${pictures}/report-${width}.png`);
    }
  }
  assert.deepEqual(browser.console, []);
  assert.deepEqual(
    browser.requests.filter((url) => !url.startsWith("file:") && !url.startsWith("data:")),
    [],
  );
  console.log("the viewer shows what the volumes hold, in linked planes; nothing was asked of the network");
} finally {
  await Deno.remove(folder, { recursive: true });
}
