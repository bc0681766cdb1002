/**
 * The first and the last stage of Winograd convolutions: tiles of voxels to the transformed domain and back.
 *
 * The first stage computes one plane of results after another, and rows in an order in which a dozen
 * registers are enough: to read voxels again costs less than to keep intermediate values in memory.
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
  shuffle,
  type Statements,
  unroll,
  when,
} from "./emit/mod.ts";
import { inputPlanes, outputPlanes, positionsOf, tilesOf, type WinogradShape } from "./winograd.ts";
import { along, gradientTerm, inputTerm, lineOf, outputTransform } from "./winograd_transforms.ts";

/** Offset in bytes of voxel (z, y, x) of a tile. */
export type Place = (z: number, y: number, x: number) => number;

/** Where a stage reads its tiles, and the bytes from position to position of what it writes. */
export interface StageLayout {
  /** Where voxels are. */
  readonly place: Place;
  /** Distance of what it writes. */
  readonly perPosition: number;
}

/** Writes a row of results at (z, y). */
const storeRow = (
  target: Local<"i32">,
  perPosition: number,
  [z, y]: readonly [number, number],
  value: (x: number) => Code<"f32x4">,
): Statements => unroll(4, (x) => f32x4.store(target, value(x), (16 * z + 4 * y + x) * perPosition));

/** `Bᵀ d` along each axis of one vector of tiles. */
export function inputStage({ depth }: WinogradShape, { place, perPosition }: StageLayout) {
  const planes = inputPlanes(depth);
  return procedure({ source: "i32", target: "i32" }, ({ source, target }) => {
    const rows = unroll(4, () => locals("f32x4", 4));
    const raw = locals("f32x4", 4);
    const load = (y: number, x: number) => unroll(planes, (z) => f32x4.load(source, place(z, y, x)));
    const read = (z: number, y: number): Statements => [
      raw.map((value, x) => value.set(inputTerm(z, load(y, x)))),
      rows[y]!.map((value, x) => value.set(inputTerm(x, raw))),
    ];
    const write = (z: number, y: number): Statements =>
      storeRow(target, perPosition, [z, y], (x) => inputTerm(y, rows.map((row) => row[x]!)));
    return unroll(planes, (z) => [
      ...[read(z, 0), read(z, 2), write(z, 0)],
      ...[read(z, 1), write(z, 1), write(z, 2)],
      ...[read(z, 3), write(z, 3)],
    ]);
  });
}

/** `A g` along each axis of one vector of tiles. */
export function gradientStage({ depth }: WinogradShape, { place, perPosition }: StageLayout) {
  return procedure({ source: "i32", target: "i32" }, ({ source, target }) => {
    const rows = unroll(2, () => locals("f32x4", 4));
    const raw = locals("f32x4", 2);
    const load = (y: number, x: number) =>
      unroll(outputPlanes(depth), (z) => f32x4.load(source, place(z, y, x)));
    return unroll(inputPlanes(depth), (z) => [
      rows.map((row, y) => [
        raw.map((value, x) => value.set(gradientTerm(z, load(y, x)))),
        row.map((value, x) => value.set(gradientTerm(x, raw))),
      ]),
      unroll(
        4,
        (y) => storeRow(target, perPosition, [z, y], (x) => gradientTerm(y, rows.map((row) => row[x]!))),
      ),
    ]);
  });
}

/** Writes a row of eight voxels, or as many as there are in the last vector of tiles. */
function rowWriter({ y, column }: Readonly<Record<"y" | "column", Local<"i32">>>, shape: WinogradShape) {
  const [, , W] = shape.size;
  const last = Math.ceil(tilesOf(shape)[2] / 4) - 1;
  const { low, high } = declare({ low: "f32x4", high: "f32x4" });
  const store = (columns: number, offset: number): Statements =>
    [low, high].map((part, i) => {
      const [at, left] = [offset + 16 * i, columns - 4 * i];
      if (left >= 4) return f32x4.store(y, part, at);
      return unroll(Math.max(0, left), (lane) => f32.store(y, part.lane(lane), at + 4 * lane));
    });
  return (even: Local<"f32x4">, odd: Local<"f32x4">, offset: number): Statements => [
    low.set(shuffle(even, odd, [0, 4, 1, 5])),
    high.set(shuffle(even, odd, [2, 6, 3, 7])),
    W % 8 === 0 ? store(8, offset) : when(column.eq(last), store(W % 8, offset), store(8, offset)),
  ];
}

/**
 * `Aᵀ m` along each axis of one vector of tiles, to the voxels that exist. The vector's place among all is given
 * in tiles along z and y (`plane`, `row`) and vectors along x (`column`).
 */
export function outputStage(
  shape: WinogradShape,
  { perPosition, hasBias }: { readonly perPosition: number; readonly hasBias: boolean },
) {
  const { depth, size: [D, H, W] } = shape;
  const outputs = outputPlanes(depth);
  const parameters = { m: "i32", bias: "i32", y: "i32", plane: "i32", row: "i32", column: "i32" } as const;
  return procedure(parameters, ({ m, bias, y, plane, row, column }) => {
    const { cube, spare, shift } = declare({
      cube: ["f32x4", positionsOf(depth)],
      spare: "f32x4",
      shift: "f32x4",
    });
    const writeEight = rowWriter({ y, column }, shape);
    const writeRow = (dz: number, dy: number): Statements => {
      const [even, odd] = [cube[16 * dz + 4 * dy]!, cube[16 * dz + 4 * dy + 1]!];
      return [
        hasBias ? [even.increase(shift), odd.increase(shift)] : [],
        writeEight(even, odd, 4 * (dz * H * W + dy * W)),
      ];
    };
    const writePlane = (dz: number): Statements => [
      writeRow(dz, 0),
      H % 2 === 0 ? writeRow(dz, 1) : when(row.lt(H >> 1), writeRow(dz, 1)),
    ];
    const load = (first: number): Statements =>
      unroll(inputPlanes(depth), (z) => {
        const i = 16 * z + first;
        return cube[i]!.set(f32x4.load(m, i * perPosition));
      });
    return [
      hasBias ? shift.set(f32x4.loadSplat(bias)) : [],
      unroll(4, (x) => [
        unroll(4, (dy) => [
          load(4 * dy + x),
          depth === 3 ? outputTransform(lineOf(cube, 4 * dy + x, 16), spare) : [],
        ]),
        unroll(outputs, (dz) => outputTransform(lineOf(cube, 16 * dz + x, 4), spare)),
      ]),
      along(2, outputTransform, cube, spare, [outputs, 2, 1]),
      writePlane(0),
      depth === 1 ? [] : D % 2 === 0 ? writePlane(1) : when(plane.lt(D >> 1), writePlane(1)),
    ];
  });
}
