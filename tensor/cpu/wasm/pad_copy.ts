/**
 * Copies volumes into a zero-bordered working buffer, so that convolution kernels need no bounds checks.
 *
 * With a stride s along x, a row is stored as s segments: segment r holds padded positions r, r + s,
 * r + 2s … A strided convolution then reads neighbouring outputs from neighbouring addresses.
 *
 * @module
 */

import {
  declare,
  f32,
  f32x4,
  type Local,
  loop,
  procedure,
  repeat,
  shuffle,
  type Statements,
  unroll,
  when,
} from "./emit/mod.ts";
import type { Work } from "./joint_launch.ts";
import { overRun } from "./runs.ts";

type Size = readonly [number, number, number];

/** How a volume `[D,H,W]` lies in its padded buffer. */
export interface PaddedLayout {
  /** Sizes of the source. */
  readonly size: readonly [number, number, number];
  /** Zeros before the first voxel; negative to leave voxels out. */
  readonly before: readonly [number, number, number];
  /** Planes of the buffer. */
  readonly planes: number;
  /** Rows of a plane. */
  readonly rows: number;
  /** Elements of a segment of a row. */
  readonly segment: number;
  /** Segments of a row: the stride along x. */
  readonly segments: number;
}

/** Elements from row to row. */
export function pitchOf(layout: PaddedLayout): number {
  return layout.segment * layout.segments;
}

/** Elements from plane to plane. */
export function planeOf(layout: PaddedLayout): number {
  return layout.rows * pitchOf(layout);
}

/** Elements of the buffer of one channel. */
export function volumeOf(layout: PaddedLayout): number {
  return layout.planes * planeOf(layout);
}

/** Address of padded position (z, y, x), in elements. */
export function placeOf(layout: PaddedLayout, z: number, y: number, x: number): number {
  const { segment, segments } = layout;
  return z * planeOf(layout) + y * pitchOf(layout) + (x % segments) * segment + Math.floor(x / segments);
}

/** The layout in which taps at `start + dilation·k` and outputs at multiples of the stride are addresses. */
export function paddedLayout(
  size: Size,
  output: Size,
  { before, reach, stride }: { readonly before: Size; readonly reach: Size; readonly stride: Size },
): PaddedLayout {
  const columns = Math.max(4, output[2]) + Math.floor(reach[2] / stride[2]);
  const layout: PaddedLayout = {
    size,
    before,
    planes: (output[0] - 1) * stride[0] + reach[0] + 1,
    rows: (output[1] - 1) * stride[1] + reach[1] + 1,
    segment: columns,
    segments: stride[2],
  };
  // Without a border the source serves as it is, voxels that no tap reaches included.
  const plain = before.every((n) => n === 0) && stride[2] === 1 && layout.planes <= size[0] &&
    layout.rows <= size[1] && columns <= size[2];
  return plain ? { ...layout, planes: size[0], rows: size[1], segment: size[2] } : layout;
}

/** Whether the buffer would be the source itself. */
export function isPlain({ size, before, planes, rows, segment, segments }: PaddedLayout): boolean {
  return segments === 1 && before.every((n) => n === 0) && planes === size[0] && rows === size[1] &&
    segment === size[2];
}

/** Stores zeros in a few elements, written out. */
function zeros(address: Local<"i32">, offset: number, length: number): Statements {
  const vectors = Math.floor(length / 4);
  return [
    unroll(vectors, (i) => f32x4.store(address, 0, offset + 16 * i)),
    unroll(length % 4, (i) => f32.store(address, 0, offset + 16 * vectors + 4 * i)),
  ];
}

/** Copies `length` elements `step` apart to neighbouring ones. */
function copyRun(
  from: Local<"i32">,
  to: Local<"i32">,
  { fromOffset, toOffset, length, step }: Readonly<
    Record<"fromOffset" | "toOffset" | "length" | "step", number>
  >,
): Statements {
  const vectors = step <= 2 ? length - length % 4 : 0;
  return [
    loop(0, 4 * vectors, 16, (at) => {
      const source = from.add(at.mul(step));
      const low = f32x4.load(source, fromOffset);
      const high = f32x4.load(source, fromOffset + 16);
      return f32x4.store(to.add(at), step === 1 ? low : shuffle(low, high, [0, 2, 4, 6]), toOffset);
    }),
    loop(
      4 * vectors,
      4 * length,
      4,
      (at) => f32.store(to.add(at), f32.load(from.add(at.mul(step)), fromOffset), toOffset),
    ),
  ];
}

/** Copies a row with the zeros at its ends, segment by segment. */
function paddedRow({ size: [, , W], before: [, , bx], segment, segments }: PaddedLayout) {
  return procedure({ from: "i32", to: "i32" }, ({ from, to }) =>
    unroll(segments, (r) => {
      // Position i of the segment is source voxel i·segments + r − bx.
      const first = Math.min(Math.max(0, Math.ceil((bx - r) / segments)), segment);
      const last = Math.max(first, Math.min(segment, Math.ceil((W + bx - r) / segments)));
      const start = 4 * r * segment;
      return [
        zeros(to, start, first),
        copyRun(from, to, {
          fromOffset: 4 * Math.max(0, first * segments + r - bx),
          toOffset: start + 4 * first,
          length: last - first,
          step: segments,
        }),
        zeros(to, start + 4 * last, segment - last),
      ];
    }));
}

/** An item is a plane of the buffer. */
/** The code of an item: a plane of a volume. */
function padPlane(layout: PaddedLayout): Work["code"] {
  const { size: [D, H, W], before: [bz, by], planes, rows } = layout;
  return ({ from, to }) => {
    const copyRow = paddedRow(layout);
    const { z, source, target } = declare({ z: "i32", source: "i32", target: "i32" });
    const clear = (elements: number) => overRun(0, 4 * elements, (at, { store }) => store(target.add(at), 0));
    return (item) => [
      z.set(item.rem(planes).sub(bz)), // wraps below 0: unsigned ≥ D
      target.set(to.add(item.mul(4 * planeOf(layout)))),
      source.set(from.add(item.div(planes).mul(4 * D * H * W)).add(z.mul(4 * H * W))),
      when(
        z.lt(D),
        repeat(rows, (row) => {
          const y = row.sub(by);
          return [
            when(y.lt(H), copyRow({ from: source.add(y.mul(4 * W)), to: target }), clear(pitchOf(layout))),
            target.increase(4 * pitchOf(layout)),
          ];
        }),
        clear(planeOf(layout)),
      ),
    ];
  };
}

/** Copies `volumes` volumes from one address to their padded buffers at another. */
export function padCopy(layout: PaddedLayout, volumes: number, from: number, to: number): Work {
  const key = `pad ${JSON.stringify(layout)}`;
  return { key, items: volumes * layout.planes, from, to, code: padPlane(layout) };
}
