/**
 * Group normalisation with its activation, and its gradient. A work item is one group of one sample: it is
 * read two or three times in a row, so all but the first time it comes from the cache.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import type { CpuKernels } from "../kernel.ts";
import { addressOf, type Engine, remainder } from "./engine.ts";
import {
  block,
  call,
  type Code,
  f32,
  f32x4,
  f64,
  i32,
  type Local,
  loop,
  madd,
  sumLanes,
  v128,
  when,
} from "./instructions.ts";
import type { FunctionBuilder, ModuleBuilder } from "./module_builder.ts";
import { addSumOfRun, shortRun } from "./reduction.ts";

type Load = typeof v128.load;

/** Runs a body over all vectors of a run and then, element by element, over the rest. */
function overRun(
  locals: FunctionBuilder,
  bytes: Code,
  body: (at: Code, load: Load, store: typeof v128.store) => Code,
): Code {
  const at = locals.local("i32");
  const whole = i32.and(bytes, i32.const(-16));
  return block(
    loop(at, i32.const(0), whole, 16, body(at.get, v128.load, v128.store)),
    loop(at, whole, bytes, 4, body(at.get, v128.loadFirst, v128.storeFirst)),
  );
}

/**
 * Adds up vectors over a run into float64 sums, in short pieces. The rest of the run loads zeros into the
 * other lanes, so `terms` must give 0 for them: `lanes` is 1 in the lanes that count.
 */
function sumOverRun(
  locals: FunctionBuilder,
  bytes: Code,
  totals: readonly Local[],
  terms: (at: Code, load: Load, lanes: Code, add: (i: number, term: Code) => Code) => Code,
): Code {
  const [at, stop, whole] = locals.locals("i32", 3);
  const sums = totals.map(() => locals.local("v128"));
  const flush = block(...totals.map((total, i) =>
    block(
      total.set(f64.add(total.get, f64.promote(sumLanes(sums[i]!)))),
      sums[i]!.set(v128.zero),
    )
  ));
  const add = (i: number, term: Code): Code => sums[i]!.set(f32x4.add(sums[i]!.get, term));
  return block(
    whole!.set(i32.and(bytes, i32.const(-16))),
    ...sums.map((sum) => sum.set(v128.zero)),
    loop(
      at!,
      i32.const(0),
      whole!.get,
      0,
      block(
        stop!.set(i32.add(at!.get, i32.const(4 * shortRun))),
        when(i32.gtU(stop!.get, whole!.get), stop!.set(whole!.get)),
        loop(at!, at!.get, stop!.get, 16, terms(at!.get, v128.load, f32x4.const(1), add)),
        flush,
      ),
    ),
    loop(
      at!,
      whole!.get,
      bytes,
      4,
      terms(at!.get, v128.loadFirst, f32x4.replace(v128.zero, 0, f32.const(1)), add),
    ),
    flush,
  );
}

/** `squares(address, bytes, mean) → f64`: the sum of squared distances from a mean. */
function addSquares(module: ModuleBuilder): number {
  return module.add("squares", ["i32", "i32", "f32"], (locals, [address, bytes, mean]) => {
    const total = locals.local("f64");
    const distance = locals.local("v128");
    return block(
      sumOverRun(locals, bytes!.get, [total], (at, load, lanes, add) =>
        block(
          distance.set(
            f32x4.sub(load(i32.add(address!.get, at)), f32x4.mul(f32x4.splat(mean!.get), lanes)),
          ),
          add(0, f32x4.mul(distance.get, distance.get)),
        )),
      total.get,
    );
  }, "f64");
}

const leaky = (value: Code, condition: Code, slope: Code): Code =>
  v128.select(value, f32x4.mul(value, slope), condition);

