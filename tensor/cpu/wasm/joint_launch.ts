/**
 * Several copies and transforms that do not wait for each other, in one launch: a launch begins when the one before
 * it is done, so that threads wait for each other after every small one.
 *
 * @module
 */

import { type Code, declare, type Local, type Statements, when } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";

/** Reads one array and writes another, item by item. */
export interface Work {
  /** What it does and all that its code depends on. */
  readonly key: string;
  /** Work items. */
  readonly items: number;
  /** Addresses of what it reads and of what it writes. */
  readonly from: number;
  readonly to: number;
  /** The code of an item. */
  code(
    arrays: { readonly from: Local<"i32">; readonly to: Local<"i32"> },
  ): (item: Local<"i32">) => Statements;
}

/** Items are those of the first work, up to `end0`, then those of the next. */
function jointKernel(engine: Engine, works: readonly Work[]) {
  const parameters: Record<string, "i32"> = {};
  for (const i of works.keys()) parameters[`from${i}`] = parameters[`to${i}`] = parameters[`end${i}`] = "i32";
  const key = works.map((work) => work.key).join(" and ");
  return engine.compile(key, parameters, (words, { each }) => {
    const { own } = declare({ own: "i32" });
    const bodies = works.map(({ code }, i) => code({ from: words[`from${i}`]!, to: words[`to${i}`]! })(own));
    const from = (item: Code<"i32">, i: number): Statements => {
      const body = [own.set(item.sub(i === 0 ? 0 : words[`end${i - 1}`]!)), bodies[i]!];
      return i === works.length - 1 ? body : when(item.lt(words[`end${i}`]!), body, from(item, i + 1));
    };
    return each((item) => from(item, 0));
  });
}

/** Runs works, in any order and at the same time. */
export function runTogether(engine: Engine, works: readonly Work[]): void {
  const words: Record<string, number> = {};
  let items = 0;
  for (const [i, work] of works.entries()) {
    items += work.items;
    Object.assign(words, { [`from${i}`]: work.from, [`to${i}`]: work.to, [`end${i}`]: items });
  }
  engine.run(jointKernel(engine, works), items, words);
}
