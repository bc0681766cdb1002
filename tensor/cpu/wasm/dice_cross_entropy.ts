/**
 * Fused Dice + cross-entropy, forward and backward: one pass over the logits each, four voxels at once. The
 * probabilities are never stored.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import { ignoredLabel } from "../../ignored_label.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { diceCrossEntropyKernels as referenceKernels } from "../reference/dice_cross_entropy.ts";
import {
  type Code,
  declare,
  f32,
  f32x4,
  f64,
  type Local,
  madd,
  repeat,
  select,
  type Statements,
  sumLanes,
  unroll,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { type Access, overRun, piece } from "./runs.ts";
import { exp, log } from "./vector_math.ts";

/** Voxels of a work item: few enough to be summed in float32. */
const voxelsPerItem = 4096;
/** Above this number of classes the unrolled code would get too long. */
const mostClasses = 64;

/** What a call is about. An item is a run of voxels of a sample. */
interface Sizes {
  readonly samples: number;
  readonly classes: number;
  readonly voxels: number;
  /** Runs of a sample. */
  readonly runs: number;
}

function sizesOf(logits: CpuArray, labels: CpuArray): Sizes {
  const [samples, classes] = logits.shape as [number, number];
  const voxels = sizeOf(labels.shape) / samples;
  return { samples, classes, voxels, runs: Math.ceil(voxels / voxelsPerItem) };
}

/** Sums of a run: overlap p·g, squares p² and size g of each class, then the cross-entropy. */
const sumsOf = (classes: number): number => 3 * classes + 1;

/** Runs a body over the voxels of an item: `at` is their offset in a channel. */
const overVoxels = (
  item: Local<"i32">,
  { runs, voxels }: Sizes,
  body: (at: Local<"i32">, access: Access) => Statements,
): Statements =>
  piece(
    item.rem(runs),
    { bytes: 4 * voxelsPerItem, total: 4 * voxels },
    (from, to) => overRun(from, to, body),
  );

/** Softmax of four voxels: `code` sets `p`, one a class, the largest logit `top` and `sum` = Σ e^(z − top). */
function probabilities({ classes }: Sizes, logit: (k: number) => Code<"f32x4">) {
  const v = "f32x4";
  const { p, top, sum, inverse } = declare({ p: [v, classes], top: v, sum: v, inverse: v });
  const code = [
    p.map((probability, k) => probability.set(logit(k))),
    top.set(p.slice(1).reduce<Code<"f32x4">>((a, b) => a.atLeast(b), p[0]!)),
    sum.set(0),
    p.map((probability) => [probability.set(exp(probability.sub(top))), sum.increase(probability)]),
    inverse.set(f32x4.const(1).div(sum)),
    p.map((probability) => probability.set(probability.mul(inverse))),
  ];
  return { p, top, sum, code };
}

function sumsKernel(engine: Engine, sizes: Sizes) {
  const { classes, voxels, runs } = sizes;
  const key = `diceCrossEntropy ${classes} ${voxels}`;
  const parameters = { logits: "i32", labels: "i32", sums: "i32" } as const;
  return engine.compile(key, parameters, ({ logits, labels, sums }, { each }) => {
    const { x, y, to } = declare({ x: "i32", y: "i32", to: "i32" });
    const { label, isLabel, isKnown } = declare({ label: "i32x4", isLabel: "i32x4", isKnown: "i32x4" });
    const { right } = declare({ right: "f32x4" });
    const { totals } = declare({ totals: ["f32x4", sumsOf(classes)] });
    return each((item) => [
      x.set(logits.add(item.div(runs).mul(4 * classes * voxels))),
      y.set(labels.add(item.div(runs).mul(4 * voxels))),
      totals.map((total) => total.set(0)),
      overVoxels(item, sizes, (at, { load, present }) => {
        const logit = (k: number) => load(x.add(at), 4 * k * voxels);
        const { p, top, sum, code } = probabilities(sizes, logit);
        return [
          label.set(load(y.add(at)).bits()),
          code,
          isKnown.set(label.eq(ignoredLabel).xor(-1).and(present)),
          right.set(NaN), // stays where a label is no class
          p.map((probability, k) => [
            isLabel.set(label.eq(k).and(present)),
            totals[3 * k]!.increase(probability.where(isLabel)),
            totals[3 * k + 1]!.increase(probability.mul(probability).where(isKnown)),
            totals[3 * k + 2]!.increase(f32x4.const(1).where(isLabel)),
            right.set(select(isLabel, logit(k), right)),
          ]),
          totals.at(-1)!.increase(top.add(log(sum)).sub(right).where(isKnown)),
        ];
      }),
      to.set(sums.add(item.mul(8 * sumsOf(classes)))),
      totals.map((total, i) => f64.store(to, sumLanes(total).promote(), 8 * i)),
    ]);
  });
}

