/**
 * Dropout: four blocks of the random stream at a time decide about eight elements.
 *
 * @module
 */

import { sizeOf } from "../../shape.ts";
import { dropoutThreshold } from "../../ops/dropout.ts";
import { threefryRotations } from "../../random.ts";
import type { CpuKernels } from "../kernel.ts";
import {
  type Code,
  declare,
  f32x4,
  i32x4,
  type Lanes,
  type Local,
  loop,
  shuffle,
  type Statements,
  unroll,
} from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { itemBytes, itemsIn, piece } from "./runs.ts";

/** Bytes of eight elements; buffers are padded to at least that. */
const stepBytes = 32;

/** Turns four counters in `x0` (and zeros in `x1`) into the two words of each block. */
function threefry(key: readonly Code<"i32x4">[], x0: Local<"i32x4">, x1: Local<"i32x4">): Statements {
  const rotated = (x: Code<"i32x4">, bits: number) => x.shl(bits).or(x.shr(32 - bits));
  const rounds = unroll(20, (round) => {
    const injection = (round + 1) / 4;
    return [
      x0.increase(x1),
      x1.set(rotated(x1, threefryRotations[round % 8]!).xor(x0)),
      round % 4 !== 3 ? [] : [
        x0.increase(key[injection % 3]!),
        x1.set(x1.add(key[(injection + 1) % 3]!).add(injection)),
      ],
    ];
  });
  return [x0.increase(key[0]!), x1.set(key[1]!), rounds];
}

function dropoutKernel(engine: Engine) {
  const words = { k0: "i32", k1: "i32", k2: "i32", threshold: "i32" } as const;
  const parameters = { x: "i32", out: "i32", length: "i32", ...words, scale: "f32" } as const;
  return engine.compile(
    "dropout",
    parameters,
    ({ x, out, length, k0, k1, k2, threshold, scale }, { each }) => {
      const { key, limit, factor } = declare({ key: ["i32x4", 3], limit: "i32x4", factor: "f32x4" });
      const { x0, x1 } = declare({ x0: "i32x4", x1: "i32x4" });
      const put = (at: Local<"i32">, offset: number, lanes: Lanes) => {
        const random = shuffle(x0.asFloat(), x1.asFloat(), lanes).bits();
        const value = f32x4.load(x.add(at), offset).mul(factor);
        return f32x4.store(out.add(at), value.unless(random.lt(limit)), offset);
      };
      return [
        [k0, k1, k2].map((word, i) => key[i]!.set(i32x4.splat(word))),
        limit.set(i32x4.splat(threshold)),
        factor.set(f32x4.splat(scale)),
        each((item) =>
          piece(
            item,
            { bytes: itemBytes, total: length.mul(4) },
            (from, to) =>
              loop(from, to, stepBytes, (at) => [
                // An element has 4 bytes and a block two elements.
                x0.set(i32x4.splat(at.div(8)).add(i32x4.lanes([0, 1, 2, 3]))),
                threefry(key, x0, x1),
                put(at, 0, [0, 4, 1, 5]),
                put(at, 16, [2, 6, 3, 7]),
              ]),
          )
        ),
      ];
    },
  );
}

/** The dropout kernel. */
export function dropoutKernels(engine: Engine): Pick<CpuKernels, "dropout"> {
  return {
    dropout([x], [out], { rate, key: [k0, k1] }) {
      const length = sizeOf(x!.shape);
      engine.run(dropoutKernel(engine), itemsIn(length), {
        x: x!,
        out: out!,
        length,
        k0,
        k1,
        k2: k0 ^ k1 ^ 0x1bd11bda,
        threshold: Math.min(dropoutThreshold(rate), 2 ** 32 - 1),
        scale: 1 / (1 - rate),
      });
    },
  };
}
