/**
 * The weight gradient of a convolution from textures: `Σ x · g` over samples and output voxels for each weight.
 *
 * A thread sums a block of weights: four output channels, four input channels, all taps of W and some of H. It
 * walks rows of the output, a few voxels of the row at a time: it loads their gradients and the inputs under
 * the taps, one texel each, and adds for each weight the products of these voxels, so that a sum stays in a
 * register meanwhile. A last step adds what the threads of a block found, in a fixed order.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { sizeOf, stridesOf, type Triple } from "../../shape.ts";
import { unravel } from "../indexing.ts";
import type { Bound, Call, Step } from "../kernel.ts";
import { type ChannelTexture, channelTexture, fillStep, findSlab } from "./channel_texture.ts";

type Attributes = KernelAttributes<"conv3dWeightGrad">;

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const component = (k: number) => "xyzw"[k]!;
/** Threads of a workgroup: as many as a processor's vector has elements. */
const lanes = 8;
/** Voxels of a row that are loaded together. */
const runLength = 4;
/** Most runs of a thread: software adapters end a thread after 65,535 iterations of all its loops. */
const mostRuns = 1 << 15;

interface Layouts {
  readonly x: ChannelTexture;
  readonly g: ChannelTexture;
}

/** The texture copies of input and gradient, or null where one does not fit. */
function layoutsOf(call: Call<Attributes>, run: number): Layouts | null {
  const { stride, padding, dilation, groups, kernel } = call.attributes;
  const [xShape, gShape] = call.inputs.map(({ shape }) => shape);
  const out = gShape!.slice(2);
  // Whole runs along W: what the last one has too much is zero.
  const rounded = out.map((n, a) => a === 2 ? Math.ceil(n / run) * run : n) as unknown as Triple;
  const reach = (sizes: readonly number[]) =>
    sizes.map((n, a) => (n - 1) * stride[a]! + (kernel[a]! - 1) * dilation[a]! + 1) as unknown as Triple;
  const copied = reach(out).map((n, a) => n - padding[a]!) as unknown as Triple;
  const x = channelTexture(call, xShape!, groups, { slab: reach(rounded), border: padding, copied });
  const g = channelTexture(call, gShape!, groups, {
    slab: rounded,
    border: [0, 0, 0],
    copied: out as unknown as Triple,
  });
  return x && g && { x, g };
}

/** The steps of a weight gradient, or null where its tensors do not fit into textures. */
export function textureWeightGradient(call: Call<Attributes>): Step[] | null {
  const [x, g, w] = [call.inputs[0]!.shape, call.inputs[1]!.shape, call.outputs[0]!.shape];
  const run = Math.min(runLength, g[4]!);
  const layouts = layoutsOf(call, run);
  if (!layouts) return null;
  const wanted = call.blocks("weightGradient", sizeOf(w) * g[0]! * sizeOf(g.slice(2)));
  const tapRows = Math.min(w[3]!, Math.max(1, Math.floor(wanted.sums / (16 * w[4]!))));
  const blockShape = [
    call.attributes.groups,
    layouts.g.quads,
    layouts.x.quads,
    w[2]!,
    Math.ceil(w[3]! / tapRows),
  ];
  const blocks = sizeOf(blockShape);
  const rows = g[0]! * g[2]! * g[3]!;
  const runs = Math.ceil(g[4]! / run);
  const chunks = Math.min(
    Math.ceil(rows / lanes),
    Math.max(Math.ceil(wanted.workgroups / blocks), Math.ceil(rows * (runs + 1) / (lanes * mostRuns))),
  );
  const copies = [call.scratchTexture(layouts.x.texels), call.scratchTexture(layouts.g.texels)] as const;
  const partial = call.scratch(chunks * lanes * sizeOf(w));
  return [
    fillStep(call.input(0), x, layouts.x, copies[0]),
    fillStep(call.input(1), g, layouts.g, copies[1]),
    {
      label: "weight gradient",
      reads: { x: copies[0], g: copies[1] },
      writes: { partial },
      groups: blocks * chunks,
      groupSize: lanes,
      body: threadBody(call, layouts, { run, runs, rows, tapRows, blockShape, chunks }),
    },
    sumOfParts(call, partial, chunks * lanes),
  ];
}

/** The last step of a weight gradient: adds up so many parts, always in the same order. */
export function sumOfParts(call: Call<Attributes>, partial: Bound, parts: number): Step {
  const weights = sizeOf(call.outputs[0]!.shape);
  return {
    label: "weight gradient, rest",
    reads: { partial },
    writes: { out: call.output(0) },
    threads: weights,
    body: `
  var sum = 0.0;
  for (var k = 0u; k < ${parts}u; k++) { sum += partial_at(k * ${weights}u + i); }
  set_out(i, sum);`,
  };
}

