/**
 * Copies volumes into a zero-bordered working buffer, so that convolution kernels need no bounds checks.
 *
 * With a stride s along x, a row is stored as s segments: segment r holds padded positions r, r + s,
 * r + 2s … A strided convolution then reads neighbouring outputs from neighbouring addresses.
 *
 * @module
 */

import { addressOf, type Engine, type Kernel, quotient, remainder } from "./engine.ts";
import { block, call, type Code, f32, i32, type Local, loop, v128, when } from "./instructions.ts";
import type { FunctionBuilder } from "./module_builder.ts";

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

/** Whether the buffer would be the source itself. */
export function isPlain({ size, before, planes, rows, segment, segments }: PaddedLayout): boolean {
  return segments === 1 && before.every((n) => n === 0) && planes === size[0] && rows === size[1] &&
    segment === size[2];
}

/** Stores zeros in `length` elements at an address; the length is a constant. */
function zeros(address: Code, offset: number, length: number): Code {
  const parts: Code[] = [];
  let at = 0;
  for (; at + 4 <= length; at += 4) parts.push(v128.store(address, v128.zero, offset + 4 * at));
  for (; at < length; at++) parts.push(f32.store(address, f32.const(0), offset + 4 * at));
  return block(...parts);
}

/** Zeros in `length` elements, as a loop. */
function zeroRun(locals: FunctionBuilder, address: Code, length: number): Code {
  const at = locals.local("i32");
  const whole = length - length % 4;
  return block(
    loop(at, i32.const(0), i32.const(4 * whole), 16, v128.store(i32.add(address, at.get), v128.zero)),
    zeros(address, 4 * whole, length - whole),
  );
}

/** Copies `length` elements `step` apart to neighbouring ones. Lengths and steps are constants. */
export function copyRow(
  locals: FunctionBuilder,
  from: Local,
  to: Local,
  { fromOffset, toOffset, length, step }: {
    fromOffset: number;
    toOffset: number;
    length: number;
    step: number;
  },
): Code {
  const at = locals.local("i32");
  const source = i32.add(from.get, step === 1 ? at.get : i32.mul(at.get, i32.const(step)));
  const target = i32.add(to.get, at.get);
  const vectors = step <= 2 ? length - length % 4 : 0;
  const vector = step === 1
    ? v128.load(source, fromOffset)
    : v128.shuffle(v128.load(source, fromOffset), v128.load(source, fromOffset + 16), [0, 2, 4, 6]);
  return block(
    vectors > 0
      ? loop(at, i32.const(0), i32.const(4 * vectors), 16, v128.store(target, vector, toOffset))
      : [],
    length > vectors
      ? loop(
        at,
        i32.const(4 * vectors),
        i32.const(4 * length),
        4,
        f32.store(target, f32.load(source, fromOffset), toOffset),
      )
      : [],
  );
}

function padKernel(engine: Engine, layout: PaddedLayout): Kernel {
  const { size: [D, H, W], before: [bz, by, bx], planes, rows, segment, segments } = layout;
  return engine.kernel(`pad ${JSON.stringify(layout)}`, (module) => {
    const copy = module.add("row", ["i32", "i32"], (locals, [from, to]) => {
      const parts: Code[] = [];
      for (let r = 0; r < segments; r++) {
        // Position i of the segment is source voxel i·segments + r − bx.
        const first = Math.min(Math.max(0, Math.ceil((bx - r) / segments)), segment);
        const last = Math.max(first, Math.min(segment, Math.ceil((W + bx - r) / segments)));
        const toOffset = 4 * r * segment;
        parts.push(
          zeros(to!.get, toOffset, first),
          copyRow(locals, from!, to!, {
            fromOffset: 4 * Math.max(0, first * segments + r - bx),
            toOffset: toOffset + 4 * first,
            length: last - first,
            step: segments,
          }),
          zeros(to!.get, toOffset + 4 * last, segment - last),
        );
      }
      return block(...parts);
    });
    return ({ locals, begin, end, word }) => {
      const [item, y, z, source, target] = locals.locals("i32", 5);
      const zeroPlane = zeroRun(locals, target!.get, rows * pitchOf(layout));
      const zeroRow = zeroRun(locals, target!.get, pitchOf(layout));
      return loop(
        item!,
        begin,
        end,
        1,
        block(
          z!.set(i32.sub(remainder(item!.get, planes), i32.const(bz))), // wraps below 0: unsigned ≥ D
          target!.set(addressOf(word(1), [item!, 4 * planeOf(layout)])),
          source!.set(addressOf(word(0), [quotient(item!.get, planes), 4 * D * H * W], [z!, 4 * H * W])),
          when(
            i32.ltU(z!.get, i32.const(D)),
            loop(
              y!,
              i32.const(0),
              i32.const(rows),
              1,
              block(
                when(
                  i32.ltU(i32.sub(y!.get, i32.const(by)), i32.const(H)),
                  call(copy, addressOf(source!.get, [i32.sub(y!.get, i32.const(by)), 4 * W]), target!.get),
                  zeroRow,
                ),
                target!.set(i32.add(target!.get, i32.const(4 * pitchOf(layout)))),
              ),
            ),
            zeroPlane,
          ),
        ),
      );
    };
  });
}

/** Copies `volumes` volumes from one address to their padded buffers at another. */
export function padCopy(
  engine: Engine,
  layout: PaddedLayout,
  volumes: number,
  from: number,
  to: number,
): void {
  engine.launch(padKernel(engine, layout), volumes * layout.planes, [from, to]);
}
