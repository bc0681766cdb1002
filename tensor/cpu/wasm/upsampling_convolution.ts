/**
 * The transposed convolution whose kernel is its stride, as decoders use it: no two inputs meet in an output, so
 * it is a matrix product, from the channels of each voxel to those of all the voxels it becomes, and a copy that
 * puts these at their places.
 *
 * @module
 */

import type { ConvAttributes } from "../../ops/conv3d.ts";
import { type Shape, sizeOf, type Triple } from "../../shape.ts";
import {
  type Code,
  declare,
  f32,
  f32x4,
  type Local,
  loop,
  type Operand,
  repeat,
  shuffle,
  type Statements,
  unroll,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { matrixProduct, type Placed } from "./matmul.ts";

/** Whether a transposed convolution is of this kind. */
export function isUpsampling(weight: Shape, { stride, padding, dilation, groups }: ConvAttributes): boolean {
  const isDense = groups === 1 && padding.every((n) => n === 0) && dilation.every((n) => n === 1);
  return isDense && stride.every((n, axis) => n === weight[axis + 2]);
}

/** Writes a row of results: `stride` rows of what came from the product, elements in turn, and a bias. */
function mergeRows(
  { from, to, shift }: Readonly<Record<"from" | "to", Local<"i32">>> & { readonly shift: Local<"f32x4"> },
  { width, stride, perTap }: { readonly width: number; readonly stride: number; readonly perTap: number },
): Statements {
  const whole = stride <= 2 ? width - width % 4 : 0;
  const { low, high } = declare({ low: "f32x4", high: "f32x4" });
  const four = (at: Local<"i32">, tap: number): Code<"f32x4"> =>
    f32x4.load(from.add(at), tap * perTap).add(shift);
  const pair = (at: Local<"i32">): Statements => [
    low.set(four(at, 0)),
    high.set(four(at, 1)),
    f32x4.store(to.add(at.mul(2)), shuffle(low, high, [0, 4, 1, 5])),
    f32x4.store(to.add(at.mul(2)), shuffle(low, high, [2, 6, 3, 7]), 16),
  ];
  return [
    loop(0, 4 * whole, 16, (at) => stride === 1 ? f32x4.store(to.add(at), four(at, 0)) : pair(at)),
    loop(4 * whole, 4 * width, 4, (at) =>
      unroll(stride, (tap) =>
        f32.store(
          to.add(at.mul(stride)),
          f32.load(from.add(at), tap * perTap).add(shift.lane(0)),
          4 * tap,
        ))),
  ];
}

/** Puts `[samples,channels,…stride,D,H,W]` at its places in the output. An item is a plane of inputs of a channel. */
function placeKernel(engine: Engine, [D, H, W]: Triple, stride: Triple, hasBias: boolean) {
  const [sd, sh, sw] = stride;
  const volume = 4 * D * H * W;
  const parameters = { from: "i32", bias: "i32", out: "i32", channels: "i32" } as const;
  const key = `upsampling ${[D, H, W, ...stride, hasBias]}`;
  return engine.compile(key, parameters, (of, { each }) => {
    const { channel, z, from, to, shift } = declare({
      channel: "i32",
      z: "i32",
      from: "i32",
      to: "i32",
      shift: "f32x4",
    });
    const row = (tapZ: number, tapY: number, y: Operand<"i32"> & Code<"i32">): Statements => [
      from.set(
        of.from.add(channel.mul(sd * sh * sw * volume)).add(z.mul(4 * H * W)).add(y.mul(4 * W))
          .add((tapZ * sh + tapY) * sw * volume),
      ),
      to.set(
        of.out.add(channel.mul(sd * sh * sw * volume))
          .add(z.mul(sd).add(tapZ).mul(4 * sh * H * sw * W))
          .add(y.mul(sh).add(tapY).mul(4 * sw * W)),
      ),
      mergeRows({ from, to, shift }, { width: W, stride: sw, perTap: volume }),
    ];
    return each((item) => [
      channel.set(item.div(D)),
      z.set(item.rem(D)),
      hasBias ? shift.set(f32x4.loadSplat(of.bias.add(channel.rem(of.channels).mul(4)))) : [],
      unroll(sd, (tapZ) => unroll(sh, (tapY) => repeat(H, (y) => row(tapZ, tapY, y)))),
    ]);
  });
}

/** Transposed convolution of x `[N,I,D,H,W]` with w `[I,O,…stride]`, plus a bias where there is one. */
export function upsample(
  engine: Engine,
  [x, w, bias]: readonly [Placed, Placed, Placed | undefined],
  out: Placed,
  stride: Triple,
): void {
  const [samples, inputs, ...size] = x.shape as [number, number, number, number, number];
  const outputs = out.shape[1]!;
  const [rows, voxels] = [outputs * sizeOf(stride), sizeOf(size)];
  engine.scratch({ address: 4 * samples * rows * voxels }, ({ address }) => {
    const weights: Placed = { address: w.address, shape: [inputs, rows] };
    const columns: Placed = { address: x.address, shape: [samples, inputs, voxels] };
    const product: Placed = { address, shape: [samples, rows, voxels] };
    matrixProduct(engine, [weights, columns, product], { transposeA: true, transposeB: false });
    engine.run(placeKernel(engine, size, stride, bias !== undefined), samples * outputs * size[0], {
      from: address,
      bias: bias ?? 0,
      out,
      channels: outputs,
    });
  });
}