/** The normalisation kernels. */
export function normalizationKernels(engine: Engine): Pick<CpuKernels, "groupNorm" | "groupNormGrad"> {
  return {
    groupNorm([x, gamma, beta], [out, means, rstds], { groups, epsilon, slope }) {
      const [samples, channels] = x!.shape as [number, number];
      const voxels = sizeOf(x!.shape.slice(2));
      const perGroup = channels / groups;
      const count = perGroup * voxels;
      const kernel = engine.kernel(`groupNorm ${[channels, voxels, groups]}`, (module) => {
        const sum = addSumOfRun(module);
        const squares = addSquares(module);
        /** apply(x, out, mean, scale, shift, slope): one channel. The mean goes first: no cancellation after. */
        const apply = module.add("apply", ["i32", "i32", "f32", "f32", "f32", "f32"], (locals, all) => {
          const [from, to, mean, scale, shift, slope] = all as [Local, Local, Local, Local, Local, Local];
          const [m, a, b, s, value] = locals.locals("v128", 5);
          return block(
            m!.set(f32x4.splat(mean.get)),
            a!.set(f32x4.splat(scale.get)),
            b!.set(f32x4.splat(shift.get)),
            s!.set(f32x4.splat(slope.get)),
            overRun(locals, i32.const(4 * voxels), (at, load, store) =>
              block(
                value!.set(madd(f32x4.sub(load(i32.add(from.get, at)), m!.get), a!.get, b!.get)),
                store(
                  i32.add(to.get, at),
                  leaky(value!.get, f32x4.gt(value!.get, v128.zero), s!.get),
                ),
              )),
          );
        });
        return ({ locals, begin, end, word, float }) => {
          const [item, c, from] = locals.locals("i32", 3);
          const [mean, rstd, scale] = locals.locals("f32", 3);
          const offset = addressOf(i32.mul(item!.get, i32.const(4 * count)), [c!, 4 * voxels]);
          const channel = addressOf(i32.mul(remainder(item!.get, groups), i32.const(4 * perGroup)), [c!, 4]);
          return loop(
            item!,
            begin,
            end,
            1,
            block(
              from!.set(addressOf(word(0), [item!, 4 * count])),
              mean!.set(
                f32.demote(f64.div(call(sum, from!.get, i32.const(4 * count)), f64.const(count))),
              ),
              rstd!.set(f32.demote(f64.div(
                f64.const(1),
                f64.sqrt(f64.add(
                  f64.div(call(squares, from!.get, i32.const(4 * count), mean!.get), f64.const(count)),
                  f64.promote(float(6)),
                )),
              ))),
              f32.store(addressOf(word(4), [item!, 4]), mean!.get),
              f32.store(addressOf(word(5), [item!, 4]), rstd!.get),
              loop(
                c!,
                i32.const(0),
                i32.const(perGroup),
                1,
                block(
                  scale!.set(f32.mul(f32.load(i32.add(word(1), channel)), rstd!.get)),
                  call(
                    apply,
                    i32.add(word(0), offset),
                    i32.add(word(3), offset),
                    mean!.get,
                    scale!.get,
                    f32.load(i32.add(word(2), channel)),
                    float(7),
                  ),
                ),
              ),
            ),
          );
        };
      });
      engine.launch(
        kernel,
        samples * groups,
        [x!, gamma!, beta!, out!, means!, rstds!].map(({ address }) => address),
        [epsilon, slope],
      );
    },

    groupNormGrad([g, x, gamma, beta, means, rstds], [dx, dgamma, dbeta], { groups, slope }) {
      const [samples, channels] = x!.shape as [number, number];
      const voxels = sizeOf(x!.shape.slice(2));
      const perGroup = channels / groups;
      const count = perGroup * voxels;
      const kernel = engine.kernel(`groupNormGrad ${[channels, voxels, groups]}`, (module) => {
        const parameters = ["i32", "i32", "i32", "f32", "f32", "f32", "f32", "f32"] as const;
        /** The normalised x and the gradient before the activation; `hat` and `grad` are set. */
        const prepare = (hat: Local, grad: Local, constants: Local[], x: Code, g: Code): Code => {
          const [rstd, mean, gamma, beta, slope] = constants.map(({ get }) => get);
          return block(
            hat.set(f32x4.mul(f32x4.sub(x, mean!), rstd!)),
            grad.set(g),
            grad.set(leaky(grad.get, f32x4.gt(madd(hat.get, gamma!, beta!), v128.zero), slope!)),
          );
        };
        const splats = (locals: FunctionBuilder, scalars: Local[]): [Local[], Code] => {
          const vectors = scalars.map(() => locals.local("v128"));
          return [vectors, block(...vectors.map((v, i) => v.set(f32x4.splat(scalars[i]!.get))))];
        };
        /** sums(g, x, sums, rstd, mean, γ, β, slope): Σ grad and Σ grad·x̂ of one channel. */
        const sums = module.add("sums", parameters, (locals, [g, x, to, ...scalars]) => {
          const [constants, set] = splats(locals, scalars);
          const totals = locals.locals("f64", 2);
          const [hat, grad] = locals.locals("v128", 2) as [Local, Local];
          return block(
            set,
            sumOverRun(locals, i32.const(4 * voxels), totals, (at, load, _, add) =>
              block(
                // Lanes past the end have g = 0, so they add nothing.
                prepare(hat, grad, constants, load(i32.add(x!.get, at)), load(i32.add(g!.get, at))),
                add(0, grad.get),
                add(1, f32x4.mul(grad.get, hat.get)),
              )),
            f64.store(to!.get, totals[0]!.get),
            f64.store(to!.get, totals[1]!.get, 8),
          );
        });
        /** spread(g, x, dx, rstd, mean, γ, β, slope, a, b): dx = rstd·γ·grad − a − b·x̂. */
        const spread = module.add(
          "spread",
          [...parameters, "f32", "f32"],
          (locals, [g, x, to, ...scalars]) => {
            const [constants, set] = splats(locals, scalars);
            const [hat, grad, scale] = locals.locals("v128", 3) as [Local, Local, Local];
            const [rstd, , gamma, , , a, b] = constants.map(({ get }) => get);
            return block(
              set,
              scale.set(f32x4.mul(rstd!, gamma!)),
              overRun(locals, i32.const(4 * voxels), (at, load, store) =>
                block(
                  prepare(hat, grad, constants, load(i32.add(x!.get, at)), load(i32.add(g!.get, at))),
                  store(
                    i32.add(to!.get, at),
                    f32x4.sub(f32x4.mul(grad.get, scale.get), madd(hat.get, b!, a!)),
                  ),
                )),
            );
          },
        );
        return ({ locals, begin, end, word, float }) => {
          const [item, c] = locals.locals("i32", 2);
          const [mean, rstd] = locals.locals("f32", 2);
          const [first, second, scale] = locals.locals("f64", 3);
          const offset = addressOf(i32.mul(item!.get, i32.const(4 * count)), [c!, 4 * voxels]);
          const channel = addressOf(i32.mul(remainder(item!.get, groups), i32.const(4 * perGroup)), [c!, 4]);
          const to = addressOf(word(7), [item!, 16 * perGroup], [c!, 16]);
          const shared = [
            rstd!.get,
            mean!.get,
            f32.load(i32.add(word(2), channel)),
            f32.load(i32.add(word(3), channel)),
            float(8),
          ];
          const perVoxel = (sum: Local): Code =>
            f32.demote(f64.div(f64.mul(f64.promote(rstd!.get), sum.get), f64.const(count)));
          return loop(
            item!,
            begin,
            end,
            1,
            block(
              mean!.set(f32.load(addressOf(word(4), [item!, 4]))),
              rstd!.set(f32.load(addressOf(word(5), [item!, 4]))),
              first!.set(f64.const(0)),
              second!.set(f64.const(0)),
              loop(
                c!,
                i32.const(0),
                i32.const(perGroup),
                1,
                block(
                  call(sums, i32.add(word(0), offset), i32.add(word(1), offset), to, ...shared),
                  scale!.set(f64.promote(f32.load(i32.add(word(2), channel)))),
                  first!.set(f64.add(first!.get, f64.mul(scale!.get, f64.load(to)))),
                  second!.set(f64.add(second!.get, f64.mul(scale!.get, f64.load(to, 8)))),
                ),
              ),
              loop(
                c!,
                i32.const(0),
                i32.const(perGroup),
                1,
                call(
                  spread,
                  i32.add(word(0), offset),
                  i32.add(word(1), offset),
                  i32.add(word(6), offset),
                  ...shared,
                  perVoxel(first!),
                  perVoxel(second!),
                ),
              ),
            ),
          );
        };
      });
      const finish = engine.kernel(`groupNormGrad sums ${channels}`, () => ({ locals, begin, end, word }) => {
        const [item, n, from] = locals.locals("i32", 3);
        const [first, second] = locals.locals("f64", 2);
        return loop(
          item!,
          begin,
          end,
          1,
          block(
            first!.set(f64.const(0)),
            second!.set(f64.const(0)),
            loop(
              n!,
              i32.const(0),
              word(3),
              1,
              block(
                from!.set(addressOf(word(0), [n!, 16 * channels], [item!, 16])),
                first!.set(f64.add(first!.get, f64.load(from!.get))),
                second!.set(f64.add(second!.get, f64.load(from!.get, 8))),
              ),
            ),
            f32.store(addressOf(word(1), [item!, 4]), f32.demote(second!.get)),
            f32.store(addressOf(word(2), [item!, 4]), f32.demote(first!.get)),
          ),
        );
      });
      engine.withScratch(16 * samples * channels, (sums) => {
        const inputs = [g!, x!, gamma!, beta!, means!, rstds!, dx!].map(({ address }) => address);
        engine.launch(kernel, samples * groups, [...inputs, sums], [slope]);
        engine.launch(finish, channels, [sums, dgamma!.address, dbeta!.address, samples]);
      });
    },
  };
}
