/**
 * Tiles of Winograd convolutions, numbered along x, then y, z and the samples: neighbours read the same rows.
 *
 * @module
 */

import { blockedBytes, type BlockedLayout, channelVectors } from "./blocked_layout.ts";
import {
  type Code,
  declare,
  i32,
  type Local,
  loop,
  type Operand,
  repeat,
  type Statements,
  unroll,
} from "./emit/mod.ts";
import { prefetch } from "./prefetch.ts";
import { outputPlanes, type Size, tileSize, tilesOf, type WinogradShape } from "./winograd.ts";
import type { Offset } from "./winograd_stages.ts";

/** Local variables by name. */
export type Words<K extends string> = Readonly<Record<K, Local<"i32">>>;

/** Where the inputs of a convolution lie, with zeros around them up to the end of the last tile. */
export function inputLayout(shape: WinogradShape): BlockedLayout {
  const { depth, inputs, source, before } = shape;
  const [planes, rows, columns] = tilesOf(shape);
  const padded: Size = [outputPlanes(depth) * planes + depth - 1, 4 * rows + 2, 4 * columns + 2];
  return { channels: inputs, size: source, before, padded };
}

/** Where the gradients of its outputs lie. */
export function gradientLayout(shape: WinogradShape): BlockedLayout {
  const { depth, outputs, size } = shape;
  const [planes, rows, columns] = tilesOf(shape);
  const padded: Size = [outputPlanes(depth) * planes, 4 * rows, 4 * columns];
  return { channels: outputs, size, before: [0, 0, 0], padded };
}

/** Offsets of voxels in a blocked layout. */
export const offsetIn = ({ padded: [, rows, columns] }: BlockedLayout): Offset => (z, y, x) =>
  16 * ((z * rows + y) * columns + x);

/** Sample, and plane, row and column among the tiles, of a tile. */
export function tilePlace(shape: WinogradShape, index: Local<"i32">) {
  const [planes, rows, columns] = tilesOf(shape);
  return {
    sample: index.div(columns * rows * planes),
    plane: index.div(columns * rows).rem(planes),
    row: index.div(columns).rem(rows),
    column: index.rem(columns),
  };
}

/** What a stage transforms: tiles of an array in the blocked layout. */
export interface Stage {
  readonly layout: BlockedLayout;
  readonly transform: (inputs: { source: Operand<"i32">; target: Operand<"i32"> }) => Statements;
  /** Planes and rows of a tile that it reads. */
  readonly reads: readonly [planes: number, rows: number];
  /** The array, and the vectors of channels of which a block's tiles are transformed. */
  readonly from: Local<"i32">;
  readonly channels: readonly [first: Operand<"i32">, last: Operand<"i32">];
  /** Where transformed tiles go, and bytes from tile to tile. */
  readonly to: Local<"i32">;
  readonly pitch: number;
}

/** Sets the address of a tile's voxels in a vector of channels. */
function findTile(
  shape: WinogradShape,
  { layout, from, channels: [channel] }: Stage,
  { source, group }: Words<"source" | "group">,
  tile: Code<"i32">,
): Statements {
  const { index } = declare({ index: "i32" });
  const { sample, plane, row, column } = tilePlace(shape, index);
  const [tilePlanes, tileRows, tileColumns] = tileSize(shape.depth);
  const [offset, volumes] = [offsetIn(layout), channelVectors(layout.channels)];
  const vector = typeof channel === "number" ? i32.const(channel) : channel;
  return [
    index.set(tile),
    source.set(
      from.add(sample.mul(shape.groups * volumes * blockedBytes(layout)))
        .add(group.mul(volumes * blockedBytes(layout)))
        .add(vector.mul(blockedBytes(layout)))
        .add(plane.mul(offset(tilePlanes, 0, 0)))
        .add(row.mul(offset(0, tileRows, 0)))
        .add(column.mul(offset(0, 0, tileColumns))),
    ),
  ];
}

/** Brings what a block of tiles reads into the cache, then transforms it. */
export function transformBlock(
  shape: WinogradShape,
  stage: Stage,
  { group, first, count }: Words<"group" | "first" | "count">,
): Statements {
  const { layout, transform, reads: [planes, rows], channels: [start, end], to, pitch } = stage;
  const [, , columns] = tilesOf(shape);
  const offset = offsetIn(layout);
  const { source, target, bytes, seen } = declare({
    source: "i32",
    target: "i32",
    bytes: "i32",
    seen: "i32",
  });
  const rowsApart = first.add(count).sub(1).div(columns).sub(first.div(columns));
  return [
    findTile(shape, stage, { source, group }, first),
    // Up to the end of the last tile's rows and no further: the array may end there, and the memory with it.
    bytes.set(
      rowsApart.mul(offset(0, 4, 0)).add(offset(0, rows, 0)).sub(first.rem(columns).mul(offset(0, 0, 4))),
    ),
    loop(start, end, 1, () => [
      prefetch(seen, source, bytes, unroll(planes, (z) => offset(z, 0, 0))),
      source.increase(blockedBytes(layout)),
    ]),
    i32.store(to, seen),
    repeat(count, (tile) => [
      findTile(shape, stage, { source, group }, first.add(tile)),
      target.set(to.add(tile.mul(pitch))),
      loop(start, end, 1, () => [
        transform({ source, target }),
        source.increase(blockedBytes(layout)),
        target.increase(16),
      ]),
    ]),
  ];
}
