/**
 * Measures which block sizes suit an adapter, kernel by kernel and for small, middle and large calls.
 *
 * @module
 */

import { apply } from "../apply.ts";
import type { Device } from "../device.ts";
import { conv3dOp, conv3dWeightGradOp } from "../ops/conv3d.ts";
import { matmul as product } from "../ops/matmul.ts";
import { Random } from "../random.ts";
import { scope } from "../scope.ts";
import type { Shape } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { probeAdapter } from "./adapter.ts";
import { openWebGpu } from "./device.ts";
import {
  always,
  type BlockedKernel,
  type Blocks,
  blocksFor,
  type CostRow,
  type CostTable,
  tuningOf,
} from "./tuning.ts";

/** One measurement. */
export interface Trial<K extends BlockedKernel = BlockedKernel> {
  /** The kernel. */
  readonly kernel: K;
  /** Multiply-adds of the call. */
  readonly work: number;
  /** What was tried. */
  readonly blocks: Blocks[K];
  /** Milliseconds of one call. */
  readonly ms: number;
  /** Whether it is what the table has without measuring. */
  readonly isAssumed: boolean;
}

/** What a kernel is measured on. */
interface Subject<K extends BlockedKernel> {
  readonly candidates: readonly Blocks[K][];
  /** By increasing work. */
  readonly calls: readonly { readonly work: number; prepare(device: Device): () => void }[];
}

const tensor = (device: Device, shape: Shape) => Tensor.uniform(device, new Random(1), shape, -1, 1);
const plain = { stride: [1, 1, 1], padding: [1, 1, 1], dilation: [1, 1, 1], groups: 1 } as const;

/** 3×3×3 convolutions of n → n channels as networks have them: channels and edge of the volume, two samples. */
const convolutions = [[64, 8], [32, 32], [16, 64]] as const;
const sizes = [128, 512, 1024];

const pairs = <A, B>(a: readonly A[], b: readonly B[]) => a.flatMap((x) => b.map((y) => [x, y] as const));

interface Subjects {
  readonly convolution: Subject<"convolution">;
  readonly weightGradient: Subject<"weightGradient">;
  readonly matmul: Subject<"matmul">;
}

/** All subjects; `scale` multiplies the edges of what they compute. */
function subjects(scale: number): Subjects {
  const volumes = convolutions.map(([channels, size]) => ({
    channels,
    x: [2, channels, ...new Array<number>(3).fill(Math.ceil(size * scale))],
    work: 2 * 27 * channels ** 2 * Math.ceil(size * scale) ** 3,
  }));
  return {
    convolution: {
      candidates: pairs([2, 4, 8], [8, 16, 32]).map(([outputs, channels]) => ({ outputs, channels })),
      calls: volumes.map(({ channels, x: shape, work }) => ({
        work,
        prepare(device) {
          const [x, w] = [tensor(device, shape), tensor(device, [channels, channels, 3, 3, 3])];
          return () => scope(() => void apply(conv3dOp, [x, w], plain));
        },
      })),
    },
    weightGradient: {
      candidates: pairs([256, 1024, 4096], [36, 72, 144]).map(([workgroups, sums]) => ({ workgroups, sums })),
      calls: volumes.map(({ x: shape, work }) => ({
        work,
        prepare(device) {
          const x = tensor(device, shape);
          return () => scope(() => void apply(conv3dWeightGradOp, [x, x], { ...plain, kernel: [3, 3, 3] }));
        },
      })),
    },
    matmul: {
      candidates: pairs([4, 8], [false, true]).map(([block, tiles]) => ({ block, tiles })),
      calls: sizes.map((size) => Math.ceil(size * scale)).map((n) => ({
        work: n ** 3,
        prepare(device) {
          const [a, b] = [tensor(device, [n, n]), tensor(device, [n, n])];
          return () => scope(() => void product(a, b));
        },
      })),
    },
  };
}

/** Milliseconds of one call: enough calls in a row that waiting for the answer does not count. */
async function timeOf(device: Device, call: () => void, leastMs: number): Promise<number> {
  const run = async (times: number) => {
    const begin = performance.now();
    for (let i = 0; i < times; i++) call();
    await device.flush();
    return performance.now() - begin;
  };
  await run(1); // compiles
  for (let times = 1;; times *= 2) {
    const ms = await run(times);
    if (ms >= leastMs) return Math.min(ms, await run(times)) / times;
  }
}

/** A measured table is worth having only where it is clearly better than the assumed one. */
const leastGain = 0.97;

/** What {@link tune} gives. */
export interface TuneResult {
  /** The adapter, as in the device's description. */
  readonly adapter: string;
  /** The best choices. */
  readonly table: CostTable;
}

/**
 * Measures all candidates on the WebGPU adapter; seconds on a graphics processor, minutes in software.
 *
 * @param onTrial hears of every measurement
 * @param leastMs shortest time that a measurement may take, in milliseconds
 * @param scale of the volumes' edges: below 1 for a quick look
 * @throws {DeviceError} `device.unavailable` when there is no adapter
 */
export async function tune(
  onTrial: (trial: Trial) => void,
  leastMs = 200,
  scale = 1,
): Promise<TuneResult> {
  const probe = await probeAdapter();
  const assumed = tuningOf().table;

  async function best<K extends BlockedKernel>(
    kernel: K,
    { candidates, calls }: Subject<K>,
  ): Promise<CostRow<Blocks[K]>[]> {
    const rows = [];
    for (const [i, { work, prepare }] of calls.entries()) {
      const before = blocksFor(assumed, kernel, work);
      const timed = (blocks: Blocks[K], isAssumed = false) => trial(kernel, work, blocks, prepare, isAssumed);
      let chosen = before;
      let least = await timed(before, true);
      for (const blocks of candidates) {
        if (JSON.stringify(blocks) === JSON.stringify(before)) continue;
        const ms = await timed(blocks);
        if (ms < least) [least, chosen] = [ms, blocks];
      }
      // The best of many is partly luck, and the machine may have been busy: both once more.
      const isBetter = chosen !== before && await timed(chosen) < leastGain * await timed(before, true);
      const next = calls[i + 1]?.work;
      const upTo = next === undefined ? Number.MAX_SAFE_INTEGER : Math.round(Math.sqrt(work * next));
      rows.push({ upTo, blocks: isBetter ? chosen : before });
    }
    return rows;
  }

  async function trial<K extends BlockedKernel>(
    kernel: K,
    work: number,
    blocks: Blocks[K],
    prepare: (device: Device) => () => void,
    isAssumed: boolean,
  ): Promise<number> {
    using device = await openWebGpu({ tuning: { table: { ...assumed, [kernel]: always(blocks) } } });
    const ms = await timeOf(device, prepare(device), leastMs);
    onTrial({ kernel, work, blocks, ms, isAssumed });
    return ms;
  }

  const { convolution, weightGradient, matmul } = subjects(scale);
  const table = {
    convolution: await best("convolution", convolution),
    weightGradient: await best("weightGradient", weightGradient),
    matmul: await best("matmul", matmul),
  };
  return { adapter: probe.summary, table };
}
