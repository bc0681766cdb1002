/**
 * The WGSL of one thread of a gathering convolution; see `gather_convolution.ts`.
 *
 * Names in the generated code: a thread's block of output channels starts at `o0` of its channel group; its
 * outputs start at j0, j1, j2 within the phase, which are p0, p1, p2 in the volume. `k` counts taps, `i` is an
 * input position, `r` the inputs of the row, and `a<j>_<q>` sums output j of channels 4q … 4q + 3.
 *
 * @module
 */

import { sizeOf, stridesOf } from "../../shape.ts";
import { tableOf, unravel } from "../indexing.ts";
import type { Blocking, Gather, PhaseGroup } from "./gather_convolution.ts";

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const lines = (parts: readonly string[]) => parts.join("\n  ");

/** Where the block of a thread is. */
function position(gather: Gather, { members }: PhaseGroup, blocking: Blocking): string {
  const { axis, outputs, channels, perGroup, tileShape } = blocking;
  const { outShape, axes, groups } = gather;
  const workgroups = Math.ceil(sizeOf(tileShape) / 64);
  const os = stridesOf(outShape);
  const outside = [0, 1, 2].filter((a) => a !== axis).map((a) => `p${a} >= ${outShape[a + 2]}u`);
  return `
  let local_block = group / ${workgroups}u;
  let block = scalars.first_block + local_block;
  let tile = (group % ${workgroups}u) * 64u + lane;
  if (tile >= ${sizeOf(tileShape)}u) { return; }
  let member = block / ${groups * perGroup}u;
  let channel_group = (block / ${perGroup}u) % ${groups}u;
  let o0 = (block % ${perGroup}u) * ${channels}u;
  let channel0 = channel_group * ${outShape[1]! / groups}u + o0;
  ${unravel("tile", tileShape, "tile_")}
  ${
    lines([0, 1, 2].map((a) =>
      `var phases${a} = ${tableOf(members.map((member) => member[a]!.phase))};
  let j${a} = tile_${a + 1} * ${a === axis ? outputs : 1}u;
  let p${a} = phases${a}[member] + j${a} * ${axes[a]!.outStride}u;`
    ))
  }
  if (${outside.join(" || ")}) { return; }
  let corner = tile_0 * ${os[0]}u + channel0 * ${os[1]}u + p0 * ${os[2]}u + p1 * ${os[3]}u + p2;`;
}

/** A statement for each result of the block that exists: `sum` is its accumulator, `at` its place in the output. */
function overResults(
  { outShape, groups, axes }: Gather,
  { axis, outputs, channels }: Blocking,
  statement: (sum: string, at: string, channel: number) => string,
): string {
  const os = stridesOf(outShape);
  const outPerGroup = outShape[1]! / groups;
  const step = axes[axis]!.outStride;
  return lines(
    range(outputs).map((j) => {
      const results = range(channels).map((o) => {
        const guard = outPerGroup % channels === 0 ? "" : `if (o0 + ${o}u < ${outPerGroup}u) `;
        const at = `corner + ${o * os[1]! + j * step * os[axis + 2]!}u`;
        return `${guard}{ ${statement(`a${j}_${Math.floor(o / 4)}[${o % 4}]`, at, o)} }`;
      });
      return `if (p${axis} + ${j * step}u < ${outShape[axis + 2]}u) { ${results.join(" ")} }`;
    }),
  );
}

/** Zero, the bias, or what the slices of input channels before this one gave. */
function initial(gather: Gather, blocking: Blocking): string {
  const { outputs, channels } = blocking;
  const zeros = range(outputs).flatMap((j) =>
    range(channels / 4).map((q) => `var a${j}_${q} = vec4<f32>();`)
  );
  const bias = gather.bias
    ? overResults(gather, blocking, (sum, _, channel) => `${sum} = bias_at(channel0 + ${channel}u);`)
    : "";
  const isSliced = blocking.inputs < gather.xShape[1]! / gather.groups;
  if (!isSliced) return `${zeros.join(" ")}\n  ${bias}`;
  const before = overResults(gather, blocking, (sum, at) => `${sum} = out_at(${at});`);
  return `${zeros.join(" ")}\n  if (scalars.first_input > 0u) { ${before} } else { ${bias} }`;
}

