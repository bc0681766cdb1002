/**
 * Flips one sign at a time in the source of every gradient row and of every reference gradient kernel, and runs
 * the check against central differences on each: a mutant that stays green is a hole in the tests.
 *
 * deno run --allow-read --allow-write --allow-run tests/tensor/mutation_check.ts
 *
 * It works on a copy and takes some minutes. Exit code 1 when a mutant survives.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Mutant {
  readonly file: string;
  readonly line: number;
  readonly was: string;
  readonly source: string;
}

/** The end of the expression or block that begins at `start`: where its brackets close again. */
function endOf(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if ("([{".includes(text[i]!)) depth++;
    else if (")]}".includes(text[i]!)) depth--;
    if (depth < 0 || (depth === 0 && text[i] === "," && text[i + 1] === "\n")) return i;
  }
  return text.length;
}

const flips: readonly [RegExp, string][] = [
  [/\.neg\(\)/g, ""],
  [/\.add\(/g, ".sub("],
  [/\.sub\(/g, ".add("],
  [/\bsub\(/g, "add("],
  [/ \+ (?!")/g, " - "],
  [/ - /g, " + "],
  [/ \+= /g, " -= "],
];

/** Every flip within the parts of a file that a pattern begins. */
function mutantsOf(file: string, text: string, part: RegExp): Mutant[] {
  return [...text.matchAll(part)].flatMap(({ index, 0: head }) => {
    const start = index + head.length;
    const end = endOf(text, start);
    return flips.flatMap(([pattern, replacement]) =>
      [...text.slice(start, end).matchAll(pattern)].flatMap((hit) => {
        const at = start + hit.index;
        const line = text.slice(text.lastIndexOf("\n", at) + 1).split("\n", 1)[0]!;
        if (/^\s*(\/\/|\*|throw|`)|\?\?|for \(/.test(line)) return [];
        const source = text.slice(0, at) + replacement + text.slice(at + hit[0].length);
        return [{ file, line: text.slice(0, at).split("\n").length, was: line.trim(), source }];
      })
    );
  });
}

async function mutants(): Promise<Mutant[]> {
  const found: Mutant[] = [];
  for (
    const [folder, part] of [
      ["tensor/ops", /\n {2,4}gradient: /g],
      ["tensor/cpu/reference", /\n {2}\w*Grad(?=\(\[|: \()/g],
    ] as const
  ) {
    const names = [...Deno.readDirSync(join(root, folder))].map(({ name }) => name).sort();
    for (const name of names) {
      const file = join(folder, name);
      found.push(...mutantsOf(file, await Deno.readTextFile(join(root, file)), part));
    }
  }
  return found;
}

function copyTree(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyTree(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}

const copy = Deno.makeTempDirSync({ prefix: "mutants-" });
for (const folder of ["tensor", "tests/tensor"]) copyTree(join(root, folder), join(copy, folder));
Deno.copyFileSync(join(root, "deno.json"), join(copy, "deno.json"));

async function isGreen(): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--no-check",
      "-A",
      "--fail-fast",
      "--filter",
      "central differences",
      "tests/tensor/op_gradients_test.ts",
    ],
    cwd: copy,
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

console.log(`${(await mutants()).length} mutants`);
if (!await isGreen()) throw new Error("the check is red without any mutant");
const all = await mutants();
const survivors: Mutant[] = [];
for (const mutant of all) {
  const path = join(copy, mutant.file);
  const original = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, mutant.source);
  if (await isGreen()) {
    survivors.push(mutant);
    console.log(`survived: ${mutant.file}:${mutant.line}: ${mutant.was}`);
  }
  Deno.writeTextFileSync(path, original);
}
Deno.removeSync(copy, { recursive: true });
console.log(`${all.length} mutants, ${all.length - survivors.length} killed`);
Deno.exit(survivors.length === 0 ? 0 : 1);
