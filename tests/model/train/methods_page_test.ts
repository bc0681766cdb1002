import assert from "node:assert/strict";
import { methods } from "../../../model/mod.ts";
import { methodsPage, pageUrl } from "./methods_page.ts";

/** Words of a Markdown text; formatting may change its spaces and rules. */
const words = (text: string) => text.replaceAll(/[-\s|]+/g, " ").trim();

Deno.test("the page of the methods says what their table says", async () => {
  const page = await Deno.readTextFile(pageUrl);
  assert.equal(words(page), words(methodsPage()), "run tests/model/train/methods_page.ts");
  for (const name of methods.keys()) assert.ok(page.includes(`\`${name}\``));
});