/** Loads the row of inputs, each once, and adds what each tap of the blocked axis makes of it. */
function rowProducts(gather: Gather, { offsets }: PhaseGroup, { axis, outputs, channels }: Blocking): string {
  const { inStride } = gather.axes[axis]!;
  const size = gather.xShape[axis + 2]!;
  const stride = stridesOf(gather.xShape)[axis + 2];
  const taps = offsets[axis]!;
  const inputOf = (j: number, t: number) => j * inStride + taps[t]!; // relative to the block's first
  const row = [...new Set(range(outputs).flatMap((j) => taps.map((_, t) => inputOf(j, t))))];
  const loads = row.map((at, r) =>
    `let i_${r} = first ${at < 0 ? `- ${-at}u` : `+ ${at}u`};
        let r${r} = select(0.0, x_at(line + min(i_${r}, ${size - 1}u) * ${stride}u), i_${r} < ${size}u);`
  );
  const quads = channels / 4;
  const products = taps.flatMap((_, t) =>
    range(quads).map((q) =>
      `{ let w = weights_data[weights + ${t * quads + q}u]; ${
        range(outputs).map((j) => {
          const input = `vec4<f32>(r${row.indexOf(inputOf(j, t))})`;
          return `a${j}_${q} = fma(w, ${input}, a${j}_${q});`;
        }).join(" ")
      } }`
    )
  );
  return lines([...loads, ...products]);
}

/** A loop over the taps of one axis that skips those in the padding. Taps that hit are evenly spaced. */
function overTaps(gather: Gather, { offsets }: PhaseGroup, axis: number, body: string): string {
  const [first = 0, second = 0] = offsets[axis]!;
  return `for (var k${axis} = 0; k${axis} < ${offsets[axis]!.length}; k${axis}++) {
    let i${axis} = u32(i32(j${axis} * ${gather.axes[axis]!.inStride}u) + ${first} + k${axis} * ${
    second - first
  });
    if (i${axis} >= ${gather.xShape[axis + 2]}u) { continue; }
    ${body}
  }`;
}

/** The statements of one thread. */
export function blockBody(gather: Gather, phases: PhaseGroup, blocking: Blocking): string {
  const { xShape, groups, axes } = gather;
  const { axis, channels, inputs, unit } = blocking;
  const xs = stridesOf(xShape);
  const [u, v] = [0, 1, 2].filter((a) => a !== axis) as [number, number];
  const inPerGroup = xShape[1]! / groups;
  const perTap = phases.offsets[axis]!.length * channels / 4; // vectors of weights
  const taps = overTaps(
    gather,
    phases,
    u,
    overTaps(
      gather,
      phases,
      v,
      `let line = plane + i${u} * ${xs[u + 2]}u + i${v} * ${xs[v + 2]}u;
    let weights = weights0 + u32(k${u} * ${phases.offsets[v]!.length} + k${v}) * ${perTap}u;
    ${rowProducts(gather, phases, blocking)}`,
    ),
  );
  return `${position(gather, phases, blocking)}
  ${initial(gather, blocking)}
  let first = j${axis} * ${axes[axis]!.inStride}u;
  let inputs = min(${inputs}u, ${inPerGroup}u - scalars.first_input);
  for (var c = 0u; c < inputs; c++) {
    let plane = tile_0 * ${xs[0]}u + (channel_group * ${inPerGroup}u + scalars.first_input + c) * ${xs[1]}u;
    let weights0 = (local_block * ${unit}u + c * ${unit / inputs}u) / 4u;
    ${taps}
  }
  ${overResults(gather, blocking, (sum, at) => `set_out(${at}, ${sum});`)}`;
}
