/**
 * Max and average pooling and their gradients. Windows of two with step two, what networks use, take four
 * outputs at once; other windows go voxel by voxel.
 *
 * @module
 */

import type { PoolAttributes } from "../../ops/pool3d.ts";
import { type Shape, sizeOf, type Triple } from "../../shape.ts";
import type { CpuArray, CpuKernels } from "../kernel.ts";
import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, type Code, f32, f32x4, i32, i32x4, type Local, loop, v128, when } from "./instructions.ts";
import type { FunctionBuilder } from "./module_builder.ts";

type Size = [number, number, number];
const spatial = (shape: Shape): Size => [shape[2]!, shape[3]!, shape[4]!];

/** Positions of a window's voxels relative to its first, in row-major order. */
function windowPlaces([kd, kh, kw]: Triple, [, H, W]: Size): number[] {
  const places: number[] = [];
  for (let d = 0; d < kd; d++) {
    for (let h = 0; h < kh; h++) for (let w = 0; w < kw; w++) places.push((d * H + h) * W + w);
  }
  return places;
}

/**
 * Walks the output rows of one plane: an item is a plane of one channel of one sample. `first` is the
 * position in the block of the row's first window, `to` the row's first output index.
 */
function overRows(
  locals: FunctionBuilder,
  { begin, end }: { begin: Code; end: Code },
  { size: [D, H, W], output: [oD, oH, oW], stride }: { size: Size; output: Size; stride: Triple },
  body: (block: Local, first: Local, to: Local) => Code,
): Code {
  const [item, row, base, first, to] = locals.locals("i32", 5) as [Local, Local, Local, Local, Local];
  return loop(
    item,
    begin,
    end,
    1,
    block(
      base.set(i32.mul(quotient(item.get, oD), i32.const(D * H * W))),
      loop(
        row,
        i32.const(0),
        i32.const(oH),
        1,
        block(
          first.set(addressOf(
            i32.mul(remainder(item.get, oD), i32.const(stride[0] * H * W)),
            [row, stride[1] * W],
          )),
          to.set(addressOf(i32.mul(item.get, i32.const(oH * oW)), [row, oW])),
          body(base, first, to),
        ),
      ),
    ),
  );
}

function maxKernel(engine: Engine, size: Size, output: Size, { kernel, stride }: PoolAttributes): Kernel {
  const places = windowPlaces(kernel, size);
  const oW = output[2];
  return engine.kernel(
    `max pool ${[...size, ...kernel, ...stride]}`,
    () => ({ locals, begin, end, word }) => {
      const [x, from, target, at, best, place] = locals.locals("i32", 6) as [
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
      ];
      const [value, champion] = locals.locals("f32", 2) as [Local, Local];
      const [v, top, winner, start, low, high, wins] = locals.locals("v128", 7) as [
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
      ];
      /** A value takes the lead when it is larger, or NaN while the leader is a number. */
      const vectorStep = (candidate: Code, offset: number): Code =>
        block(
          v.set(candidate),
          wins.set(v128.or(
            f32x4.gt(v.get, top.get),
            v128.andNot(f32x4.eq(top.get, top.get), f32x4.eq(v.get, v.get)),
          )),
          top.set(v128.select(v.get, top.get, wins.get)),
          winner.set(v128.select(i32x4.add(start.get, i32x4.const(offset)), winner.get, wins.get)),
        );
      const pairs = places.filter((_, i) => i % 2 === 0);
      const fourWindows = (from: Code, first: Code): Code =>
        block(
          start.set(i32x4.add(i32x4.splat(first), i32x4.lanes([0, 2, 4, 6]))),
          ...pairs.map((offset, i) =>
            block(
              low.set(v128.load(from, 4 * offset)),
              high.set(v128.load(from, 4 * offset + 16)),
              i === 0
                ? block(top.set(v128.shuffle(low.get, high.get, [0, 2, 4, 6])), winner.set(start.get))
                : vectorStep(v128.shuffle(low.get, high.get, [0, 2, 4, 6]), offset),
              vectorStep(v128.shuffle(low.get, high.get, [1, 3, 5, 7]), offset + 1),
            )
          ),
        );
      const vectors = kernel[2] === 2 && stride[2] === 2 ? oW - oW % 4 : 0;
      const notNumber = (x: Code): Code => i32.eqz(f32.eq(x, x));
      return overRows(locals, { begin, end }, { size, output, stride }, (base, first, to) =>
        block(
          x.set(addressOf(word(0), [base, 4])),
          loop(
            at,
            i32.const(0),
            i32.const(vectors),
            4,
            block(
              place.set(addressOf(first.get, [at, 2])),
              fourWindows(addressOf(x.get, [place, 4]), place.get),
              from.set(i32.mul(i32.add(to.get, at.get), i32.const(4))),
              v128.store(i32.add(word(1), from.get), top.get),
              v128.store(i32.add(word(2), from.get), winner.get),
            ),
          ),
          loop(
            at,
            i32.const(vectors),
            i32.const(oW),
            1,
            block(
              place.set(addressOf(first.get, [at, stride[2]])),
              from.set(addressOf(x.get, [place, 4])),
              champion.set(f32.load(from.get)),
              best.set(place.get),
              ...places.slice(1).map((offset) =>
                block(
                  value.set(f32.load(from.get, 4 * offset)),
                  when(
                    i32.or(
                      f32.gt(value.get, champion.get),
                      i32.gtU(notNumber(value.get), notNumber(champion.get)),
                    ),
                    block(champion.set(value.get), best.set(i32.add(place.get, i32.const(offset)))),
                  ),
                )
              ),
              target.set(i32.mul(i32.add(to.get, at.get), i32.const(4))),
              f32.store(i32.add(word(1), target.get), champion.get),
              i32.store(i32.add(word(2), target.get), best.get),
            ),
          ),
        ));
    },
  );
}

