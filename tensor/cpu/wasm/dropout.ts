/**
 * Dropout: four blocks of the random stream at a time decide about eight elements.
 *
 * @module
 */

import { dropoutThreshold } from "../../ops/dropout.ts";
import { threefryRotations } from "../../random.ts";
import type { CpuKernels } from "../kernel.ts";
import { contiguousItems, itemLength } from "./elementwise.ts";
import { type Engine, type Kernel, quotient } from "./engine.ts";
import { block, type Code, f32x4, i32, i32x4, type Local, loop, v128 } from "./instructions.ts";

/** Bytes of eight elements; buffers are padded to at least that. */
const stepBytes = 32;

/** Turns four counters in `x0` (and zeros in `x1`) into the two words of each block. */
function threefry(key: readonly Code[], x0: Local, x1: Local): Code {
  const rotated = (x: Code, bits: number): Code => v128.or(i32x4.shl(x, bits), i32x4.shrU(x, 32 - bits));
  const rounds = Array.from({ length: 20 }, (_, round): Code => {
    const turn = block(
      x0.set(i32x4.add(x0.get, x1.get)),
      x1.set(v128.xor(rotated(x1.get, threefryRotations[round % 8]!), x0.get)),
    );
    if (round % 4 !== 3) return turn;
    const injection = (round + 1) / 4;
    return block(
      turn,
      x0.set(i32x4.add(x0.get, key[injection % 3]!)),
      x1.set(i32x4.add(i32x4.add(x1.get, key[(injection + 1) % 3]!), i32x4.const(injection))),
    );
  });
  return block(x0.set(i32x4.add(x0.get, key[0]!)), x1.set(key[1]!), ...rounds);
}

/** Words: x, result, elements, the three words of the key, the threshold; float: the scale of what stays. */
function dropoutKernel(engine: Engine): Kernel {
  return engine.kernel("dropout", () => (parts) => {
    const { locals, word, float } = parts;
    const at = locals.local("i32");
    const [k0, k1, k2, threshold, scale, x0, x1] = locals.locals("v128", 7) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const put = (offset: number, lanes: readonly [number, number, number, number]): Code => {
      const words = v128.shuffle(x0.get, x1.get, lanes);
      const value = f32x4.mul(v128.load(i32.add(word(0), at.get), offset), scale.get);
      const dropped = i32x4.ltU(words, threshold.get);
      return v128.store(i32.add(word(1), at.get), v128.andNot(value, dropped), offset);
    };
    return block(
      ...[k0, k1, k2, threshold].map((local, i) => local.set(i32x4.splat(word(3 + i)))),
      scale.set(f32x4.splat(float(7))),
      contiguousItems(locals, { ...parts, length: word(2) }, (offset, bytes) =>
        loop(
          at,
          offset,
          i32.add(offset, bytes),
          stepBytes,
          block(
            // An element has 4 bytes and a block two elements.
            x0.set(i32x4.add(i32x4.splat(quotient(at.get, 8)), i32x4.lanes([0, 1, 2, 3]))),
            threefry([k0.get, k1.get, k2.get], x0, x1),
            put(0, [0, 4, 1, 5]),
            put(16, [2, 6, 3, 7]),
          ),
        )),
    );
  });
}

/** The dropout kernel. */
export function dropoutKernels(engine: Engine): Pick<CpuKernels, "dropout"> {
  return {
    dropout([x], [out], { rate, key }) {
      const { length } = x!.data;
      const third = key[0] ^ key[1] ^ 0x1bd11bda;
      const threshold = Math.min(dropoutThreshold(rate), 2 ** 32 - 1);
      engine.launch(
        dropoutKernel(engine),
        Math.ceil(length / itemLength),
        [x!.address, out!.address, length, key[0], key[1], third, threshold],
        [1 / (1 - rate)],
      );
    },
  };
}