/** Adds the sums of the runs in their order and computes the loss: one item, few numbers. */
function lossKernel(engine: Engine, { classes, runs }: Sizes) {
  const width = sumsOf(classes);
  const key = `diceCrossEntropy sums ${classes} ${runs}`;
  const addresses = { parts: "i32", loss: "i32", sums: "i32", samples: "i32" } as const;
  const parameters = { ...addresses, epsilon: "f32", perVoxel: "f32", perClass: "f32" } as const;
  return engine.compile(key, parameters, ({ parts, loss, sums, samples, epsilon, perVoxel, perClass }) => {
    const { from, to, entropy, dice } = declare({ from: "i32", to: "i32", entropy: "f64", dice: "f64" });
    const { totals } = declare({ totals: ["f64", 3 * classes] });
    const coefficient = (k: number) => {
      const [overlap, squares, size] = totals.slice(3 * k) as [Local<"f64">, Local<"f64">, Local<"f64">];
      return f64.const(2).mul(overlap).div(squares.add(size).add(epsilon.promote()));
    };
    return [
      from.set(parts),
      repeat(samples, (n) => [
        totals.map((total) => total.set(0)),
        repeat(runs, () => [
          totals.map((total, i) => total.increase(f64.load(from, 8 * i))),
          entropy.increase(f64.load(from, 8 * (width - 1))),
          from.increase(8 * width),
        ]),
        to.set(sums.add(n.mul(12 * classes))),
        totals.map((total, i) => f32.store(to, total.demote(), 4 * i)),
        unroll(classes, (k) => dice.increase(f64.const(1).sub(coefficient(k)))),
      ]),
      f32.store(loss, entropy.mul(perVoxel.promote()).add(dice.mul(perClass.promote())).demote()),
    ];
  });
}

/** The Dice term's slope for p_k is `a_k p_k`, less `b_k` at the label: `code` sets a and b of a sample. */
function diceSlopes(
  { classes }: Sizes,
  { sums, g, epsilon, perClass }: {
    readonly sums: Local<"i32">;
    readonly g: Code<"f32">;
    readonly epsilon: Local<"f32">;
    readonly perClass: Local<"f32">;
  },
) {
  const { a, b, size } = declare({ a: ["f32x4", classes], b: ["f32x4", classes], size: "f32" });
  const sum = (k: number, i: number) => f32.load(sums, 4 * (3 * k + i));
  const code = unroll(classes, (k) => [
    size.set(sum(k, 1).add(sum(k, 2)).add(epsilon)),
    b[k]!.set(f32x4.splat(f32.const(2).mul(perClass).mul(g).div(size))),
    a[k]!.set(b[k]!.mul(f32x4.splat(f32.const(2).mul(sum(k, 0)).div(size)))),
  ]);
  return { a, b, code };
}

