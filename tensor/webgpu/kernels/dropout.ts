/**
 * Dropout: each thread computes its own random word, bit for bit as `random.ts` does.
 *
 * @module
 */

import { dropoutThreshold } from "../../ops/dropout.ts";
import type { KernelAttributes } from "../../ops/registry.ts";
import { sizeOf } from "../../shape.ts";
import type { Kernel } from "../kernel.ts";

/** Threefry-2x32 with 20 rounds. */
const threefry = `
fn threefry(key: vec2<u32>, counter: vec2<u32>) -> vec2<u32> {
  var rotations = array<u32, 8>(13u, 15u, 26u, 6u, 17u, 29u, 16u, 24u);
  var keys = array<u32, 3>(key.x, key.y, key.x ^ key.y ^ 0x1bd11bdau);
  var x = counter + key;
  for (var round = 0u; round < 20u; round++) {
    let r = rotations[round & 7u];
    x.x += x.y;
    x.y = ((x.y << r) | (x.y >> (32u - r))) ^ x.x;
    if ((round & 3u) == 3u) {
      let injection = (round + 1u) >> 2u;
      x += vec2<u32>(keys[injection % 3u], keys[(injection + 1u) % 3u] + injection);
    }
  }
  return x;
}
fn word(high: f32, low: f32) -> u32 { return (u32(high) << 16u) | u32(low); }`;

/** A 32-bit word as two floats, which hold 16 bits exactly. */
const halves = (name: string, word: number) => ({
  [`${name}High`]: Math.floor(word / 65536) % 65536,
  [`${name}Low`]: word % 65536,
});

/** 0 or x / (1 − rate). The key changes with every call, so it reaches the shader as numbers. */
export const dropout: Kernel<KernelAttributes<"dropout">> = {
  varying: ["rate", "key"],
  scalars: ({ rate, key }) => ({
    ...halves("first", key[0]),
    ...halves("second", key[1]),
    ...halves("threshold", dropoutThreshold(rate)),
    scale: 1 / (1 - rate),
  }),
  steps: (call) => [{
    label: "dropout",
    reads: { x: call.input(0) },
    writes: { out: call.output(0) },
    code: threefry,
    threads: sizeOf(call.outputs[0]!.shape),
    counted: true,
    body: `
  let key = vec2<u32>(word(scalars.firstHigh, scalars.firstLow), word(scalars.secondHigh, scalars.secondLow));
  let block = threefry(key, vec2<u32>(i / 2u, 0u));
  let bits = select(block.x, block.y, i % 2u == 1u);
  let dropped = bits < word(scalars.thresholdHigh, scalars.thresholdLow);
  set_out(i, select(x_at(i) * scalars.scale, 0.0, dropped));`,
  }],
};
