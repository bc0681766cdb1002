/**
 * Resampling to another grid, and its gradient, which gathers and so needs no atomics.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { type ResizeAttributes, resizeRule } from "../../ops/resize3d.ts";
import { type Shape, sizeOf, stridesOf } from "../../shape.ts";
import { unravel } from "../indexing.ts";
import type { Kernel } from "../kernel.ts";

const axes = [0, 1, 2] as const;

/** Functions `first_a` and `weight_a` for each axis: the first neighbour of an output and the second's weight. */
function rules(attributes: ResizeAttributes, from: Shape, to: Shape): string {
  return axes.map((a) => {
    const { slope, offset, denominator } = resizeRule(attributes, from[a + 2]!, to[a + 2]!);
    const weight = attributes.mode === "nearest"
      ? "0.0"
      : `f32(numerator${a}(d) % ${denominator}) / ${denominator}.0`;
    return `fn numerator${a}(d: i32) -> i32 { return max(0, d * ${slope} + (${offset})); }
fn first${a}(d: i32) -> i32 { return numerator${a}(d) / ${denominator}; }
fn weight${a}(d: i32) -> f32 { return ${weight}; }`;
  }).join("\n");
}

/** Each output is the weighted mean of at most eight inputs. */
export const resize3d: Kernel<KernelAttributes<"resize3d">> = {
  steps: (call) => {
    const from = call.inputs[0]!.shape;
    const to = call.outputs[0]!.shape;
    const [, , sD, sH, sW] = stridesOf(from) as [number, number, number, number, number];
    const last = from.slice(2).map((n) => n - 1);
    return [{
      label: "resize3d",
      reads: { x: call.input(0) },
      writes: { out: call.output(0) },
      code: rules(call.attributes, from, to),
      threads: sizeOf(to),
      body: `${unravel("i", to, "p")}
  let block = (p0 * ${from[1]}u + p1) * ${sizeOf(from.slice(2))}u;
  ${
        axes.map((a) => `let f${a} = first${a}(i32(p${a + 2})); let w${a} = weight${a}(i32(p${a + 2}));`)
          .join(
            "\n  ",
          )
      }
  var acc = 0.0;
  for (var corner = 0u; corner < 8u; corner++) {
    let high = vec3<bool>((corner & 4u) != 0u, (corner & 2u) != 0u, (corner & 1u) != 0u);
    let weights = select(vec3<f32>(1.0 - w0, 1.0 - w1, 1.0 - w2), vec3<f32>(w0, w1, w2), high);
    let weight = weights.x * weights.y * weights.z;
    if (weight == 0.0) { continue; }
    let at = select(vec3<i32>(f0, f1, f2), min(vec3<i32>(f0, f1, f2) + 1, vec3<i32>(${
        last.join(", ")
      })), high);
    acc += weight * x_at(block + u32(at.x) * ${sD}u + u32(at.y) * ${sH}u + u32(at.z) * ${sW}u);
  }
  set_out(i, acc);`,
    }];
  },
};

/** Each input collects from the outputs that took part of it. */
export const resize3dGrad: Kernel<KernelAttributes<"resize3dGrad">> = {
  steps: (call) => {
    const from = call.attributes.shape;
    const to = call.inputs[0]!.shape;
    const [, , sD, sH] = stridesOf(to) as [number, number, number, number, number];
    // Outputs that can touch input p lie where their position is between p − 1 and p + 1.
    const range = (a: 0 | 1 | 2) => {
      const { slope, offset, denominator } = resizeRule(call.attributes, from[a + 2]!, to[a + 2]!);
      const count = to[a + 2]!;
      if (slope === 0) return `let lo${a} = 0; let hi${a} = ${count - 1};`;
      return `let lo${a} = clamp((i32(p${
        a + 2
      }) * ${denominator} - ${denominator} - (${offset})) / ${slope} - 1, 0, ${count - 1});
  let hi${a} = clamp((i32(p${a + 2}) * ${denominator} + ${denominator} - (${offset})) / ${slope} + 1, 0, ${
        count - 1
      });`;
    };
    const share = (a: 0 | 1 | 2) => {
      const last = from[a + 2]! - 1;
      return `let s${a} = share(i32(p${a + 2}), first${a}(d${a}), weight${a}(d${a}), ${last});
  if (s${a} == 0.0) { continue; }`;
    };
    return [{
      label: "resize3d gradient",
      reads: { g: call.input(0) },
      writes: { out: call.output(0) },
      code: `${rules(call.attributes, from, to)}
fn share(p: i32, first: i32, weight: f32, last: i32) -> f32 {
  return select(0.0, 1.0 - weight, p == first) + select(0.0, weight, p == min(first + 1, last));
}`,
      threads: sizeOf(from),
      body: `${unravel("i", from, "p")}
  let block = (p0 * ${from[1]}u + p1) * ${sizeOf(to.slice(2))}u;
  ${axes.map(range).join("\n  ")}
  var acc = 0.0;
  for (var d0 = lo0; d0 <= hi0; d0++) {
  ${share(0)}
  for (var d1 = lo1; d1 <= hi1; d1++) {
  ${share(1)}
  for (var d2 = lo2; d2 <= hi2; d2++) {
  ${share(2)}
  acc += s0 * s1 * s2 * g_at(block + u32(d0) * ${sD}u + u32(d1) * ${sH}u + u32(d2));
  } } }
  set_out(i, acc);`,
    }];
  },
};
