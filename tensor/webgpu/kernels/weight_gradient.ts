/**
 * The weight gradient of a convolution: `Σ x · g` over samples and output voxels for each weight.
 *
 * A column is all output voxels along H at one sample, depth and width. One thread walks a column, and sums a
 * block of weights on the way: several output channels, several input channels and all taps of H and W. Where
 * H has neither stride nor dilation, the inputs under the taps slide: only one new row a step is loaded. The
 * threads of a workgroup walk neighbouring columns; their sums are added through workgroup memory, and the
 * workgroups' sums when the gradient is wanted, always in the same order. Where there are fewer columns than
 * threads, as in the deepest levels, a workgroup has several blocks, a team of threads for each.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { sizeOf, stridesOf } from "../../shape.ts";
import { unravel } from "../indexing.ts";
import type { Call, Kernel, Step } from "../kernel.ts";

type Attributes = KernelAttributes<"conv3dWeightGrad">;

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const lanes = 64;
/** Floats of workgroup memory: 16 KiB, which every adapter has. */
const sharedFloats = 4096;

interface Block {
  /** Output channels. */
  readonly outs: number;
  /** Input channels. */
  readonly ins: number;
  /** Sums: these times the taps of H and W. */
  readonly sums: number;
}

/** The block of at most `wanted` sums, sizes powers of two, that loads the fewest values for each sum. */
function blockOf(
  outPerGroup: number,
  inPerGroup: number,
  rows: number,
  width: number,
  wanted: number,
): Block {
  const sizes = (n: number) => [1, 2, 4, 8, 16].filter((size) => size === 1 || size <= n);
  const taps = rows * width;
  const candidates = sizes(outPerGroup).flatMap((outs) =>
    sizes(inPerGroup).map((ins) => ({ outs, ins, sums: outs * ins * taps }))
  ).filter(({ outs, ins, sums }) => sums <= wanted || outs * ins === 1);
  const cost = ({ outs, ins }: Block) => (outs + ins * width) / (outs * ins);
  return candidates.reduce((best, block) => cost(block) < cost(best) ? block : best);
}

/** Gradient for the weight. */
export const conv3dWeightGrad: Kernel<Attributes> = {
  steps: (call): readonly Step[] => {
    const [g, w] = [call.inputs[1]!.shape, call.outputs[0]!.shape];
    const { groups } = call.attributes;
    const outPerGroup = w[0]! / groups;
    const wanted = call.blocks("weightGradient", sizeOf(w) * g[0]! * sizeOf(g.slice(2)));
    const block = blockOf(outPerGroup, w[1]!, w[3]!, w[4]!, wanted.sums);
    const columns = g[0]! * g[2]! * g[4]!;
    const blockCounts = [groups, Math.ceil(outPerGroup / block.outs), Math.ceil(w[1]! / block.ins), w[2]!];
    const team = Math.min(lanes, 2 ** Math.ceil(Math.log2(Math.max(1, columns))));
    const teamGroups = Math.ceil(sizeOf(blockCounts) * team / lanes);
    const chunks = Math.min(
      Math.max(1, Math.ceil(columns / team)),
      Math.max(1, Math.ceil(wanted.workgroups / teamGroups)),
    );
    const out = call.output(0);
    const partial = chunks === 1 ? out : call.scratch(chunks * sizeOf(w));
    if (chunks > 1) {
      call.sumLater(partial, out, { terms: chunks, elementStride: 1, termStride: sizeOf(w) });
    }
    const step = columnStep(call, block, { columns, blockCounts, team, teamGroups, chunks });
    const bias = call.attributes.channelSums ? biasPart(call, teamGroups * chunks) : undefined;
    return [{
      ...step,
      writes: { partial, ...bias?.writes },
      groups: teamGroups * chunks + (bias?.groups ?? 0),
      groupSize: lanes,
      ...(bias && { body: `if (group >= ${teamGroups * chunks}u) { ${bias.body} } else { ${step.body} }` }),
    }];
  },
};

/** Most workgroups that sum the gradients of one channel. */
const mostRuns = 32;
/** Values that a thread of them adds, where there are enough. */
const run = 64;

