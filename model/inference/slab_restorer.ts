/**
 * The way back to a scan's grid, slab by slab, so that memory never holds the probabilities of a whole case.
 *
 * @module
 */

import { applyAffine, invertAffine, multiplyAffine, scalingAffine, type Triple } from "../../data/affine.ts";
import { type Turn, turnGrid, turnTo } from "../../data/orientation.ts";
import type { PreparedImage } from "../../data/prepare/prepare.ts";
import { reachBeyond } from "../../data/prepare/restore.ts";
import { resampleOnto } from "../../data/resample.ts";
import { type Grid, volumeFrom } from "../../data/volume.ts";

/** Voxels of the scan that are brought back at once, for each class: 4 MiB of probabilities. */
export const voxelsAtOnce: number = 1 << 20;

/**
 * Takes the probabilities of a prepared image in slabs along D, in order, and gives those on the scan's grid as soon
 * as no later slab changes them. What lies outside the prepared image is background.
 */
export class SlabRestorer {
  /** The scan's grid, turned to the axes of the prepared image. */
  readonly grid: Grid;
  /** How it was turned. */
  readonly turn: Turn;

  readonly #prepared: Pick<PreparedImage, "shape" | "affine">;
  readonly #beyond: Triple;
  readonly #emit: (first: number, probabilities: Float32Array[]) => void;
  /** Probabilities of each class on the slices from `#first` that are still needed. */
  #held: Float32Array[];
  #first = 0;
  #next = 0;

  /**
   * For one prepared image and one grid.
   *
   * @param native the grid to bring probabilities onto, as stored
   * @param classes how many, background included
   * @param emit is given the first slice, in the turned grid, and for each class some whole slices, row-major
   */
  constructor(
    prepared: Pick<PreparedImage, "shape" | "affine">,
    native: Grid,
    classes: number,
    emit: (first: number, probabilities: Float32Array[]) => void,
  ) {
    this.#prepared = prepared;
    this.#emit = emit;
    this.turn = turnTo(native.affine, prepared.affine);
    this.grid = turnGrid(native, this.turn);
    this.#beyond = reachBeyond(prepared.affine, this.grid);
    this.#held = Array.from({ length: classes }, () => new Float32Array(0));
  }

  /**
   * Takes the next slices.
   *
   * @param slabs probabilities to average, each row-major `[K,n,H,W]`
   */
  add(slabs: readonly Float32Array[]): void {
    const { shape: [depth, height, width] } = this.#prepared;
    const size = slabs[0]!.length / this.#held.length;
    this.#held = this.#held.map((held, k) => {
      const longer = new Float32Array(held.length + size);
      longer.set(held);
      for (const slab of slabs) {
        for (let at = 0; at < size; at++) longer[held.length + at]! += slab[k * size + at]! / slabs.length;
      }
      return longer;
    });
    const end = this.#first + this.#held[0]!.length / (height * width);
    const [slices, rows, columns] = this.grid.shape;
    const most = Math.max(1, Math.floor(voxelsAtOnce / (rows * columns)));
    while (this.#next < slices) {
      let next = this.#next;
      while (next < slices && next - this.#next < most && (end === depth || this.#needs(next)[1] < end)) {
        next++;
      }
      if (next === this.#next) break;
      this.#restore(next);
    }
    const keepFrom = this.#next < slices
      ? Math.min(Math.max(this.#first, this.#needs(this.#next)[0]), end)
      : end;
    const passed = (keepFrom - this.#first) * height * width;
    if (passed > 0) this.#held = this.#held.map((held) => held.slice(passed));
    this.#first = keepFrom;
  }

  /** The first and the last prepared slice that a slice of the scan depends on, both within the image. */
  #needs(slice: number): [number, number] {
    const { affine, shape: [depth] } = this.#prepared, [, rows, columns] = this.grid.shape;
    const map = multiplyAffine(invertAffine(affine), this.grid.affine);
    const places = [[0, 0], [0, columns - 1], [rows - 1, 0], [rows - 1, columns - 1]].map(([h, w]) =>
      applyAffine(map, [slice, h!, w!])[0]
    );
    // A coarser grid averages over its own voxels; one slice more is for rounding.
    const reach = 1 + Math.ceil(Math.max(1, Math.hypot(map[0]!, map[1]!, map[2]!)));
    const within = (at: number) => Math.min(depth - 1, Math.max(0, at));
    return [within(Math.floor(Math.min(...places)) - reach), within(Math.ceil(Math.max(...places)) + reach)];
  }

  /** Brings the slices `#next … end − 1` of the scan back and gives them away. */
  #restore(end: number): void {
    const { affine, shape: [, height, width] } = this.#prepared;
    const shifted = (from: number) => scalingAffine([1, 1, 1], [from, 0, 0]);
    const held: Triple = [this.#held[0]!.length / (height * width), height, width];
    const [, rows, columns] = this.grid.shape;
    const grid: Grid = {
      shape: [end - this.#next, rows, columns],
      affine: multiplyAffine(this.grid.affine, shifted(this.#next)),
      spacing: this.grid.spacing,
    };
    const probabilities = this.#held.map((data, k) =>
      resampleOnto(
        volumeFrom(data, held, multiplyAffine(affine, shifted(this.#first))),
        grid,
        "linear",
        k === 0 ? 1 : 0,
        this.#beyond,
      ).array.data
    );
    this.#emit(this.#next, probabilities);
    this.#next = end;
  }
}
