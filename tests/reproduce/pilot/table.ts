/**
 * What the trainings reached, beside what the pilot reached.
 *
 * @module
 */

import { rows } from "./rows.ts";
import type { Reached } from "./train.ts";

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (value: number) => (100 * value).toFixed(2);

/**
 * Whether a class is lost in a modality. At this learning rate some trainings never find one, in PyTorch (one of two
 * with all labels) as here: such a seed says nothing about a method, so it is named and not averaged.
 */
function hasLostClass({ dice }: Reached): boolean {
  const cases = Object.values(dice);
  return cases[0]!.some((classes, m) => classes.some((_, k) => mean(cases.map((of) => of[m]![k]!)) < 0.1));
}

/** Mean Dice over cases and classes, one a modality. */
function perModality(dice: Reached["dice"]): number[] {
  return [0, 1].map((m) => mean(Object.values(dice).flatMap((of) => of[m]!)));
}

async function readRow(out: string, name: string): Promise<Map<number, Reached>> {
  const found = new Map<number, Reached>();
  for (const seed of rows[name]!.seeds) {
    const text = await Deno.readTextFile(`${out}/${name}-s${seed}.json`).catch(() => undefined);
    if (text !== undefined) found.set(seed, JSON.parse(text));
  }
  return found;
}

/** Prints all rows that have results. */
export async function printTable(out: string): Promise<void> {
  console.log(
    "| row | seeds | lost a class | Dice | per seed | pilot | off by | allowed | A | B | only A | only B | s/step |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
  for (const [name, { expected, within, steps }] of Object.entries(rows)) {
    const all = await readRow(out, name);
    const found = new Map([...all].filter(([, reached]) => !hasLostClass(reached)));
    if (found.size === 0) continue;
    const of = (part: "dice" | "alone") => [...found.values()].map((reached) => perModality(reached[part]));
    const perSeed = of("dice").map(mean), dice = mean(perSeed), off = 100 * dice - expected;
    const over = (part: "dice" | "alone", m: number) => percent(mean(of(part).map((values) => values[m]!)));
    const seconds = mean([...found.values()].map((reached) => reached.seconds)) / steps;
    const cells = [
      name,
      [...found.keys()].join(" "),
      [...all.keys()].filter((seed) => !found.has(seed)).join(" ") || "–",
      percent(dice),
      perSeed.map(percent).join(" "),
      expected.toFixed(2),
      `${off >= 0 ? "+" : ""}${off.toFixed(2)}${Math.abs(off) > within ? " OUTSIDE" : ""}`,
      `±${within.toFixed(1)}`,
      ...(["dice", "alone"] as const).flatMap((part) => [over(part, 0), over(part, 1)]),
      seconds.toFixed(3),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
