/** Generated kernels stay readable: no function of the fast CPU device exceeds sixty lines. */

import assert from "node:assert/strict";
import { type Source, sources } from "./sources.ts";

const most = 60;

/** Lines that open something that is no function. */
const noFunction =
  /^\s*(import|export \{|(export )?(abstract )?(class|interface|type)\b|(export )?const [^=]+ = [{[]$)/;
const opens = /([{([]|=>)$/;
const closes = /^\s*[}\])]/;
const indentation = (line: string): number => line.length - line.trimStart().length;

/** Functions that are too long. The formatter puts the end of each at the indentation of its first line. */
function longFunctions({ path, text }: Pick<Source, "path" | "text">): string[] {
  const lines = text.split("\n");
  return lines.flatMap((line, first) => {
    if (!opens.test(line) || closes.test(line) || noFunction.test(line)) return [];
    const ends = line.endsWith("=>")
      ? (next: string) => next !== "" && indentation(next) <= indentation(line)
      : (next: string) => closes.test(next) && !opens.test(next) && indentation(next) === indentation(line);
    const length = lines.slice(first + 1).findIndex(ends) + (line.endsWith("=>") ? 1 : 2);
    return length > most ? [`${path}:${first + 1} has ${length} lines: ${line.trim()}`] : [];
  });
}

Deno.test(`no function in tensor/cpu/wasm exceeds ${most} lines`, async () => {
  const files = (await sources()).filter(({ path }) => path.startsWith("tensor/cpu/wasm/"));
  assert.ok(files.length > 20);
  assert.deepEqual(files.flatMap(longFunctions), []);
});

Deno.test("the check of function lengths sees functions, methods and arrows that are too long", () => {
  const body = "    work();\n".repeat(most);
  const texts = [
    `export function f(\n  x: number,\n): number {\n${body}}\n`,
    `class A {\n  m(x: number): void {\n${body}  }\n}\n`,
    `const f = (x: number) => {\n${body}};\n`,
    `const f = (x: number): Code =>\n  loop([\n${body}  ]);\n`,
  ];
  for (const text of texts) assert.equal(longFunctions({ path: "x.ts", text }).length, 1, text.slice(0, 30));
  assert.deepEqual(longFunctions({ path: "x.ts", text: `class A {\n${"  m() {}\n".repeat(99)}}\n` }), []);
});
