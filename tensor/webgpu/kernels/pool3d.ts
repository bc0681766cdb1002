/**
 * Pooling and its gradients; the gradients gather, so they need no atomics.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { type Shape, sizeOf, stridesOf } from "../../shape.ts";
import { ravel, unravel } from "../indexing.ts";
import type { Call, Kernel } from "../kernel.ts";
import { isNan } from "./reduce.ts";

const axes = [0, 1, 2] as const;

/** A loop over the window of the output at p2, p3, p4 that defines `at`, the position in the `[D,H,W]` block. */
function overWindow({ kernel, stride }: KernelAttributes<"avgPool3d">, size: Shape, body: string): string {
  const strides = stridesOf(size);
  const at = axes.map((a) => `(p${a + 2} * ${stride[a]}u + t${a}) * ${strides[a]}u`).join(" + ");
  return `for (var t0 = 0u; t0 < ${kernel[0]}u; t0++) { for (var t1 = 0u; t1 < ${kernel[1]}u; t1++) {
  for (var t2 = 0u; t2 < ${kernel[2]}u; t2++) { let at = ${at}; ${body} } } }`;
}

/** A loop over the windows that cover the input at p2, p3, p4; defines `o`, an index into the output. */
function overCovering(
  { kernel, stride }: KernelAttributes<"avgPool3d">,
  pooled: Shape,
  body: string,
): string {
  const bounds = axes.map((a) => `
  let last${a} = min(p${a + 2} / ${stride[a]}u, ${pooled[a + 2]! - 1}u);
  let first${a} = select(0u, (p${a + 2} - ${kernel[a]! - 1}u + ${stride[a]! - 1}u) / ${stride[a]}u, p${
    a + 2
  } >= ${kernel[a]}u);`).join("");
  const strides = stridesOf(pooled);
  return `${bounds}
  for (var o0 = first0; o0 <= last0; o0++) { for (var o1 = first1; o1 <= last1; o1++) {
  for (var o2 = first2; o2 <= last2; o2++) {
    let o = p0 * ${strides[0]}u + p1 * ${strides[1]}u + ${ravel("o", strides.slice(2))};
    ${body}
  } } }`;
}

const blockOf = (shape: Shape) => `(p0 * ${shape[1]}u + p1) * ${sizeOf(shape.slice(2))}u`;

/** Largest value and where it was; a NaN beats everything. */
export const maxPool3d: Kernel<KernelAttributes<"maxPool3d">> = {
  steps: (call) => {
    const size = call.inputs[0]!.shape;
    return [{
      label: "maxPool3d",
      reads: { x: call.input(0) },
      writes: { out: call.output(0), position: call.output(1) },
      code: isNan,
      threads: sizeOf(call.outputs[0]!.shape),
      body: `${unravel("i", call.outputs[0]!.shape, "p")}
  let block = ${blockOf(size)};
  var best = 0.0;
  var best_at = -1;
  ${
        overWindow(
          call.attributes,
          size.slice(2),
          `let v = x_at(block + at);
    if (best_at < 0 || (!is_nan(best) && (v > best || is_nan(v)))) { best = v; best_at = i32(at); }`,
        )
      }
  set_out(i, best);
  set_position(i, best_at);`,
    }];
  },
};

function gradientStep(call: Call<KernelAttributes<"maxPool3dGrad">>, body: string) {
  const pooled = call.inputs[0]!.shape;
  return {
    label: "pooling gradient",
    writes: { out: call.output(0) },
    threads: sizeOf(call.attributes.shape),
    body: `${unravel("i", call.attributes.shape, "p")}
  let at = i32(i - ${blockOf(call.attributes.shape)});
  var acc = 0.0;
  ${overCovering(call.attributes, pooled, body)}
  set_out(i, acc);`,
  };
}

/** Each input collects from the windows that it won. */
export const maxPool3dGrad: Kernel<KernelAttributes<"maxPool3dGrad">> = {
  steps: (call) => [{
    ...gradientStep(call, "if (position_at(o) == at) { acc += g_at(o); }"),
    reads: { g: call.input(0), position: call.input(1) },
  }],
};

/** Mean. */
export const avgPool3d: Kernel<KernelAttributes<"avgPool3d">> = {
  steps: (call) => {
    const size = call.inputs[0]!.shape;
    return [{
      label: "avgPool3d",
      reads: { x: call.input(0) },
      writes: { out: call.output(0) },
      threads: sizeOf(call.outputs[0]!.shape),
      body: `${unravel("i", call.outputs[0]!.shape, "p")}
  let block = ${blockOf(size)};
  var acc = 0.0;
  ${overWindow(call.attributes, size.slice(2), "acc += x_at(block + at);")}
  set_out(i, acc / ${sizeOf(call.attributes.kernel)}.0);`,
    }];
  },
};

/** Each input collects its share of the windows that cover it. */
export const avgPool3dGrad: Kernel<KernelAttributes<"avgPool3dGrad">> = {
  steps: (call) => [{
    ...gradientStep(call, `acc += g_at(o) / ${sizeOf(call.attributes.kernel)}.0;`),
    reads: { g: call.input(0) },
  }],
};
