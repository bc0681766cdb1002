/**
 * The first and the last stage of Winograd convolutions: tiles of voxels to the transformed domain and back.
 *
 * The first stage computes one plane of results after another, and rows in an order in which a dozen
 * registers are enough: to read voxels again costs less than to keep intermediate values in memory.
 *
 * @module
 */

import { block, type Code, f32, f32x4, i32, type Local, v128, when } from "./instructions.ts";
import type { ModuleBuilder } from "./module_builder.ts";
import { inputPlanes, outputPlanes, positionsOf, tilesOf, type WinogradShape } from "./winograd.ts";
import { along, gradientTerm, inputTerm, outputTransform } from "./winograd_transforms.ts";

/** Offset in bytes of voxel (z, y, x) of a tile. */
export type Place = (z: number, y: number, x: number) => number;

const four = [0, 1, 2, 3] as const;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Where a stage reads its tiles, and the bytes from position to position of what it writes. */
export interface StageLayout {
  readonly place: Place;
  readonly perPosition: number;
}

/** Writes a row of results at (z, y). */
function storeRow(
  target: Local,
  perPosition: number,
  [z, y]: readonly [number, number],
  value: (x: number) => Code,
): Code {
  return block(...four.map((x) => v128.store(target.get, value(x), (16 * z + 4 * y + x) * perPosition)));
}

/** Adds `inputs(source, target)`: `Bᵀ d` along each axis of one vector of tiles. */
export function addInputStage(
  module: ModuleBuilder,
  { depth }: WinogradShape,
  { place, perPosition }: StageLayout,
): number {
  const planes = upTo(inputPlanes(depth));
  return module.add("inputs", ["i32", "i32"], (locals, [source, target]) => {
    const rows = four.map(() => locals.locals("v128", 4));
    const raw = locals.locals("v128", 4);
    const load = (y: number, x: number) => planes.map((z) => v128.load(source!.get, place(z, y, x)));
    const read = (z: number, y: number): Code =>
      block(
        ...raw.map((value, x) => value.set(inputTerm(z, load(y, x)))),
        ...rows[y]!.map((value, x) => value.set(inputTerm(x, raw.map(({ get }) => get)))),
      );
    const write = (z: number, y: number): Code =>
      storeRow(target!, perPosition, [z, y], (x) => inputTerm(y, rows.map((row) => row[x]!.get)));
    return block(
      ...planes.map((z) =>
        block(
          ...[read(z, 0), read(z, 2), write(z, 0)],
          ...[read(z, 1), write(z, 1), write(z, 2)],
          ...[read(z, 3), write(z, 3)],
        )
      ),
    );
  });
}

/** Adds `gradients(source, target)`: `A g` along each axis of one vector of tiles. */
export function addGradientStage(
  module: ModuleBuilder,
  { depth }: WinogradShape,
  { place, perPosition }: StageLayout,
): number {
  const given = upTo(outputPlanes(depth));
  return module.add("gradients", ["i32", "i32"], (locals, [source, target]) => {
    const rows = [0, 1].map(() => locals.locals("v128", 4));
    const raw = locals.locals("v128", 2);
    const load = (y: number, x: number) => given.map((z) => v128.load(source!.get, place(z, y, x)));
    return block(
      ...upTo(inputPlanes(depth)).map((z) =>
        block(
          ...rows.map((row, y) =>
            block(
              ...raw.map((value, x) => value.set(gradientTerm(z, load(y, x)))),
              ...row.map((value, x) => value.set(gradientTerm(x, raw.map(({ get }) => get)))),
            )
          ),
          ...four.map((y) =>
            storeRow(target!, perPosition, [z, y], (x) => gradientTerm(y, rows.map((row) => row[x]!.get)))
          ),
        )
      ),
    );
  });
}

/**
 * Adds `outputs(m, bias, y, z, row, column)`: `Aᵀ m` along each axis of one vector of tiles, to the voxels that
 * exist. The vector's place among all is given in tiles along z and y and vectors along x.
 */
export function addOutputStage(
  module: ModuleBuilder,
  shape: WinogradShape,
  { perPosition, bias }: { perPosition: number; bias: boolean },
): number {
  const { depth, size: [D, H, W] } = shape;
  const last = Math.ceil(tilesOf(shape)[2] / 4) - 1;
  const [planes, outputs] = [upTo(inputPlanes(depth)), outputPlanes(depth)];
  const parameters = ["i32", "i32", "i32", "i32", "i32", "i32"] as const;
  return module.add("outputs", parameters, (locals, [m, b, y, z, row, column]) => {
    const cube = locals.locals("v128", positionsOf(depth));
    const [spare, shift, low, high] = locals.locals("v128", 4) as [Local, Local, Local, Local];
    const shifted = (value: Local): Code => bias ? f32x4.add(value.get, shift.get) : value.get;
    /** The first columns of eight. */
    const store = (columns: number, offset: number): Code =>
      block(...[low, high].map((part, i) => {
        const at = offset + 16 * i;
        const left = columns - 4 * i;
        if (left >= 4) return v128.store(y!.get, part.get, at);
        return block(
          ...four.slice(0, Math.max(0, left)).map((lane) =>
            f32.store(y!.get, f32x4.extract(part.get, lane), at + 4 * lane)
          ),
        );
      }));
    const writeRow = (dz: number, dy: number): Code => {
      const [even, odd] = [cube[16 * dz + 4 * dy]!, cube[16 * dz + 4 * dy + 1]!];
      const offset = 4 * (dz * H * W + dy * W);
      return block(
        even.set(shifted(even)),
        odd.set(shifted(odd)),
        low.set(v128.shuffle(even.get, odd.get, [0, 4, 1, 5])),
        high.set(v128.shuffle(even.get, odd.get, [2, 6, 3, 7])),
        W % 8 === 0
          ? store(8, offset)
          : when(i32.eq(column!.get, i32.const(last)), store(W % 8, offset), store(8, offset)),
      );
    };
    const writePlane = (dz: number): Code =>
      block(
        writeRow(dz, 0),
        H % 2 === 0 ? writeRow(dz, 1) : when(i32.ltU(row!.get, i32.const(H >> 1)), writeRow(dz, 1)),
      );
    return block(
      bias ? shift.set(v128.loadSplat(b!.get)) : [],
      ...four.map((x) =>
        block(
          ...four.map((row) => {
            const line = planes.map((plane) => 16 * plane + 4 * row + x);
            return block(
              ...line.map((i) => cube[i]!.set(v128.load(m!.get, i * perPosition))),
              depth === 3 ? outputTransform(line.map((i) => cube[i]!), spare) : [],
            );
          }),
          ...upTo(outputs).map((plane) =>
            outputTransform(four.map((row) => cube[16 * plane + 4 * row + x]!), spare)
          ),
        )
      ),
      along(2, outputTransform, cube, spare, [outputs, 2, 1]),
      writePlane(0),
      depth === 1
        ? []
        : D % 2 === 0
        ? writePlane(1)
        : when(i32.ltU(z!.get, i32.const(D >> 1)), writePlane(1)),
    );
  });
}
