/**
 * Batched matrix product in three forms:
 *
 * - direct: a thread computes a block of the result and loads from memory what it multiplies;
 * - tiled: a workgroup shares tiles of both operands through workgroup memory, for hardware adapters;
 * - long: few results over a long inner axis, each summed by whole workgroups.
 *
 * @module
 */

import type { KernelAttributes } from "../../ops/registry.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import { broadcastWalk, ravel, unravel } from "../indexing.ts";
import type { Call, Kernel, Step } from "../kernel.ts";
import { reductionSteps } from "./reduction.ts";

type Attributes = KernelAttributes<"matmul">;

interface Sizes {
  readonly out: Shape;
  readonly m: number;
  readonly n: number;
  readonly inner: number;
  readonly batches: number;
  /** `a_index(a0, row, k)`, `b_index(b0, k, column)` and `starts(batch)`, the starts of both matrices. */
  readonly code: string;
}

function sizesOf(call: Call<Attributes>): Sizes {
  const { transposeA, transposeB } = call.attributes;
  const [a, b, out] = [call.inputs[0]!.shape, call.inputs[1]!.shape, call.outputs[0]!.shape];
  const [m, n] = [out.at(-2)!, out.at(-1)!];
  const inner = transposeA ? a.at(-2)! : a.at(-1)!;
  const walk = broadcastWalk(out.slice(0, -2), [a.slice(0, -2), b.slice(0, -2)]);
  const [aStarts, bStarts] = walk.strides as [readonly number[], readonly number[]];
  const code = `
fn a_index(a0: u32, row: u32, k: u32) -> u32 { return a0 + ${
    transposeA ? `k * ${m}u + row` : `row * ${inner}u + k`
  }; }
fn b_index(b0: u32, k: u32, column: u32) -> u32 { return b0 + ${
    transposeB ? `column * ${inner}u + k` : `k * ${n}u + column`
  }; }
fn starts(batch: u32) -> vec2<u32> {
  ${unravel("batch", walk.shape, "p")}
  return vec2<u32>((${ravel("p", aStarts)}) * ${m * inner}u, (${ravel("p", bStarts)}) * ${inner * n}u);
}`;
  return { out, m, n, inner, batches: sizeOf(out.slice(0, -2)), code };
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** The largest power of two up to `limit` that is not much larger than `n`. */
function blockSize(n: number, limit: number): number {
  let size = 1;
  while (size < n && size < limit) size *= 2;
  return size;
}

/** Each thread computes `rows × columns` results, each at most `block`. */
function direct(call: Call<Attributes>, sizes: Sizes, block: number): Step {
  const { m, n, inner, batches, code } = sizes;
  const threads = (rows: number, columns: number) => batches * Math.ceil(m / rows) * Math.ceil(n / columns);
  let rows = blockSize(m, block);
  let columns = blockSize(n, block);
  while (rows * columns > 1 && threads(rows, columns) < 64 * call.tuning.workgroups) {
    if (rows > columns) rows /= 2;
    else columns /= 2;
  }
  const [high, wide] = [Math.ceil(m / rows), Math.ceil(n / columns)];
  return {
    label: "matmul",
    reads: { a: call.input(0), b: call.input(1) },
    writes: { out: call.output(0) },
    code,
    threads: batches * high * wide,
    body: `
  ${unravel("i", [batches, high, wide], "p")}
  let top = p1 * ${rows}u;
  let left = p2 * ${columns}u;
  let start = starts(p0);
  ${range(rows).map((r) => `let row${r} = min(top + ${r}u, ${m - 1}u);`).join(" ")}
  ${range(columns).map((c) => `let column${c} = min(left + ${c}u, ${n - 1}u);`).join(" ")}
  ${range(rows).flatMap((r) => range(columns).map((c) => `var s${r}_${c} = 0.0;`)).join(" ")}
  for (var k = 0u; k < ${inner}u; k++) {
    ${range(columns).map((c) => `let b${c} = b_at(b_index(start.y, k, column${c}));`).join(" ")}
    ${
      range(rows).map((r) =>
        `{ let a = a_at(a_index(start.x, row${r}, k)); ${
          range(columns).map((c) => `s${r}_${c} = fma(a, b${c}, s${r}_${c});`).join(" ")
        } }`
      ).join("\n    ")
    }
  }
  ${storeBlock(rows, columns, sizes)}`,
  };
}

/** Stores `s<r>_<c>`, the block at top, left of batch p0. */
function storeBlock(rows: number, columns: number, { m, n }: Sizes): string {
  const at = `let corner = p0 * ${m * n}u + top * ${n}u + left;`;
  return at +
    range(rows).map((r) =>
      `if (top + ${r}u < ${m}u) { ${
        range(columns).map((c) =>
          `if (left + ${c}u < ${n}u) { set_out(corner + ${r * n + c}u, s${r}_${c}); }`
        ).join(" ")
      } }`
    ).join("\n  ");
}

/** Threads along each side of a workgroup. */
const side = 16;

/** A workgroup of 16 × 16 threads computes a tile; each thread every 16th row and column of a block. */
function tiled(call: Call<Attributes>, { m, n, inner, batches, code }: Sizes, block: number): Step {
  const { transposeA, transposeB } = call.attributes;
  // The larger the block, the fewer loads a product; but large blocks of a small matrix leave the adapter idle.
  const large = batches * Math.ceil(m / (8 * side)) * Math.ceil(n / (8 * side));
  const limit = large * 16 >= call.tuning.workgroups ? block : Math.min(block, 4);
  const rows = blockSize(Math.ceil(m / side), limit);
  const columns = blockSize(Math.ceil(n / side), limit);
  const depth = rows * columns > 16 ? 8 : 16; // steps along the inner axis that are in workgroup memory at once
  const [tileM, tileN] = [rows * side, columns * side];
  const [high, wide] = [Math.ceil(m / tileM), Math.ceil(n / tileN)];
  /** Fetches one element a thread; the faster of its two coordinates is the one that is contiguous in memory. */
  const fetch = (name: "a" | "b", part: number, contiguousK: boolean) => {
    const across = name === "a" ? tileM : tileN;
    const e = `e_${name}${part}`;
    const [k, x] = contiguousK
      ? [`${e} % ${depth}u`, `${e} / ${depth}u`]
      : [`${e} / ${across}u`, `${e} % ${across}u`];
    const [first, limit] = name === "a" ? [`p1 * ${tileM}u`, m] : [`p2 * ${tileN}u`, n];
    // Out of range, any element will do: it is replaced by 0.
    const [kIn, xIn] = [`min(k, ${Math.max(inner - 1, 0)}u)`, `min(x, ${limit - 1}u)`];
    const index = name === "a" ? `a_index(start.x, ${xIn}, ${kIn})` : `b_index(start.y, ${kIn}, ${xIn})`;
    return `{ let ${e} = lane + ${part * side * side}u; let k = k0 + ${k}; let x = ${first} + ${x};
      tile_${name}[(${k}) * ${across + 1}u + ${x}] =
        select(0.0, ${name}_at(${index}), k < ${inner}u && x < ${limit}u); }`;
  };
  return {
    label: "matmul in tiles",
    reads: { a: call.input(0), b: call.input(1) },
    writes: { out: call.output(0) },
    code: `${code}
var<workgroup> tile_a: array<f32, ${depth * (tileM + 1)}>;
var<workgroup> tile_b: array<f32, ${depth * (tileN + 1)}>;`,
    groups: batches * high * wide,
    groupSize: side * side,
    body: `
  ${unravel("group", [batches, high, wide], "p")}
  let start = starts(p0);
  let row = lane / ${side}u;
  let column = lane % ${side}u;
  ${range(rows).flatMap((r) => range(columns).map((c) => `var s${r}_${c} = 0.0;`)).join(" ")}
  for (var k0 = 0u; k0 < ${inner}u; k0 += ${depth}u) {
    ${range(tileM * depth / side ** 2).map((part) => fetch("a", part, !transposeA)).join("\n    ")}
    ${range(tileN * depth / side ** 2).map((part) => fetch("b", part, transposeB)).join("\n    ")}
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k++) {
      ${range(columns).map((c) => `let b${c} = tile_b[k * ${tileN + 1}u + column + ${c * side}u];`).join(" ")}
      ${
      range(rows).map((r) =>
        `{ let a = tile_a[k * ${tileM + 1}u + row + ${r * side}u]; ${
          range(columns).map((c) => `s${r}_${c} = fma(a, b${c}, s${r}_${c});`).join(" ")
        } }`
      ).join("\n      ")
    }
    }
    workgroupBarrier();
  }
  ${
      range(rows).map((r) =>
        range(columns).map((c) =>
          `{ let y = p1 * ${tileM}u + row + ${r * side}u; let x = p2 * ${tileN}u + column + ${c * side}u;
    if (y < ${m}u && x < ${n}u) { set_out(p0 * ${m * n}u + y * ${n}u + x, s${r}_${c}); } }`
        ).join("\n  ")
      ).join("\n  ")
    }`,
  };
}

/** Each result is a reduction. */
function long(call: Call<Attributes>, { m, n, inner, batches, code }: Sizes): Step[] {
  return reductionSteps(call, {
    label: "matmul as sums",
    rows: batches * m * n,
    length: inner,
    fields: { sum: "f32" },
    identity: "Acc()",
    reads: { a: call.input(0), b: call.input(1) },
    writes: { out: call.output(0) },
    code,
    element: `
  let start = starts(row / ${m * n}u);
  return Acc(a_at(a_index(start.x, (row / ${n}u) % ${m}u, k)) * b_at(b_index(start.y, k, row % ${n}u)));`,
    combine: `return Acc(a.sum + b.sum);`,
    store: `set_out(row, acc.sum);`,
  });
}

/** `a · b`. */
export const matmul: Kernel<Attributes> = {
  steps: (call) => {
    const sizes = sizesOf(call);
    const { m, n, inner } = sizes;
    if (sizeOf(sizes.out) === 0) return [];
    const isSmall = sizeOf(sizes.out) < Math.min(4096, 64 * call.tuning.workgroups);
    if (isSmall && inner >= 1024) return long(call, sizes);
    const { block, tiles } = call.blocks("matmul", sizeOf(sizes.out) * inner);
    if (tiles && Math.min(m, n) >= side / 2 && inner >= 16) return [tiled(call, sizes, block)];
    return [direct(call, sizes, tiles ? Math.min(block, 4) : block)];
  },
};
