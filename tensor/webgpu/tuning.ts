/**
 * What differs between adapters: how much work a thread takes on, and through which memory.
 *
 * @module
 */

/** How a kernel cuts its work. */
export interface Blocks {
  /** What one thread computes: outputs along one axis, output channels. */
  readonly convolution: { readonly outputs: number; readonly channels: number };
  /**
   * Workgroups of a weight gradient (with more, each reads a smaller part of the tensors, which caches hold)
   * and weights that one thread sums.
   */
  readonly weightGradient: { readonly workgroups: number; readonly sums: number };
  /**
   * Rows and columns that one thread computes, at most, and whether a workgroup shares tiles through its
   * memory.
   */
  readonly matmul: { readonly block: number; readonly tiles: boolean };
}

/** Names of the kernels that the table is about. */
export type BlockedKernel = keyof Blocks;

/** A row of the table: what suits calls of up to so many multiply-adds. */
export interface CostRow<B> {
  /** Most multiply-adds of a call; the last row also serves those beyond. */
  readonly upTo: number;
  /** The choice. */
  readonly blocks: B;
}

/** For each kernel rows by increasing work. */
export type CostTable = { readonly [K in BlockedKernel]: readonly CostRow<Blocks[K]>[] };

/** Choices for one adapter. */
export interface Tuning {
  /** Workgroup memory for the weights of a convolution, in bytes. */
  readonly sharedBytes: number;
  /** Workgroups that keep the adapter busy; with fewer, kernels cut the work finer. */
  readonly workgroups: number;
  /** Sizes of blocks by kernel and work: estimated, or measured by `tuner.ts`. */
  readonly table: CostTable;
}

/** The same blocks for calls of any size. */
export function always<B>(blocks: B): CostRow<B>[] {
  return [{ upTo: Number.MAX_SAFE_INTEGER, blocks }];
}

/** The row of the table for a call of so many multiply-adds. */
export function blocksFor<K extends BlockedKernel>(table: CostTable, kernel: K, work: number): Blocks[K] {
  const rows = table[kernel];
  return (rows.find(({ upTo }) => work <= upTo) ?? rows.at(-1)!).blocks;
}

/** What is assumed of adapters nobody has measured. */
const assumedTable: CostTable = {
  convolution: always({ outputs: 4, channels: 16 }),
  weightGradient: always({ workgroups: 1024, sums: 72 }),
  matmul: always({ block: 8, tiles: true }),
};

/** The choices for an adapter; `table` is the measured one where there is one. */
export function tuningOf(table: CostTable = assumedTable): Tuning {
  return {
    workgroups: 1024,
    sharedBytes: 16384, // which every adapter has
    table,
  };
}
