/**
 * The first and the last stage of Winograd convolutions: tiles of voxels to the transformed domain and back. The
 * four lanes of a vector are four channels.
 *
 * @module
 */

import {
  type Code,
  declare,
  f32,
  f32x4,
  type Local,
  locals,
  procedure,
  type Statements,
  unroll,
  when,
} from "./emit/mod.ts";
import { transpose } from "./transpose.ts";
import { positionPlanes, type Size, tileSize, winogradPlace, type WinogradShape } from "./winograd.ts";
import {
  type Filtering,
  fourOutputs,
  type Transform,
  transformBox,
  twoOutputs,
} from "./winograd_transforms.ts";

/** Offset in bytes of voxel (z, y, x) of a tile. */
export type Offset = (z: number, y: number, x: number) => number;

/** Where a stage reads its tiles, and the bytes from position to position of what it writes. */
export interface StageLayout {
  /** Where voxels are. */
  readonly offset: Offset;
  /** Distance of what it writes. */
  readonly perPosition: number;
}

type Step = readonly [0 | 1 | 2, Transform];

/** A transform along each axis, the first one first; nothing along z where tiles are flat. */
export function steps(
  { depth }: Pick<WinogradShape, "depth">,
  which: keyof Filtering,
  order: readonly (0 | 1 | 2)[],
): readonly Step[] {
  return order.filter((axis) => axis > 0 || depth > 1)
    .map((axis) => [axis, (axis === 0 ? twoOutputs : fourOutputs)[which]]);
}

/** One vector of tiles of so many voxels to the transformed domain. */
function tileStage(
  shape: WinogradShape,
  which: "input" | "gradient",
  size: Size,
  { offset, perPosition }: StageLayout,
) {
  return procedure({ source: "i32", target: "i32" }, ({ source, target }) =>
    transformBox(
      size,
      steps(shape, which, [0, 2, 1]),
      (place) => f32x4.load(source, offset(...place)),
      (values, place) =>
        values.map((value, i) => f32x4.store(target, value, winogradPlace(place(i)) * perPosition)),
    ));
}

/** `Bᵀ d` along each axis of one vector of tiles. */
export function inputStage(shape: WinogradShape, layout: StageLayout) {
  return tileStage(shape, "input", [positionPlanes(shape.depth), 6, 6], layout);
}

/** `A y` along each axis of one vector of tiles. */
export function gradientStage(shape: WinogradShape, layout: StageLayout) {
  return tileStage(shape, "gradient", tileSize(shape.depth), layout);
}

/** What is left of the output from a tile on: planes, rows, columns, and channels of the vector. */
type Left = Readonly<Record<"planes" | "rows" | "columns" | "channels", Local<"i32">>>;

/** Writes four columns of four channels, or as many as there are. */
function rowWriter({ outputs, size: [D, H, W] }: WinogradShape, { columns, channels }: Left) {
  const perChannel = 4 * D * H * W;
  const [rows, values] = [locals("f32x4", 4), locals("f32x4", 4)];
  const { prepare, columns: turned } = transpose(rows);
  const turn = (row: readonly Code<"f32x4">[]): Statements => [
    rows.map((variable, i) => variable.set(row[i]!)),
    prepare,
    values.map((value, i) => value.set(turned[i]!)),
  ];
  const whole = (y: Local<"i32">, offset: number): Statements =>
    values.map((value, channel) => f32x4.store(y, value, channel * perChannel + offset));
  const part = procedure(
    { y: "i32", columns: "i32", channels: "i32", ...fourVectors },
    (inside) =>
      unroll(4, (channel) =>
        when(
          inside.channels.gt(channel),
          unroll(4, (column) =>
            when(
              inside.columns.gt(column),
              f32.store(
                inside.y,
                inside[`v${channel as Lane}`].lane(column),
                channel * perChannel + 4 * column,
              ),
            )),
        )),
  );
  const isWhole = [
    ...(W % 4 === 0 ? [] : [columns.gt(3)]),
    ...(outputs % 4 === 0 ? [] : [channels.gt(3)]),
  ];
  return (row: readonly Code<"f32x4">[], y: Local<"i32">, offset: number): Statements => {
    const [v0, v1, v2, v3] = values as [Local<"f32x4">, Local<"f32x4">, Local<"f32x4">, Local<"f32x4">];
    const write = isWhole.length === 0 ? whole(y, offset) : when(
      isWhole.reduce((all, one) => all.and(one)),
      whole(y, offset),
      part({ y: y.add(offset), columns, channels, v0, v1, v2, v3 }),
    );
    return [turn(row), write];
  };
}

type Lane = 0 | 1 | 2 | 3;
const fourVectors = { v0: "f32x4", v1: "f32x4", v2: "f32x4", v3: "f32x4" } as const;

/** Sets a vector to the biases of four channels, or of as many as there are. */
function loadBias(
  vector: Local<"f32x4">,
  bias: Local<"i32">,
  outputs: number,
  channels: Local<"i32">,
): Statements {
  const rest = [
    vector.set(f32x4.loadFirst(bias)),
    unroll(outputs % 4 - 1, (i) => vector.set(f32x4.replace(vector, i + 1, f32.load(bias, 4 * (i + 1))))),
  ];
  if (outputs < 4) return rest;
  const all = vector.set(f32x4.load(bias));
  return outputs % 4 === 0 ? all : when(channels.gt(3), all, rest);
}

/** `Aᵀ m` along each axis of one vector of tiles, to the voxels that exist. */
export function outputStage(
  shape: WinogradShape,
  { perPosition, hasBias }: { readonly perPosition: number; readonly hasBias: boolean },
) {
  const { depth, outputs, size: [D, H, W] } = shape;
  const parameters = { m: "i32", bias: "i32", y: "i32", ...leftOf } as const;
  return procedure(parameters, ({ m, bias, y, ...left }) => {
    const { shift } = declare({ shift: "f32x4" });
    const writeRow = rowWriter(shape, left);
    const [planesLeave, rowsLeave] = [depth === 3 && D % 2 > 0, H % 4 > 0];
    return [
      hasBias ? loadBias(shift, bias, outputs, left.channels) : [],
      transformBox(
        [positionPlanes(depth), 6, 6],
        steps(shape, "output", [0, 1, 2]),
        (place) => f32x4.load(m, winogradPlace(place) * perPosition),
        (values, place) => {
          const [dz, dy] = place(0);
          const row = writeRow(hasBias ? values.map((v) => v.add(shift)) : values, y, 4 * W * (dz * H + dy));
          const inRows = rowsLeave && dy > 0 ? when(left.rows.gt(dy), row) : row;
          return planesLeave && dz > 0 ? when(left.planes.gt(dz), inRows) : inRows;
        },
      ),
    ];
  });
}

const leftOf = { planes: "i32", rows: "i32", columns: "i32", channels: "i32" } as const;