/** Workgroups from `first` on that sum an input over each channel, for the bias. */
function biasPart(
  call: Call<Attributes>,
  first: number,
): { readonly writes: Step["writes"]; readonly groups: number; readonly body: string } {
  const summed = call.attributes.channelSums!, { shape } = call.inputs[summed === "x" ? 0 : 1]!;
  const [samples, outputs] = shape as [number, number],
    voxels = sizeOf(shape.slice(2)),
    length = samples * voxels;
  const runs = Math.max(1, Math.min(mostRuns, Math.ceil(length / (lanes * run))));
  const span = Math.ceil(length / runs);
  const out = call.output(1), sums = runs === 1 ? out : call.scratch(runs * outputs);
  if (runs > 1) call.sumLater(sums, out, { terms: runs, elementStride: 1, termStride: outputs });
  return {
    writes: { bias_sums: sums },
    groups: runs * outputs,
    body: `
  let part = group - ${first}u;
  let o = part % ${outputs}u;
  let start = part / ${outputs}u * ${span}u;
  let end = min(start + ${span}u, ${length}u);
  var sum = 0.0;
  for (var k = start + lane; k < end; k += ${lanes}u) {
    sum += ${summed}_at((k / ${voxels}u * ${outputs}u + o) * ${voxels}u + k % ${voxels}u);
  }
  shared_sums[lane] = sum;
  for (var half = ${lanes / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { shared_sums[lane] += shared_sums[lane + half]; }
  }
  if (lane == 0u) { set_bias_sums(part, shared_sums[0]); }
`,
  };
}

/** How the work is shared out. */
interface Shares {
  /** Columns of the tensors. */
  readonly columns: number;
  /** Blocks of weights: along channel groups, their outputs, their inputs, and taps of D. */
  readonly blockCounts: readonly number[];
  /** Threads that share a block in a workgroup: a power of two. */
  readonly team: number;
  /** Workgroups that have all blocks. */
  readonly teamGroups: number;
  /** Parts that the columns are cut into; each has all blocks. */
  readonly chunks: number;
}

