/**
 * The convolution kernel: every output gathers the inputs under its taps.
 *
 * Forward convolution, its input gradient and transposed convolution are all this. With a stride, the outputs
 * of a transposed convolution fall into phases by their remainder: within a phase the same taps hit, so each
 * phase is a convolution of its own; phases whose taps sit at the same offsets run in one dispatch.
 *
 * One thread computes a block: several outputs in a row along one axis times several output channels. For
 * each input channel and each tap of the other two axes it loads the inputs of the row once and uses each for
 * every tap, output and channel. Weights are repacked so that a block's channels lie together, and are read
 * from a uniform buffer, which all threads of a workgroup read at the same place.
 *
 * @module
 */

import { type Shape, sizeOf, stridesOf, type Triple } from "../../shape.ts";
import { unravel } from "../indexing.ts";
import type { Bound, Call, Step } from "../kernel.ts";

/** The taps that hit the outputs at `phase`, `phase + outStride`, … of one axis. */
export interface Phase {
  /** First output. */
  readonly phase: number;
  /** Taps that hit. */
  readonly taps: readonly number[];
  /** For each of them, output j of the phase reads input `j · inStride + offset`. */
  readonly offsets: readonly number[];
}

/** One axis of a gathering convolution. */
export interface GatherAxis {
  /** Input step from one output of a phase to the next. */
  readonly inStride: number;
  /** Output step from one output of a phase to the next. */
  readonly outStride: number;
  /** All phases. */
  readonly phases: readonly Phase[];
}

/** A convolution as gathers. */
export interface Gather {
  readonly x: Bound;
  /** `[N,C,D,H,W]`. */
  readonly xShape: Shape;
  readonly w: Bound;
  readonly bias: Bound | null;
  readonly out: Bound;
  /** `[N,O,D',H',W']`. */
  readonly outShape: Shape;
  readonly groups: number;
  /** For D, H, W. */
  readonly axes: readonly GatherAxis[];
  /** WGSL for the index of a weight: `group`, `o` and `c` count within the group, `t0`, `t1`, `t2` are taps. */
  readonly weightIndex: string;
}

/** Phases that share their offsets on every axis, so that they differ only in taps and place. */
interface PhaseGroup {
  readonly members: readonly (readonly Phase[])[];
  readonly offsets: readonly (readonly number[])[];
}

function phaseGroups(axes: readonly GatherAxis[]): PhaseGroup[] {
  const [d, h, w] = axes.map(({ phases }) => phases);
  const groups = new Map<string, { members: Phase[][]; offsets: (readonly number[])[] }>();
  for (const a of d!) {
    for (const b of h!) {
      for (const c of w!) {
        const offsets = [a.offsets, b.offsets, c.offsets];
        const key = JSON.stringify(offsets);
        const group = groups.get(key);
        if (group) group.members.push([a, b, c]);
        else groups.set(key, { members: [[a, b, c]], offsets });
      }
    }
  }
  return [...groups.values()];
}

/** Sizes of one phase group's blocks. */
interface Blocking {
  /** Axis along which a thread computes several outputs. */
  readonly axis: number;
  /** How many. */
  readonly outputs: number;
  /** Output channels of a thread, a multiple of 4. */
  readonly channels: number;
  /** Blocks of channels in a group. */
  readonly perGroup: number;
  /** Input channels of one dispatch: all, unless their weights do not fit. */
  readonly inputs: number;
  /** Blocks of one dispatch. */
  readonly blocks: number;
  /** Weights of one block in one dispatch. */
  readonly unit: number;
}