function gradientKernel(engine: Engine, sizes: Sizes) {
  const { classes, voxels, runs } = sizes;
  const key = `diceCrossEntropyGrad ${classes} ${voxels}`;
  const addresses = { g: "i32", logits: "i32", labels: "i32", sums: "i32", out: "i32" } as const;
  const parameters = { ...addresses, epsilon: "f32", perVoxel: "f32", perClass: "f32" } as const;
  return engine.compile(key, parameters, ({ g, logits, labels, sums, out, ...rest }, { each }) => {
    const { x, y, to, ofSample } = declare({ x: "i32", y: "i32", to: "i32", ofSample: "i32" });
    const { label, isKnown, dot, scale } = declare({
      label: "i32x4",
      isKnown: "i32x4",
      dot: "f32x4",
      scale: "f32x4",
    });
    const { slopes } = declare({ slopes: ["f32x4", classes] });
    const { a, b, code: setSlopes } = diceSlopes(sizes, { ...rest, sums: ofSample, g: f32.load(g) });
    return each((item) => [
      x.set(logits.add(item.div(runs).mul(4 * classes * voxels))),
      y.set(labels.add(item.div(runs).mul(4 * voxels))),
      ofSample.set(sums.add(item.div(runs).mul(12 * classes))),
      to.set(out.add(item.div(runs).mul(4 * classes * voxels))),
      scale.set(f32x4.splat(f32.load(g).mul(rest.perVoxel))),
      setSlopes,
      overVoxels(item, sizes, (at, { load, store }) => {
        const { p, code } = probabilities(sizes, (k) => load(x.add(at), 4 * k * voxels));
        return [
          label.set(load(y.add(at)).bits()),
          isKnown.set(label.eq(ignoredLabel).xor(-1)),
          code,
          dot.set(0),
          p.map((probability, k) => [
            slopes[k]!.set(a[k]!.mul(probability).sub(b[k]!.where(label.eq(k)))),
            dot.set(madd(probability, slopes[k]!, dot)),
          ]),
          p.map((probability, k) => {
            const entropy = probability.sub(f32x4.const(1).where(label.eq(k))).mul(scale);
            const dice = probability.mul(slopes[k]!.sub(dot));
            return store(to.add(at), entropy.add(dice).where(isKnown), 4 * k * voxels);
          }),
        ];
      }),
    ]);
  });
}

/** The fused loss and its gradient. */
export function diceCrossEntropyKernels(
  engine: Engine,
): Pick<CpuKernels, "diceCrossEntropy" | "diceCrossEntropyGrad"> {
  const factors = ({ samples, voxels, classes }: Sizes) => ({
    perVoxel: 1 / (samples * voxels),
    perClass: 1 / (samples * classes),
  });
  return {
    diceCrossEntropy([logits, labels], [loss, sums], attributes) {
      const sizes = sizesOf(logits!, labels!);
      const { samples, classes, runs } = sizes;
      if (classes > mostClasses) {
        return referenceKernels.diceCrossEntropy([logits!, labels!], [loss!, sums!], attributes);
      }
      engine.scratch({ parts: 8 * samples * runs * sumsOf(classes) }, ({ parts }) => {
        const inputs = { logits: logits!, labels: labels!, sums: parts };
        engine.run(sumsKernel(engine, sizes), samples * runs, inputs);
        const outputs = { parts, loss: loss!, sums: sums!, samples };
        const { epsilon } = attributes;
        engine.run(lossKernel(engine, sizes), 1, { ...outputs, epsilon, ...factors(sizes) });
      });
    },
    diceCrossEntropyGrad([g, logits, labels, sums], [out], attributes) {
      const sizes = sizesOf(logits!, labels!);
      const { samples, classes, runs } = sizes;
      if (classes > mostClasses) {
        return referenceKernels.diceCrossEntropyGrad([g!, logits!, labels!, sums!], [out!], attributes);
      }
      const arrays = { g: g!, logits: logits!, labels: labels!, sums: sums!, out: out! };
      const { epsilon } = attributes;
      engine.run(gradientKernel(engine, sizes), samples * runs, { ...arrays, epsilon, ...factors(sizes) });
    },
  };
}