interface Work {
  /** Voxels of a run, and runs of a row. */
  readonly run: number;
  readonly runs: number;
  /** Rows of the output. */
  readonly rows: number;
  /** Taps of H that a thread sums. */
  readonly tapRows: number;
  /** Blocks of weights: groups, quads of output and of input channels, taps of D, parts of the taps of H. */
  readonly blockShape: readonly number[];
  /** Workgroups that share the rows of a block. */
  readonly chunks: number;
}

function threadBody(call: Call<Attributes>, layouts: Layouts, work: Work): string {
  const { stride, dilation, groups } = call.attributes;
  const { run, runs, rows, tapRows, blockShape, chunks } = work;
  const [g, w] = [call.inputs[1]!.shape, call.outputs[0]!.shape];
  const [outPerGroup, inPerGroup] = [layouts.g.channels, layouts.x.channels];
  const ws = stridesOf(w);
  const outs = range(Math.min(4, outPerGroup)), ins = range(Math.min(4, inPerGroup)), taps = range(w[4]!);
  const all = range(tapRows).flatMap((t1) =>
    outs.flatMap((o) =>
      ins.flatMap((c) => taps.map((t2) => ({ o, c, t1, t2, name: `s${o}_${c}_${t1}_${t2}` })))
    )
  );
  const inputOf = (j: number, t2: number) => j * stride[2] + t2 * dilation[2];
  const places = [...new Set(range(run).flatMap((j) => taps.map((t2) => inputOf(j, t2))))];
  const tapRow = (t1: number) =>
    `{ let row_texel = vec3(q2, x_row + h * ${stride[1]}u + (first_row + ${t1}u) * ${
      dilation[1]
    }u, x_layer + q0);
        ${places.map((at) => `let x${at} = x_texel(row_texel + vec3(${at}u, 0, 0));`).join(" ")}
        ${
      all.filter((sum) => sum.t1 === t1).map(({ o, c, t2, name }) =>
        range(run).map((j) =>
          `${name} = fma(g${j}.${component(o)}, x${inputOf(j, t2)}.${component(c)}, ${name});`
        ).join(" ")
      ).join("\n        ")
    } }`;
  const stores = all.map(({ o, c, t1, t2, name }) => {
    const guards = [
      outPerGroup % 4 > 0 && o > 0 ? `b1 * 4u + ${o}u < ${outPerGroup}u` : "",
      inPerGroup % 4 > 0 && c > 0 ? `b2 * 4u + ${c}u < ${inPerGroup}u` : "",
      w[3]! % tapRows > 0 && t1 > 0 ? `first_row + ${t1}u < ${w[3]}u` : "",
    ].filter(Boolean).join(" && ");
    const at = `place + ${o * ws[0]! + c * ws[1]! + t1 * ws[3]! + t2}u`;
    return `${guards ? `if (${guards}) ` : ""}{ set_partial(${at}, ${name}); }`;
  });
  return `
  let chunk = group / ${sizeOf(blockShape)}u;
  ${unravel(`(group % ${sizeOf(blockShape)}u)`, blockShape, "b")}
  let first_row = b4 * ${tapRows}u;
  ${all.map(({ name }) => `var ${name} = 0.0;`).join(" ")}
  for (var row = chunk * ${lanes}u + lane; row < ${rows}u; row += ${chunks * lanes}u) {
    ${unravel("row", [g[0]!, g[2]!, g[3]!], "v")}
    let h = v2;
    let q0 = v1 * ${stride[0]}u + b3 * ${dilation[0]}u;
    ${findSlab(layouts.x, "x", `(v0 * ${groups}u + b0) * ${layouts.x.quads}u + b2`)}
    ${findSlab(layouts.g, "g", `(v0 * ${groups}u + b0) * ${layouts.g.quads}u + b1`)}
    for (var k = 0u; k < ${runs}u; k++) {
      ${
    range(run).map((j) => `let g${j} = g_texel(vec3(k * ${run}u + ${j}u, g_row + h, g_layer + v1));`).join(
      " ",
    )
  }
      let q2 = k * ${run * stride[2]}u;
      ${range(tapRows).map(tapRow).join("\n      ")}
    }
  }
  let place = (chunk * ${lanes}u + lane) * ${sizeOf(w)}u + (b0 * ${outPerGroup}u + b1 * 4u) * ${ws[0]}u +
    b2 * ${4 * ws[1]!}u + b3 * ${ws[2]}u + first_row * ${ws[3]}u;
  ${stores.join("\n  ")}`;
}
