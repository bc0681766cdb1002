import assert from "node:assert/strict";
import { fileName } from "../../data/file_name.ts";
import { Random } from "../../tensor/random.ts";

Deno.test("fileName() keeps ordinary names readable", () => {
  assert.equal(fileName("hippocampus_042", "mr"), "hippocampus_042_mr");
  assert.equal(fileName("sub-01_ses-2", "T1w", "left kidney"), "sub-01_ses-2_T1w_left=20kidney");
  assert.equal(fileName("", "ct"), "_ct");
});

Deno.test("fileName() gives different names different files, and every file system can hold them", () => {
  const hostile = [
    ...["p", "p_y", "y_x", "x", "_", "__", "=5F", "=", "==", "5F", "左腎", "右腎", "腎", "é", "e\u0301", "É"],
    ...[
      "a/b",
      "a\\b",
      "..",
      ".",
      "a b",
      "a\nb",
      "a\0b",
      "a%b",
      'a"b',
      "a:b",
      "a?b*",
      "CON",
      "é_",
      "ſ",
      "\ud83e\uddec",
    ],
    ...["x".repeat(300), "x".repeat(301), "腎".repeat(100), "腎".repeat(101), "_".repeat(90), "_".repeat(91)],
  ];
  const names = new Map<string, string>();
  for (const first of hostile) {
    for (const second of hostile) {
      const name = fileName(first, second), pair = JSON.stringify([first, second]);
      assert.equal(names.get(name), undefined, `${pair} and ${names.get(name)} are both ${name}`);
      names.set(name, pair);
      // deno-lint-ignore no-control-regex -- what Windows and POSIX forbid
      assert.doesNotMatch(name, /[\x00-\x1f<>:"/\\|?*%\s]|^\./, pair);
      assert.ok(new TextEncoder().encode(name).length <= 200, pair);
      assert.equal(name, name.normalize("NFC"), "macOS must not rename it");
    }
  }
  const random = new Random(9), letters = ["a", "_", "=", "F", "5", "é", "腎", " "];
  const word = () => Array.from({ length: random.integer(4) }, () => letters[random.integer(8)]!).join("");
  const drawn = new Map<string, string>();
  for (let i = 0; i < 5000; i++) {
    const parts = [word(), word(), word()] as const, name = fileName(...parts), key = JSON.stringify(parts);
    assert.equal(drawn.get(name) ?? key, key);
    drawn.set(name, key);
  }
});
