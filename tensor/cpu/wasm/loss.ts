/**
 * Fused Dice + cross-entropy, forward and backward: one pass over the logits each, four voxels at once. The
 * probabilities are never stored.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { CpuKernels } from "../kernel.ts";
import { lossKernels as referenceLoss } from "../reference/loss.ts";
import { addressOf, type Engine, quotient, remainder } from "./engine.ts";
import {
  block,
  type Code,
  f32,
  f32x4,
  f64,
  i32,
  i32x4,
  type Local,
  loop,
  madd,
  sumLanes,
  v128,
  when,
} from "./instructions.ts";
import type { FunctionBuilder } from "./module_builder.ts";
import { exp, log } from "./vector_math.ts";

/** Voxels of a work item: few enough to be summed in float32. */
const voxelsPerItem = 4096;
/** Above this number of classes the unrolled code would get too long. */
const mostClasses = 64;

type Load = typeof v128.load;

/** Item i: sample and run of voxels; the body gets the byte offset of its vector in a channel. */
function overVoxels(
  locals: FunctionBuilder,
  item: Local,
  voxels: number,
  body: (at: Code, load: Load, store: typeof v128.store, lanes: Code) => Code,
): Code {
  const [at, last, whole] = locals.locals("i32", 3) as [Local, Local, Local];
  const runs = Math.ceil(voxels / voxelsPerItem);
  const first = i32.mul(remainder(item.get, runs), i32.const(4 * voxelsPerItem));
  return block(
    last.set(i32.add(first, i32.const(4 * voxelsPerItem))),
    when(i32.gtU(last.get, i32.const(4 * voxels)), last.set(i32.const(4 * voxels))),
    whole.set(i32.add(first, i32.and(i32.sub(last.get, first), i32.const(-16)))),
    loop(at, first, whole.get, 16, body(at.get, v128.load, v128.store, i32x4.const(-1))),
    loop(
      at,
      whole.get,
      last.get,
      4,
      body(at.get, v128.loadFirst, v128.storeFirst, i32x4.lanes([-1, 0, 0, 0])),
    ),
  );
}

/** Softmax of four voxels: sets `p` (one a class) and `top`, `sum`. */
function probabilities(
  locals: FunctionBuilder,
  logit: (k: number) => Code,
  { p, top, sum }: { p: readonly Local[]; top: Local; sum: Local },
): Code {
  const inverse = locals.local("v128");
  return block(
    ...p.map((local, k) => local.set(logit(k))),
    top.set(p.map(({ get }) => get).reduce((a, b) => f32x4.max(a, b))),
    sum.set(v128.zero),
    ...p.map((local) =>
      block(
        local.set(exp(locals, f32x4.sub(local.get, top.get))),
        sum.set(f32x4.add(sum.get, local.get)),
      )
    ),
    inverse.set(f32x4.div(f32x4.const(1), sum.get)),
    ...p.map((local) => local.set(f32x4.mul(local.get, inverse.get))),
  );
}