function blockingOf(
  call: Call<unknown>,
  gather: Gather,
  counts: Triple,
  taps: number,
  members: number,
): Blocking {
  const { convolutionChannels, convolutionOutputs, uniformBytes, workgroups } = call.tuning;
  const outPerGroup = gather.outShape[1]! / gather.groups;
  const inPerGroup = gather.xShape[1]! / gather.groups;
  const capacity = uniformBytes / 4;
  // H first: neighbouring threads then read neighbouring inputs along W.
  const axis = [1, 0, 2].find((a) => counts[a]! >= convolutionOutputs) ?? counts.indexOf(Math.max(...counts));
  let outputs = Math.min(convolutionOutputs, counts[axis]!);
  let channels = Math.min(convolutionChannels, Math.ceil(outPerGroup / 4) * 4);
  const halve = (n: number, unit: number) => Math.ceil(n / (2 * unit)) * unit;
  while (channels > 4 && inPerGroup * taps * channels > capacity) channels = halve(channels, 4);
  const workgroupsOf = () =>
    Math.ceil(outPerGroup / channels) * members * gather.groups *
    Math.ceil(gather.xShape[0]! * sizeOf(counts) / outputs / 64);
  while (workgroupsOf() < workgroups && channels * outputs > 4) {
    if (channels > 4 && channels >= outputs) channels = halve(channels, 4);
    else if (outputs > 1) outputs = halve(outputs, 1);
    else channels = halve(channels, 4);
  }
  const inputs = Math.min(inPerGroup, Math.max(1, Math.floor(capacity / (taps * channels))));
  const unit = inputs * taps * channels;
  const perGroup = Math.ceil(outPerGroup / channels);
  const blocks = Math.min(members * gather.groups * perGroup, Math.floor(capacity / unit));
  return { axis, outputs, channels, perGroup, inputs, blocks, unit };
}

/** The steps of a gathering convolution. */
export function gatherSteps(call: Call<unknown>, gather: Gather): Step[] {
  if (sizeOf(gather.outShape) === 0) return [];
  return phaseGroups(gather.axes).flatMap((group) => phaseGroupSteps(call, gather, group));
}

function phaseGroupSteps(call: Call<unknown>, gather: Gather, { members, offsets }: PhaseGroup): Step[] {
  const { outShape, axes, groups } = gather;
  const counts = axes.map(({ outStride }, a) =>
    Math.max(...members.map((member) => Math.ceil((outShape[a + 2]! - member[a]!.phase) / outStride)))
  ) as unknown as Triple;
  const taps = offsets.reduce((product, { length }) => product * length, 1);
  const blocking = blockingOf(call, gather, counts, Math.max(taps, 1), members.length);
  const { blocks, inputs, unit, perGroup } = blocking;
  const allBlocks = members.length * groups * perGroup;
  const dispatches = Math.ceil(allBlocks / blocks);
  const inPerGroup = gather.xShape[1]! / groups;
  const slices = Math.ceil(inPerGroup / inputs);
  const { uniformAlignment } = call.tuning;
  const room = Math.ceil(blocks * unit / uniformAlignment) * uniformAlignment;
  const packed = call.scratch(room * dispatches * slices);
  const tiles = gather.xShape[0]! *
    sizeOf(counts.map((n, a) => a === blocking.axis ? Math.ceil(n / blocking.outputs) : n));
  const steps = [packStep(gather, { members, offsets }, blocking, packed, room, slices)];
  const body = blockBody(gather, { members, offsets }, blocking, counts, tiles, slices > 1);
  for (let d = 0; d < dispatches; d++) {
    const here = Math.min(blocks, allBlocks - d * blocks);
    for (let slice = 0; slice < slices; slice++) {
      steps.push({
        label: "convolution",
        reads: {
          x: gather.x,
          weights: { ...packed, uniform: { start: (d * slices + slice) * room, length: blocks * unit } },
          ...(gather.bias ? { bias: gather.bias } : {}),
        },
        writes: { out: gather.out },
        groups: here * Math.ceil(tiles / 64),
        parameters: { first_block: d * blocks, first_input: slice * inputs },
        body,
      });
    }
  }
  return steps;
}

const tableOf = (numbers: readonly number[]) =>
  `array<u32, ${numbers.length}>(${numbers.map((n) => `${n}u`).join()})`;