function meanKernel(engine: Engine, size: Size, output: Size, { kernel, stride }: PoolAttributes): Kernel {
  const places = windowPlaces(kernel, size);
  return engine.kernel(
    `mean pool ${[...size, ...kernel, ...stride]}`,
    () => ({ locals, begin, end, word }) => {
      const [x, from, at] = locals.locals("i32", 3) as [Local, Local, Local];
      return overRows(locals, { begin, end }, { size, output, stride }, (base, first, to) =>
        block(
          x.set(addressOf(word(0), [base, 4], [first, 4])),
          loop(
            at,
            i32.const(0),
            i32.const(output[2]),
            1,
            block(
              from.set(addressOf(x.get, [at, 4 * stride[2]])),
              f32.store(
                addressOf(word(1), [to, 4], [at, 4]),
                f32.div(
                  places.map((offset) => f32.load(from.get, 4 * offset)).reduce((a, b) => f32.add(a, b)),
                  f32.const(places.length),
                ),
              ),
            ),
          ),
        ));
    },
  );
}

/** Gradient kernels work block by block, an item one channel of one sample, since windows may overlap. */
function zeroBlock(locals: FunctionBuilder, target: Local, voxels: number): Code {
  const at = locals.local("i32");
  const whole = voxels - voxels % 4;
  return block(
    loop(at, i32.const(0), i32.const(4 * whole), 16, v128.store(i32.add(target.get, at.get), v128.zero)),
    loop(
      at,
      i32.const(4 * whole),
      i32.const(4 * voxels),
      4,
      f32.store(
        i32.add(target.get, at.get),
        f32.const(0),
      ),
    ),
  );
}

function maxGradKernel(engine: Engine, voxels: number, windows: number): Kernel {
  return engine.kernel(`max pool grad ${voxels} ${windows}`, () => ({ locals, begin, end, word }) => {
    const [item, at, target, place, from] = locals.locals("i32", 5) as [Local, Local, Local, Local, Local];
    return loop(
      item,
      begin,
      end,
      1,
      block(
        target.set(addressOf(word(2), [item, 4 * voxels])),
        zeroBlock(locals, target, voxels),
        loop(
          at,
          i32.const(0),
          i32.const(4 * windows),
          4,
          block(
            from.set(i32.add(i32.mul(item.get, i32.const(4 * windows)), at.get)),
            place.set(addressOf(target.get, [i32.load(i32.add(word(1), from.get)), 4])),
            f32.store(place.get, f32.add(f32.load(place.get), f32.load(i32.add(word(0), from.get)))),
          ),
        ),
      ),
    );
  });
}

function meanGradKernel(
  engine: Engine,
  size: Size,
  output: Size,
  { kernel, stride }: PoolAttributes,
): Kernel {
  const places = windowPlaces(kernel, size);
  const [voxels, windows] = [size[0] * size[1] * size[2], output[0] * output[1] * output[2]];
  return engine.kernel(
    `mean pool grad ${[...size, ...kernel, ...stride]}`,
    () => ({ locals, begin, end, word }) => {
      const [item, at, target, place] = locals.locals("i32", 4) as [Local, Local, Local, Local];
      const share = locals.local("f32");
      const [z, y, x] = [
        quotient(at.get, output[1] * output[2]),
        remainder(quotient(at.get, output[2]), output[1]),
        remainder(at.get, output[2]),
      ];
      return loop(
        item,
        begin,
        end,
        1,
        block(
          target.set(addressOf(word(1), [item, 4 * voxels])),
          zeroBlock(locals, target, voxels),
          loop(
            at,
            i32.const(0),
            i32.const(windows),
            1,
            block(
              place.set(addressOf(
                target.get,
                [z, 4 * stride[0] * size[1] * size[2]],
                [y, 4 * stride[1] * size[2]],
                [x, 4 * stride[2]],
              )),
              share.set(f32.div(
                f32.load(addressOf(word(0), [item, 4 * windows], [at, 4])),
                f32.const(places.length),
              )),
              ...places.map((offset) =>
                f32.store(place.get, f32.add(f32.load(place.get, 4 * offset), share.get), 4 * offset)
              ),
            ),
          ),
        ),
      );
    },
  );
}

/** The pooling kernels. */
export function poolingKernels(
  engine: Engine,
): Pick<CpuKernels, "maxPool3d" | "maxPool3dGrad" | "avgPool3d" | "avgPool3dGrad"> {
  const blocks = ({ shape }: CpuArray) => shape[0]! * shape[1]!;
  return {
    maxPool3d([x], [out, winner], attributes) {
      const output = spatial(out!.shape);
      engine.launch(maxKernel(engine, spatial(x!.shape), output, attributes), blocks(x!) * output[0], [
        x!.address,
        out!.address,
        winner!.address,
      ]);
    },
    maxPool3dGrad([g, winner], [out]) {
      const kernel = maxGradKernel(engine, sizeOf(spatial(out!.shape)), sizeOf(spatial(g!.shape)));
      engine.launch(kernel, blocks(out!), [g!.address, winner!.address, out!.address]);
    },
    avgPool3d([x], [out], attributes) {
      const output = spatial(out!.shape);
      engine.launch(meanKernel(engine, spatial(x!.shape), output, attributes), blocks(x!) * output[0], [
        x!.address,
        out!.address,
      ]);
    },
    avgPool3dGrad([g], [out], attributes) {
      const kernel = meanGradKernel(engine, spatial(out!.shape), spatial(g!.shape), attributes);
      engine.launch(kernel, blocks(out!), [g!.address, out!.address]);
    },
  };
}