/** The fused loss and its gradient. */
export function lossKernels(engine: Engine): Pick<CpuKernels, "diceCrossEntropy" | "diceCrossEntropyGrad"> {
  return {
    diceCrossEntropy([logits, labels], [loss, sums], attributes) {
      const [samples, classes] = logits!.shape as [number, number];
      if (classes > mostClasses) {
        return referenceLoss.diceCrossEntropy([logits!, labels!], [loss!, sums!], attributes);
      }
      const voxels = sizeOf(labels!.shape) / samples;
      const runs = Math.ceil(voxels / voxelsPerItem);
      const width = 3 * classes + 1; // p·g, p², g of each class, then the cross-entropy
      const partial = engine.kernel(
        `diceCrossEntropy ${classes} ${voxels}`,
        () => ({ locals, begin, end, word }) => {
          const [item, x, y, to] = locals.locals("i32", 4) as [Local, Local, Local, Local];
          const p = locals.locals("v128", classes);
          const totals = locals.locals("v128", width);
          const [top, sum, label, isLabel, right] = locals.locals("v128", 5) as [
            Local,
            Local,
            Local,
            Local,
            Local,
          ];
          const add = (i: number, term: Code): Code => totals[i]!.set(f32x4.add(totals[i]!.get, term));
          return loop(
            item,
            begin,
            end,
            1,
            block(
              x.set(addressOf(word(0), [quotient(item.get, runs), 4 * classes * voxels])),
              y.set(addressOf(word(1), [quotient(item.get, runs), 4 * voxels])),
              ...totals.map((total) => total.set(v128.zero)),
              overVoxels(locals, item, voxels, (at, load, _, lanes) => {
                const logit = (k: number): Code => load(i32.add(x.get, at), 4 * k * voxels);
                return block(
                  label.set(load(i32.add(y.get, at))),
                  probabilities(locals, logit, { p, top, sum }),
                  right.set(f32x4.const(NaN)), // stays where a label is no class
                  ...p.map((probability, k) =>
                    block(
                      isLabel.set(v128.and(i32x4.eq(label.get, i32x4.const(k)), lanes)),
                      add(3 * k, v128.and(probability.get, isLabel.get)),
                      add(3 * k + 1, v128.and(f32x4.mul(probability.get, probability.get), lanes)),
                      add(3 * k + 2, v128.and(f32x4.const(1), isLabel.get)),
                      right.set(v128.select(logit(k), right.get, isLabel.get)),
                    )
                  ),
                  add(
                    width - 1,
                    v128.and(f32x4.sub(f32x4.add(top.get, log(locals, sum.get)), right.get), lanes),
                  ),
                );
              }),
              to.set(addressOf(word(2), [item, 8 * width])),
              ...totals.map((total, i) => f64.store(to.get, f64.promote(sumLanes(total)), 8 * i)),
            ),
          );
        },
      );
      // One item: few numbers, added in the order of the runs.
      const finish = engine.kernel(
        `diceCrossEntropy sums ${classes} ${runs}`,
        () => ({ locals, word, float }) => {
          const [n, run, from, to] = locals.locals("i32", 4) as [Local, Local, Local, Local];
          const [entropy, dice, ...totals] = locals.locals("f64", 2 + 3 * classes) as [
            Local,
            Local,
            ...Local[],
          ];
          return block(
            from.set(word(0)),
            loop(
              n,
              i32.const(0),
              word(3),
              1,
              block(
                ...totals.map((total) => total.set(f64.const(0))),
                loop(
                  run,
                  i32.const(0),
                  i32.const(runs),
                  1,
                  block(
                    ...totals.map((total, i) => total.set(f64.add(total.get, f64.load(from.get, 8 * i)))),
                    entropy.set(f64.add(entropy.get, f64.load(from.get, 8 * (width - 1)))),
                    from.set(i32.add(from.get, i32.const(8 * width))),
                  ),
                ),
                to.set(addressOf(word(2), [n, 12 * classes])),
                ...totals.map((total, i) => f32.store(to.get, f32.demote(total.get), 4 * i)),
                ...Array.from({ length: classes }, (_, k) => {
                  const [overlap, squares, size] = totals.slice(3 * k).map(({ get }) => get);
                  const denominator = f64.add(f64.add(squares!, size!), f64.promote(float(4)));
                  return dice.set(f64.add(
                    dice.get,
                    f64.sub(f64.const(1), f64.div(f64.mul(f64.const(2), overlap!), denominator)),
                  ));
                }),
              ),
            ),
            f32.store(
              word(1),
              f32.demote(f64.add(
                f64.mul(entropy.get, f64.promote(float(5))),
                f64.mul(dice.get, f64.promote(float(6))),
              )),
            ),
          );
        },
      );
      engine.withScratch(8 * samples * runs * width, (parts) => {
        engine.launch(partial, samples * runs, [logits!.address, labels!.address, parts]);
        engine.launch(
          finish,
          1,
          [parts, loss!.address, sums!.address, samples],
          [attributes.epsilon, 1 / (samples * voxels), 1 / (samples * classes)],
        );
      });
    },

    diceCrossEntropyGrad([g, logits, labels, sums], [out], attributes) {
      const [samples, classes] = logits!.shape as [number, number];
      if (classes > mostClasses) {
        return referenceLoss.diceCrossEntropyGrad([g!, logits!, labels!, sums!], [out!], attributes);
      }
      const voxels = sizeOf(labels!.shape) / samples;
      const runs = Math.ceil(voxels / voxelsPerItem);
      const key = `diceCrossEntropyGrad ${classes} ${voxels}`;
      const kernel = engine.kernel(key, () => ({ locals, begin, end, word, float }) => {
        const [item, x, y, to, sum3] = locals.locals("i32", 5) as [Local, Local, Local, Local, Local];
        const p = locals.locals("v128", classes);
        // The Dice term's slope for p_k is a_k p_k, less b_k at the label.
        const a = locals.locals("v128", classes), b = locals.locals("v128", classes);
        const [top, sum, label, dot, scale] = locals.locals("v128", 5) as [Local, Local, Local, Local, Local];
        const slopes = locals.locals("v128", classes);
        const size = locals.local("f32");
        const at3 = (k: number, i: number): Code => f32.load(sum3.get, 4 * (3 * k + i));
        const isLabel = (k: number): Code => i32x4.eq(label.get, i32x4.const(k));
        return loop(
          item,
          begin,
          end,
          1,
          block(
            x.set(addressOf(word(1), [quotient(item.get, runs), 4 * classes * voxels])),
            y.set(addressOf(word(2), [quotient(item.get, runs), 4 * voxels])),
            sum3.set(addressOf(word(3), [quotient(item.get, runs), 12 * classes])),
            to.set(addressOf(word(4), [quotient(item.get, runs), 4 * classes * voxels])),
            scale.set(f32x4.splat(f32.mul(f32.load(word(0)), float(6)))),
            ...Array.from({ length: classes }, (_, k) =>
              block(
                size.set(f32.add(f32.add(at3(k, 1), at3(k, 2)), float(5))),
                b[k]!.set(f32x4.splat(f32.div(
                  f32.mul(f32.mul(f32.const(2), float(7)), f32.load(word(0))),
                  size.get,
                ))),
                a[k]!.set(f32x4.mul(
                  b[k]!.get,
                  f32x4.splat(f32.div(f32.mul(f32.const(2), at3(k, 0)), size.get)),
                )),
              )),
            overVoxels(locals, item, voxels, (at, load, store) =>
              block(
                label.set(load(i32.add(y.get, at))),
                probabilities(locals, (k) => load(i32.add(x.get, at), 4 * k * voxels), { p, top, sum }),
                dot.set(v128.zero),
                ...p.map((probability, k) =>
                  block(
                    slopes[k]!.set(f32x4.sub(
                      f32x4.mul(a[k]!.get, probability.get),
                      v128.and(b[k]!.get, isLabel(k)),
                    )),
                    dot.set(madd(probability.get, slopes[k]!.get, dot.get)),
                  )
                ),
                ...p.map((probability, k) =>
                  store(
                    i32.add(to.get, at),
                    f32x4.add(
                      f32x4.mul(
                        f32x4.sub(probability.get, v128.and(f32x4.const(1), isLabel(k))),
                        scale.get,
                      ),
                      f32x4.mul(probability.get, f32x4.sub(slopes[k]!.get, dot.get)),
                    ),
                    4 * k * voxels,
                  )
                ),
              )),
          ),
        );
      });
      engine.launch(
        kernel,
        samples * runs,
        [g!, logits!, labels!, sums!, out!].map(({ address }) => address),
        [attributes.epsilon, 1 / (samples * voxels), 1 / (samples * classes)],
      );
    },
  };
}
