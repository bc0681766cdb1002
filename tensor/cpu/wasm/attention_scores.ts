/**
 * What happens to the scores of one query between the matrix products of an attention.
 *
 * @module
 */

import type { AttentionShape, Term } from "./attention_shape.ts";
import {
  after,
  type Code,
  declare,
  f32,
  f32x4,
  func,
  type Local,
  loop,
  madd,
  procedure,
  repeat,
  shuffle,
  type Statements,
  sumLanes,
  unroll,
} from "./emit/mod.ts";
import { overRun } from "./runs.ts";
import { exp } from "./vector_math.ts";

/** Runs a body for each line of keys: where its scores begin, and its place in a term. */
function overLines(
  { grids: { keys: [D, H, W] } }: AttentionShape,
  term: Term,
  [scores, values]: readonly [Local<"i32">, Local<"i32">],
  body: (line: Local<"i32">, value: Local<"i32">) => Statements,
): Statements {
  const { line, value } = declare({ line: "i32", value: "i32" });
  return repeat(D, (d) =>
    repeat(H, (h) => [
      line.set(scores.add(d.mul(4 * H * W)).add(h.mul(4 * W))),
      value.set(values.add(d.mul(4 * term.keys[0]!)).add(h.mul(4 * term.keys[1]!))),
      body(line, value),
    ]));
}

/** Adds a query's values of a term to its scores. */
export function addTerm(shape: AttentionShape, term: Term) {
  const bytes = 4 * shape.grids.keys[2];
  return procedure({ scores: "i32", values: "i32" }, ({ scores, values }) => {
    const { same } = declare({ same: "f32x4" });
    return overLines(shape, term, [scores, values], (line, value) => [
      term.keys[2] === 0 ? same.set(f32x4.loadSplat(value)) : [],
      overRun(0, bytes, (at, { load, store }) => {
        const more = term.keys[2] === 0 ? same : load(value.add(at));
        return store(line.add(at), load(line.add(at)).add(more));
      }),
    ]);
  });
}

/** Adds a query's gradients of the scores to those of a term. */
export function addTermGradient(shape: AttentionShape, term: Term) {
  const bytes = 4 * shape.grids.keys[2];
  return procedure({ scores: "i32", values: "i32" }, ({ scores, values }) => {
    const { sum } = declare({ sum: "f32x4" });
    return overLines(shape, term, [scores, values], (line, value) =>
      term.keys[2] === 0
        ? [
          sum.set(0),
          overRun(0, bytes, (at, { load }) => sum.increase(load(line.add(at)))),
          f32.store(value, f32.load(value).add(sumLanes(sum))),
        ]
        : overRun(0, bytes, (at, { load, store }) =>
          store(value.add(at), load(value.add(at)).add(load(line.add(at))))));
  });
}

/** Sets every lane to the largest. */
function spreadLargest(found: Local<"f32x4">): Statements {
  return [
    found.set(found.atLeast(shuffle(found, found, [2, 3, 0, 1]))),
    found.set(found.atLeast(shuffle(found, found, [1, 0, 3, 2]))),
  ];
}

/** Scores to powers `e^(score − largest)`, zeros where there is no key; gives their sum. */
export function powersOfScores({ keys, keyPitch }: AttentionShape) {
  return func({ scores: "i32" }, ({ scores }) => {
    const { top, power, sum } = declare({ top: "f32x4", power: "f32x4", sum: "f32x4" });
    return after([
      unroll(keyPitch - keys, (i) => f32.store(scores, -Infinity, 4 * (keys + i))),
      top.set(-Infinity),
      loop(0, 4 * keyPitch, 16, (at) => top.set(top.atLeast(f32x4.load(scores.add(at))))),
      spreadLargest(top),
      loop(0, 4 * keyPitch, 16, (at) => [
        power.set(exp(f32x4.load(scores.add(at)).sub(top))),
        sum.increase(power),
        f32x4.store(scores.add(at), power),
      ]),
    ], sumLanes(sum));
  });
}

/** Multiplies the elements of a run. */
export const scaleRun = procedure({ at: "i32", to: "i32", bytes: "i32", factor: "f32" }, (parameters) => {
  const { at: from, to, bytes, factor } = parameters;
  const { all } = declare({ all: "f32x4" });
  return [
    all.set(f32x4.splat(factor)),
    overRun(0, bytes, (at, { load, store }) => store(to.add(at), load(from.add(at)).mul(all))),
  ];
});

/** Gradients of probabilities to those of scores, in place: `p (dp − Σ p dp)`. */
export function gradientOfScores({ keyPitch }: AttentionShape) {
  return procedure({ p: "i32", dp: "i32" }, ({ p, dp }) => {
    const { dot, mean } = declare({ dot: "f32x4", mean: "f32x4" });
    const load = (array: Local<"i32">, at: Local<"i32">): Code<"f32x4"> => f32x4.load(array.add(at));
    return [
      dot.set(0),
      loop(0, 4 * keyPitch, 16, (at) => dot.set(madd(load(p, at), load(dp, at), dot))),
      mean.set(f32x4.splat(sumLanes(dot))),
      loop(0, 4 * keyPitch, 16, (at) => f32x4.store(dp.add(at), load(p, at).mul(load(dp, at).sub(mean)))),
    ];
  });
}