/** Copies the weights to `[dispatch][slice][block][input channel][tap][channel of the block]`. */
function packStep(
  gather: Gather,
  { members, offsets }: PhaseGroup,
  { channels, inputs, unit, blocks, perGroup, axis }: Blocking,
  packed: Bound,
  room: number,
  slices: number,
): Step {
  const [u, v] = [0, 1, 2].filter((a) => a !== axis) as [number, number];
  const counts = offsets.map(({ length }) => length);
  const taps = sizeOf(counts);
  const outPerGroup = gather.outShape[1]! / gather.groups;
  const inPerGroup = gather.xShape[1]! / gather.groups;
  const order = [u, v, axis].map((a) => counts[a]!);
  const tables = [0, 1, 2].map((a) =>
    `var taps${a} = ${tableOf(members.flatMap((member) => member[a]!.taps))};
  let t${a} = taps${a}[member * ${counts[a]}u + k${a}];`
  ).join("\n  ");
  return {
    label: "pack weights",
    reads: { w: gather.w },
    writes: { packed },
    threads: packed.length,
    body: taps === 0 ? "set_packed(i, 0.0);" : `
  let part = i / ${room}u;
  let place = i % ${room}u;
  let block = (part / ${slices}u) * ${blocks}u + place / ${unit}u;
  let member = block / ${gather.groups * perGroup}u;
  let group = (block / ${perGroup}u) % ${gather.groups}u;
  let o = (block % ${perGroup}u) * ${channels}u + place % ${channels}u;
  let tap = (place / ${channels}u) % ${taps}u;
  let c = (part % ${slices}u) * ${inputs}u + (place % ${unit}u) / ${channels * taps}u;
  if (place >= ${
      blocks * unit
    }u || member >= ${members.length}u || o >= ${outPerGroup}u || c >= ${inPerGroup}u) {
    set_packed(i, 0.0);
    return;
  }
  ${unravel("tap", order, "s")} let k${u} = s0; let k${v} = s1; let k${axis} = s2;
  ${tables}
  set_packed(i, w_at(${gather.weightIndex}));`,
  };
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** `offsets` as first value and step; taps that hit are evenly spaced, so their offsets are too. */
const progression = (offsets: readonly number[]) =>
  [offsets[0] ?? 0, (offsets[1] ?? 0) - (offsets[0] ?? 0)] as const;

/** The statements of one thread. */
function blockBody(
  gather: Gather,
  { members, offsets }: PhaseGroup,
  { axis, outputs, channels, perGroup, inputs, unit }: Blocking,
  counts: Triple,
  tiles: number,
  resumes: boolean,
): string {
  const { xShape, outShape, axes, groups, bias } = gather;
  const xs = stridesOf(xShape);
  const os = stridesOf(outShape);
  const [u, v] = [0, 1, 2].filter((a) => a !== axis) as [number, number];
  const outPerGroup = outShape[1]! / groups;
  const inPerGroup = xShape[1]! / groups;
  const quads = channels / 4;
  const tileShape = [xShape[0]!, ...counts.map((n, a) => a === axis ? Math.ceil(n / outputs) : n)];
  const workgroups = Math.ceil(tiles / 64);

  // Inputs of the row, relative to output 0's input at offset 0; each is loaded once.
  const { inStride } = axes[axis]!;
  const rowOf = (j: number, t: number) => j * inStride + offsets[axis]![t]!;
  const rows = [...new Set(range(outputs).flatMap((j) => offsets[axis]!.map((_, t) => rowOf(j, t))))]
    .sort((a, b) => a - b);
  const rowName = (row: number) => `r${rows.indexOf(row)}`;
  const loads = rows.map((row) =>
    `let q${rows.indexOf(row)} = row0 ${row < 0 ? `- ${-row}u` : `+ ${row}u`}; let ${
      rowName(row)
    } = select(0.0, x_at(line + min(q${rows.indexOf(row)}, ${xShape[axis + 2]! - 1}u) * ${xs[axis + 2]}u), q${
      rows.indexOf(row)
    } < ${xShape[axis + 2]}u);`
  ).join("\n        ");
  const products = offsets[axis]!.map((_, t) =>
    range(quads).map((q) =>
      `{ let w = weights_data[at + ${t * quads + q}u]; ${
        range(outputs).map((j) => `a${j}_${q} = fma(w, vec4<f32>(${rowName(rowOf(j, t))}), a${j}_${q});`)
          .join(" ")
      } }`
    ).join("\n        ")
  ).join("\n        ");
  const tapLoop = (a: number, inner: string) => {
    const [first, step] = progression(offsets[a]!);
    return `for (var k${a} = 0; k${a} < ${offsets[a]!.length}; k${a}++) {
      let i${a} = u32(i32(j${a} * ${axes[a]!.inStride}u) + ${first} + k${a} * ${step});
      if (i${a} >= ${xShape[a + 2]}u) { continue; }
      ${inner}
    }`;
  };
  const perTap = offsets[axis]!.length * quads;
  const channelGuard = (o: number) =>
    outPerGroup % channels === 0 ? "" : `if (o0 + ${o}u < ${outPerGroup}u) `;
  const phaseTables = [0, 1, 2].map((a) =>
    members.length === 1
      ? `let f${a} = ${members[0]![a]!.phase}u;`
      : `var phases${a} = ${
        tableOf(members.map((member) => member[a]!.phase))
      }; let f${a} = phases${a}[member];`
  ).join(" ");
  const outAt = (j: number, o: number) =>
    `corner + ${o * os[1]!}u + ${j * axes[axis]!.outStride * os[axis + 2]!}u`;
  const inside = (j: number) => `p${axis} + ${j * axes[axis]!.outStride}u < ${outShape[axis + 2]}u`;
  const each = (statement: (j: number, q: number, k: number) => string) =>
    range(outputs).map((j) =>
      `if (${inside(j)}) { ${
        range(quads).flatMap((q) =>
          range(4).map((k) => channelGuard(4 * q + k) + `{ ${statement(j, q, k)} }`)
        )
          .join(" ")
      } }`
    ).join("\n  ");
  return `
  let local_block = group / ${workgroups}u;
  let block = scalars.first_block + local_block;
  let tile = (group % ${workgroups}u) * 64u + lane;
  if (tile >= ${tiles}u) { return; }
  let member = block / ${groups * perGroup}u;
  let channel_group = (block / ${perGroup}u) % ${groups}u;
  let o0 = (block % ${perGroup}u) * ${channels}u;
  let channel0 = channel_group * ${outPerGroup}u + o0;
  ${unravel("tile", tileShape, "tile_")}
  let j0 = tile_1${axis === 0 ? ` * ${outputs}u` : ""};
  let j1 = tile_2${axis === 1 ? ` * ${outputs}u` : ""};
  let j2 = tile_3${axis === 2 ? ` * ${outputs}u` : ""};
  ${phaseTables}
  ${[0, 1, 2].map((a) => `let p${a} = f${a} + j${a} * ${axes[a]!.outStride}u;`).join(" ")}
  if (p${u} >= ${outShape[u + 2]}u || p${v} >= ${outShape[v + 2]}u) { return; }
  let corner = tile_0 * ${os[0]}u + channel0 * ${os[1]}u + p0 * ${os[2]}u + p1 * ${os[3]}u + p2;
  ${range(outputs).flatMap((j) => range(quads).map((q) => `var a${j}_${q} = vec4<f32>();`)).join(" ")}
  ${
    resumes
      ? `if (scalars.first_input > 0u) { ${
        each((j, q, k) => `a${j}_${q}[${k}] = out_at(${outAt(j, 4 * q + k)});`)
      } } else {`
      : ""
  }
  ${bias ? each((j, q, k) => `a${j}_${q}[${k}] = bias_at(channel0 + ${4 * q + k}u);`) : ""}
  ${resumes ? "}" : ""}
  let row0 = j${axis} * ${inStride}u;
  let inputs = min(${inputs}u, ${inPerGroup}u - scalars.first_input);
  for (var c = 0u; c < inputs; c++) {
    let plane = tile_0 * ${xs[0]}u + (channel_group * ${inPerGroup}u + scalars.first_input + c) * ${xs[1]}u;
    let weights0 = (local_block * ${unit}u + c * ${unit / inputs}u) / 4u;
    ${
    tapLoop(
      u,
      tapLoop(
        v,
        `let line = plane + i${u} * ${xs[u + 2]}u + i${v} * ${xs[v + 2]}u;
        let at = weights0 + u32(k${u} * ${offsets[v]!.length} + k${v}) * ${perTap}u;
        ${loads}
        ${products}`,
      ),
    )
  }
  }
  ${each((j, q, k) => `set_out(${outAt(j, 4 * q + k)}, a${j}_${q}[${k}]);`)}`;
}
