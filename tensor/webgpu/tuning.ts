/**
 * What differs between adapters: how much work a thread takes on, and through which memory.
 *
 * @module
 */

/** Choices for one kind of adapter. */
export interface Tuning {
  /** Whether kernels share tiles through workgroup memory; on a software adapter that costs more than it saves. */
  readonly tiles: boolean;
  /** Largest uniform buffer in bytes; weights that fit are read through one. */
  readonly uniformBytes: number;
  /** Start of a uniform range must divide by this many elements. */
  readonly uniformAlignment: number;
  /** Workgroups that keep the adapter busy; with fewer, kernels cut the work finer. */
  readonly workgroups: number;
  /** Outputs along one axis that one thread of a convolution computes. */
  readonly convolutionOutputs: number;
  /** Output channels that one thread of a convolution computes. */
  readonly convolutionChannels: number;
  /** Workgroups of a weight gradient: with more, each reads a smaller part of the tensors, which caches hold. */
  readonly weightGradientWorkgroups: number;
  /** Weights that one thread of a convolution's weight gradient sums. */
  readonly weightGradientSums: number;
  /** Rows and columns of a matrix product that one thread computes when it shares nothing. */
  readonly matmulBlock: number;
}

/** The table: software adapters run whole workgroups on one core, so large register blocks win there. */
export function tuningOf(software: boolean, limits: GPUSupportedLimits): Tuning {
  return {
    tiles: !software,
    workgroups: software ? 16 : 1024,
    uniformBytes: Math.min(limits.maxUniformBufferBindingSize, 65536),
    uniformAlignment: Math.max(64, limits.minUniformBufferOffsetAlignment / 4),
    convolutionOutputs: software ? 8 : 4,
    convolutionChannels: 16,
    weightGradientWorkgroups: software ? 256 : 1024,
    weightGradientSums: software ? 144 : 72,
    matmulBlock: software ? 8 : 4,
  };
}
