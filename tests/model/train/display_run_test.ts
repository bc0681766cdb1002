import assert from "node:assert/strict";
import { choosePreparation, surveyCases } from "../../../data/mod.ts";
import { show, withDisplay } from "../../../eval/mod.ts";
import {
  budgets,
  costOf,
  followInNotebook,
  makePlan,
  resolveConfig,
  taskOf,
  train,
} from "../../../model/mod.ts";
import { openDevice } from "../../../tensor/mod.ts";
import { smallData, smallOptions } from "./setting.ts";

const display = (value: object): Record<string, string> =>
  (value as Record<symbol, () => Record<string, string>>)[Symbol.for("Jupyter.display")]!();

Deno.test("a run is drawn below its cell while it trains, and shows curves and results when it ended", async () => {
  using device = await openDevice("cpu", { threads: 1 });
  const sent: { type: string; title: string; id: string }[] = [];
  const kernel = {
    // deno-lint-ignore no-explicit-any -- what the protocol has in its messages
    broadcast: (type: string, content: any) => {
      assert.match(content.data["image/svg+xml"], /^<svg/);
      sent.push({ type, title: content.data["text/plain"], id: content.transient.display_id });
      return Promise.resolve();
    },
  };
  using run = await train({ ...smallOptions, steps: 3 }, {
    ...followInNotebook(0, kernel),
    device,
    ...smallData(),
  });
  assert.deepEqual(sent.map(({ type }) => type), [
    "display_data",
    "update_display_data",
    "update_display_data",
  ]);
  assert.deepEqual(sent.map(({ title }) => title), ["Step 1", "Step 2", "Step 3"]);
  assert.equal(new Set(sent.map(({ id }) => id)).size, 1);
  const shown = display(run!);
  assert.equal(shown["text/plain"], "Run of cmc: 3 of 3 steps");
  assert.match(shown["text/html"]!, /^<svg[^]*<\/svg>\s*<table[^]*<\/table>\s*$/);
  assert.ok(!Object.keys(run!).includes("Jupyter.display"));
});

Deno.test("outside of a notebook there is nothing to follow a training in", () => {
  assert.throws(() => followInNotebook(), { code: "notebook.kernel" });
});

Deno.test("a plan shows each decision with its reason, escaped", async () => {
  const { dataset } = smallData();
  const plan = await makePlan(
    await choosePreparation(dataset),
    await surveyCases(dataset),
    budgets.cpu,
    (settings) => costOf(resolveConfig(settings), taskOf(dataset)),
  );
  const { "text/html": html, "text/plain": text } = display(plan);
  for (const { name, reason } of plan.lines) {
    assert.ok(text!.includes(`${name}: `));
    assert.ok(
      html!.includes(reason.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")),
    );
  }
});

Deno.test("show() tells plots, tables and Markdown apart; withDisplay() leaves the object as it is", () => {
  assert.deepEqual(Object.keys(display(show("<svg><title>T</title></svg>"))), [
    ...["image/svg+xml", "text/html", "text/plain"],
  ]);
  assert.deepEqual(display(show("<table><caption>C</caption></table>"))["text/plain"], "C");
  assert.deepEqual(Object.keys(display(show("| a |"))), ["text/markdown", "text/plain"]);
  const value = { a: 1 };
  assert.equal(withDisplay(value, () => ({})), value);
  assert.deepEqual(Object.keys(value), ["a"]);
});
