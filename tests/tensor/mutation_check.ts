/**
 * Flips one sign at a time in the source of every gradient row and of every reference gradient kernel, and runs
 * the check against central differences on each: a mutant that stays green is a hole in the tests.
 *
 * deno run --no-check --allow-read --allow-write tests/tensor/mutation_check.ts
 *
 * It works on copies. Exit code 1 when a mutant survives.
 */

import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { AnyOp } from "../../tensor/ops/op.ts";

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

const copies = Deno.makeTempDirSync({ prefix: "mutants-" });

/** A copy of what the check needs, with one file changed; a new folder, so that every module is a new one. */
function copyWith(name: string, mutant: Mutant | null): string {
  const copy = join(copies, name);
  for (const folder of ["tensor", "tensor/ops", "tensor/cpu", "tensor/cpu/reference", "tests/tensor"]) {
    Deno.mkdirSync(join(copy, folder), { recursive: true });
    for (const entry of Deno.readDirSync(join(root, folder))) {
      if (entry.isFile) Deno.copyFileSync(join(root, folder, entry.name), join(copy, folder, entry.name));
    }
  }
  if (mutant) Deno.writeTextFileSync(join(copy, mutant.file), mutant.source);
  return copy;
}

/** Whether all gradient rows of a copy pass; the rows of the changed file go first. */
async function isGreen(copy: string, file: string): Promise<boolean> {
  const load = (path: string) => import(pathToFileURL(join(copy, path)).href);
  const { checkGradients, differentiable } = await load("tests/tensor/gradient_check.ts");
  const { openOracle } = await load("tensor/cpu/oracle.ts");
  const exported = Object.values(await load(file)) as object[];
  const isOwn = (op: AnyOp) => exported.some((value) => value === op || Object.values(value).includes(op));
  const rows = [...differentiable as AnyOp[]].sort((p, q) => Number(isOwn(q)) - Number(isOwn(p)));
  const oracle = openOracle();
  for (const op of rows) {
    for (const [s, sample] of op.samples.entries()) {
      try {
        await checkGradients(oracle, op, sample, `${op.name}/${s}`);
      } catch {
        return false;
      }
    }
  }
  return true;
}

if (!await isGreen(copyWith("none", null), "tensor/ops/registry.ts")) {
  throw new Error("the check is red without any mutant");
}
const all = await mutants();
let killed = 0;
for (const [i, mutant] of all.entries()) {
  const where = `${mutant.file}:${mutant.line}: ${mutant.was}`;
  if (await isGreen(copyWith(String(i), mutant), mutant.file)) console.log(`survived ${where}`);
  else killed++;
}
Deno.removeSync(copies, { recursive: true });
console.log(`${all.length} mutants, ${killed} killed`);
Deno.exit(killed === all.length ? 0 : 1);