function columnStep(
  call: Call<Attributes>,
  { outs, ins, sums }: Block,
  { columns, blockCounts, team, teamGroups, chunks }: Shares,
): Omit<Step, "writes"> {
  const { stride, padding, dilation, groups } = call.attributes;
  const [x, g] = [call.inputs[0]!.shape, call.inputs[1]!.shape];
  const w = call.outputs[0]!.shape;
  const [xs, gs, ws] = [stridesOf(x), stridesOf(g), stridesOf(w)];
  const outPerGroup = w[0]! / groups;
  const [k1, k2] = [w[3]!, w[4]!];
  const [, outBlocks, inBlocks] = blockCounts as [number, number, number];
  const blocks = sizeOf(blockCounts), teams = lanes / team;
  const slides = stride[1] === 1 && dilation[1] === 1;

  const input = (c: number, t1: number, t2: number) => `x${c}_${t1}_${t2}`;
  const sum = (o: number, c: number, t1: number, t2: number) => `s${o}_${c}_${t1}_${t2}`;
  const overInputs = (statement: (c: number, t2: number) => string) =>
    range(ins).flatMap((c) => range(k2).map((t2) => statement(c, t2))).join(" ");
  const overSums = (statement: (o: number, c: number, t1: number, t2: number) => string) =>
    range(outs).flatMap((o) =>
      range(ins).flatMap((c) => range(k1).flatMap((t1) => range(k2).map((t2) => statement(o, c, t1, t2))))
    ).join(" ");
  /** Loads the row of inputs under tap t1 at output h; q1 is out of range where the padding is. */
  const loadRow = (t1: number, h: string) =>
    `{ let q1 = ${h} * ${stride[1]}u + ${t1 * dilation[1]}u - ${padding[1]}u;
      let line = plane + min(q1, ${x[3]! - 1}u) * ${xs[3]}u;
      let hit = q1 < ${x[3]}u;
      ${
      overInputs((c, t2) =>
        `${input(c, t1, t2)} = select(0.0, x_at(line + ${
          inBlocks * ins === w[1] ? `${c * xs[1]!}u` : `min(${c}u, last_c) * ${xs[1]}u`
        } + at${t2}), hit && hit${t2});`
      )
    } }`;
  const slide = range(k1 - 1).map((t1) =>
    overInputs((c, t2) => `${input(c, t1, t2)} = ${input(c, t1 + 1, t2)};`)
  )
    .join(" ");
  const rows = slides
    ? `${slide} ${loadRow(k1 - 1, "h")}`
    : range(k1).map((t1) => loadRow(t1, "h")).join("\n");
  const begin = slides ? range(k1 - 1).map((t1) => loadRow(t1 + 1, "0xffffffffu")).join("\n") : "";

  // Sums go through workgroup memory in portions that fit.
  const portion = Math.min(sums, Math.floor(sharedFloats / (lanes + 1)));
  const names = overSums((...at) => `${sum(...at)} `).split(" ").filter(Boolean);
  const finish = range(Math.ceil(sums / portion)).map((p) => {
    const part = names.slice(p * portion, (p + 1) * portion);
    const first = p * portion;
    return `workgroupBarrier();
  ${part.map((name, k) => `shared_sums[${k * (lanes + 1)}u + lane] = ${name};`).join(" ")}
  workgroupBarrier();
  for (var k = lane; k < ${part.length * teams}u; k += ${lanes}u) {
    let owner = k / ${part.length}u;
    let line = k % ${part.length}u * ${lanes + 1}u + owner * ${team}u;
    var total = 0.0;
    for (var other = 0u; other < ${team}u; other++) { total += shared_sums[line + other]; }
    let owned = first_block + owner;
    ${unravel("owned", blockCounts, "e")}
    let place = ${first}u + k % ${part.length}u;
    let t2 = place % ${k2}u;
    let t1 = (place / ${k2}u) % ${k1}u;
    let c = e2 * ${ins}u + (place / ${k1 * k2}u) % ${ins}u;
    let o = e1 * ${outs}u + place / ${ins * k1 * k2}u;
    if (owned < ${blocks}u && c < ${w[1]}u && o < ${outPerGroup}u) {
      set_partial(chunk * ${sizeOf(w)}u + (e0 * ${outPerGroup}u + o) * ${ws[0]}u + c * ${ws[1]}u +
        e3 * ${ws[2]}u + t1 * ${ws[3]}u + t2, total);
    }
  }`;
  }).join("\n  ");

  return {
    label: "weight gradient",
    reads: { x: call.input(0), g: call.input(1) },
    code: `var<workgroup> shared_sums: array<f32, ${portion * (lanes + 1)}>;`,
    body: `
  let chunk = group / ${teamGroups}u; // neighbouring workgroups read the same columns
  let first_block = group % ${teamGroups}u * ${teams}u;
  let block = min(first_block + lane / ${team}u, ${blocks - 1}u);
  ${unravel("block", blockCounts, "b")}
  let channel_group = b0;
  let o0 = b1 * ${outs}u;
  let c0 = b2 * ${ins}u;
  let t0 = b3;
  let last_o = ${outPerGroup - 1}u - o0;
  let last_c = ${w[1]! - 1}u - c0;
  ${overSums((o, c, t1, t2) => `var ${sum(o, c, t1, t2)} = 0.0;`)}
  for (var column = chunk * ${team}u + lane % ${team}u; column < ${columns}u; column += ${chunks * team}u) {
    ${unravel("column", [g[0]!, g[2]!, g[4]!], "v")}
    let q0 = v1 * ${stride[0]}u + t0 * ${dilation[0]}u - ${padding[0]}u;
    if (q0 >= ${x[2]}u) { continue; }
    let plane = v0 * ${xs[0]}u + (channel_group * ${w[1]}u + c0) * ${xs[1]}u + q0 * ${xs[2]}u;
    let top = v0 * ${gs[0]}u + (channel_group * ${outPerGroup}u + o0) * ${gs[1]}u + v1 * ${gs[2]}u + v2;
    ${
      range(k2).map((t2) =>
        `let q2_${t2} = v2 * ${stride[2]}u + ${t2 * dilation[2]}u - ${
          padding[2]
        }u; let hit${t2} = q2_${t2} < ${x[4]}u; let at${t2} = min(q2_${t2}, ${x[4]! - 1}u);`
      ).join("\n    ")
    }
    ${range(k1).map((t1) => overInputs((c, t2) => `var ${input(c, t1, t2)} = 0.0;`)).join(" ")}
    ${begin}
    for (var h = 0u; h < ${g[3]}u; h++) {
      ${rows}
      ${
      range(outs).map((o) =>
        `{ let g = g_at(top + ${
          outBlocks * outs === outPerGroup ? `${o * gs[1]!}u` : `min(${o}u, last_o) * ${gs[1]}u`
        } + h * ${gs[3]}u); ${
          range(ins).flatMap((c) =>
            range(k1).flatMap((t1) =>
              range(k2).map((t2) =>
                `${sum(o, c, t1, t2)} = fma(g, ${input(c, t1, t2)}, ${sum(o, c, t1, t2)});`
              )
            )
          ).join(" ")
        } }`
      ).join("\n      ")
    }
    }
  }
  ${finish}`,
  };
}
