import assert from "node:assert/strict";
import type { DataError } from "../../data/errors.ts";
import { readSplit } from "../../data/split_file.ts";
import { MemoryFiles } from "./memory_files.ts";

const good = { labelled: ["a"], unlabelled: ["b"], validation: ["c"], test: [] };

Deno.test("readSplit() reads lists of ids in any encoding with a mark, and says what is wrong with others", async () => {
  const text = JSON.stringify(good), utf8 = (s: string) => new TextEncoder().encode(s);
  const utf16 = new Uint8Array(new Uint16Array([0xfeff, ...[...text].map((c) => c.charCodeAt(0))]).buffer);
  const cases: [name: string, content: Uint8Array, code: string, pattern: RegExp][] = [
    ["plain", utf8(text), "success", /^$/],
    ["with what a run adds", utf8(JSON.stringify({ ...good, sha256: "x", labelRatio: 1 })), "success", /^$/],
    ["byte order mark", utf8(`\uFEFF${text}`), "success", /^$/],
    ["UTF-16 with its mark", utf16, "success", /^$/],
    ["null", utf8("null"), "split.file", /top level: .*null/],
    ["a null list", utf8(JSON.stringify({ ...good, test: null })), "split.file", /test: .*null/],
    [
      "a number",
      utf8(JSON.stringify({ ...good, test: ["x", 12] })),
      "split.file",
      /test\.1: 12 is no text; ids are/,
    ],
    ["no list", utf8(JSON.stringify({ labelled: [] })), "split.file", /unlabelled: /],
    ["no JSON", utf8("{"), "manifest.json", /line 1, column 2/],
    ["no text", Uint8Array.of(0x7b, 0xc3, 0x28), "manifest.encoding", /UTF-8/],
  ];
  for (const [name, content, code, pattern] of cases) {
    const outcome = await readSplit("s.json", new MemoryFiles({ "s.json": content })).then(
      (split) => ({ code: "success", message: "", split }),
      ({ code, message }: DataError) => ({ code, message, split: good }),
    );
    assert.equal(outcome.code, code, name);
    assert.match(outcome.message, pattern, name);
    assert.deepEqual(outcome.split, good, name);
  }
  await assert.rejects(readSplit("/none/s.json"), (error: DataError) => error.code === "data.path");
});
