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
import type { Blocking, Gather, PhaseGroup } from "./gather_plan.ts";

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const lines = (parts: readonly string[]) => parts.join("\n  ");

/**
 * Where the block of a thread is. Threads beyond the tile stay, to copy weights: `isInside` says whether there
 * are outputs.
 */
function position(gather: Gather, { members }: PhaseGroup, blocking: Blocking): string {
  const { axis, outputs, channels, perGroup, tileShape } = blocking;
  const { outShape, axes, groups } = gather;
  const workgroups = Math.ceil(sizeOf(tileShape) / 64);
  const os = stridesOf(outShape);
  const inside = [0, 1, 2].filter((a) => a !== axis).map((a) => `p${a} < ${outShape[a + 2]}u`);
  return `
  let block = group / ${workgroups}u;
  let tile = (group % ${workgroups}u) * 64u + lane;
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
  let isInside = tile < ${sizeOf(tileShape)}u && ${inside.join(" && ")};
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

/** The workgroup memory that weights are copied to: `[line][tap][four channels]`. */
export function weightMemory({ portion, lineVectors }: Blocking): string {
  return `var<workgroup> weights: array<vec4<f32>, ${Math.max(1, portion * lineVectors)}>;`;
}

/** The two axes across a thread's row of outputs. */
const across = (axis: number) => [0, 1, 2].filter((a) => a !== axis) as [number, number];

/** Input channel `c` and taps `k` of a line of weights. */
function takeLine(line: string, { offsets }: PhaseGroup, axis: number): string {
  const [u, v] = across(axis) as [0 | 1 | 2, 0 | 1 | 2];
  const [nu, nv] = [offsets[u]!.length, offsets[v]!.length];
  return `let c = ${line} / ${
    nu * nv
  }u; let k${u} = ${line} / ${nv}u % ${nu}u; let k${v} = ${line} % ${nv}u;`;
}

/** Copies the weights of the lines from `start` on to workgroup memory. */
function copyWeights(gather: Gather, group: PhaseGroup, { axis, channels, lineVectors }: Blocking): string {
  const quads = channels / 4;
  const outPerGroup = gather.outShape[1]! / gather.groups;
  const taps = [0, 1, 2].map((a) => `let t${a} = taps${a}[member * ${group.offsets[a]!.length}u + k${a}];`);
  return `workgroupBarrier();
    for (var place = lane; place < count * ${lineVectors}u; place += 64u) {
      let line = start + place / ${lineVectors}u;
      ${takeLine("line", group, axis)}
      let k${axis} = place % ${lineVectors}u / ${quads}u;
      ${taps.join(" ")}
      let group = channel_group;
      var vector = vec4<f32>();
      for (var e = 0u; e < 4u; e++) {
        let o = o0 + place % ${quads}u * 4u + e;
        if (o < ${outPerGroup}u) { vector[e] = w_at(${gather.weightIndex}); }
      }
      weights[place] = vector;
    }
    workgroupBarrier();`;
}

/** Sums start at the bias, where there is one. */
function initial(gather: Gather, blocking: Blocking): string {
  const { outputs, channels } = blocking;
  const outPerGroup = gather.outShape[1]! / gather.groups;
  const bias = (q: number) =>
    `vec4<f32>(${
      range(4).map((e) => {
        const channel = `min(o0 + ${4 * q + e}u, ${outPerGroup - 1}u)`;
        return `bias_at(channel_group * ${outPerGroup}u + ${channel})`;
      }).join()
    })`;
  return lines(
    range(channels / 4).map((q) =>
      `let b${q} = ${gather.bias ? bias(q) : "vec4<f32>()"}; ${
        range(outputs).map((j) => `var a${j}_${q} = b${q};`).join(" ")
      }`
    ),
  );
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
      `{ let w = weights[first_weight + ${t * quads + q}u]; ${
        range(outputs).map((j) => {
          const input = `vec4<f32>(r${row.indexOf(inputOf(j, t))})`;
          return `a${j}_${q} = fma(w, ${input}, a${j}_${q});`;
        }).join(" ")
      } }`
    )
  );
  return lines([...loads, ...products]);
}

/** Input position under the taps of an axis across the row. Taps that hit are evenly spaced. */
function inputAcross(gather: Gather, { offsets }: PhaseGroup, a: number): string {
  const [first = 0, second = 0] = offsets[a]!;
  const step = `j${a} * ${gather.axes[a]!.inStride}u`;
  return `let i${a} = u32(i32(${step}) + ${first} + i32(k${a}) * ${second - first});`;
}

/** The statements of one thread. */
export function blockBody(gather: Gather, group: PhaseGroup, blocking: Blocking): string {
  const { xShape, groups, axes } = gather;
  const { axis, lineVectors, portion } = blocking;
  const xs = stridesOf(xShape);
  const [u, v] = across(axis);
  const tables = [0, 1, 2].map((a) =>
    `var taps${a} = ${tableOf(group.members.flatMap((member) => member[a]!.taps))};`
  );
  const products = blocking.lines === 0 ? "" : `
  ${tables.join(" ")}
  let first = j${axis} * ${axes[axis]!.inStride}u;
  let sample = tile_0 * ${xs[0]}u + channel_group * ${xShape[1]! / groups * xs[1]!}u;
  for (var start = 0u; start < ${blocking.lines}u; start += ${portion}u) {
    let count = min(${portion}u, ${blocking.lines}u - start);
    ${copyWeights(gather, group, blocking)}
    for (var at = 0u; at < count && isInside; at++) {
      let row = start + at;
      ${takeLine("row", group, axis)}
      ${inputAcross(gather, group, u)} ${inputAcross(gather, group, v)}
      if (i${u} >= ${xShape[u + 2]}u || i${v} >= ${xShape[v + 2]}u) { continue; }
      let line = sample + c * ${xs[1]}u + i${u} * ${xs[u + 2]}u + i${v} * ${xs[v + 2]}u;
      let first_weight = at * ${lineVectors}u;
      ${rowProducts(gather, group, blocking)}
    }
  }`;
  return `${position(gather, group, blocking)}
  ${initial(gather, blocking)}${products}
  if (!isInside) { return; }
  ${overResults(gather, blocking, (sum, at) => `set_out(${at}, ${sum});`)}`;
}
