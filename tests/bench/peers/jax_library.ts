/** What the benchmark uses of jax-js. The package is looked up when the program runs, so types are ours. */

import { randomValues } from "./random_values.ts";

/** Axes and whether to keep them. */
type Reduce = (axes?: number | readonly number[] | null, options?: { keepdims: boolean }) => JaxArray;

/** An array; every use consumes a reference, `ref` makes one more. */
export interface JaxArray {
  /** One more reference. */
  readonly ref: JaxArray;
  /** Sizes. */
  readonly shape: readonly number[];
  /** Arithmetic with broadcasting. */
  add(other: JaxArray | number): JaxArray;
  /** See `add`. */
  sub(other: JaxArray | number): JaxArray;
  /** See `add`. */
  mul(other: JaxArray | number): JaxArray;
  /** See `add`. */
  div(other: JaxArray | number): JaxArray;
  /** Sum over axes. */
  readonly sum: Reduce;
  /** Mean over axes. */
  readonly mean: Reduce;
  /** The same values in another shape. */
  reshape(shape: readonly number[]): JaxArray;
  /** Axes in another order. */
  transpose(axes: readonly number[]): JaxArray;
  /** Gives the reference back. */
  dispose(): void;
}

/** Arrays in nested arrays and objects. */
export type Tree = JaxArray | readonly Tree[] | { readonly [name: string]: Tree };

/** The module. */
export interface Jax {
  /** Starts backends. */
  init(backend: string): Promise<readonly string[]>;
  /** Chooses one. */
  defaultDevice(backend: string): void;
  /** Waits for values. */
  blockUntilReady(tree: Tree): Promise<unknown>;
  /** Compiles. */
  jit<F>(f: F): F;
  /** Gradient with respect to the first argument. */
  grad<P extends Tree>(f: (parameters: P) => JaxArray): (parameters: P) => P;
  /** Value and gradient with respect to the first argument. */
  valueAndGrad<P extends Tree, A extends Tree[]>(
    f: (parameters: P, ...rest: A) => JaxArray,
  ): (parameters: P, ...rest: A) => [JaxArray, P];
  /** NumPy's names. */
  readonly numpy: {
    array(values: Float32Array, options: { shape: readonly number[] }): JaxArray;
    zeros(shape: readonly number[]): JaxArray;
    ones(shape: readonly number[]): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
    exp(x: JaxArray): JaxArray;
    minimum(a: JaxArray, b: JaxArray | number): JaxArray;
    max(x: JaxArray, axes: readonly number[]): JaxArray;
    concatenate(parts: readonly JaxArray[], axis: number): JaxArray;
  };
  /** Neural networks. */
  readonly nn: {
    softmax(x: JaxArray, axis: number): JaxArray;
    logSoftmax(x: JaxArray, axis: number): JaxArray;
    leakyRelu(x: JaxArray, slope: number): JaxArray;
    gelu(x: JaxArray, options: { approximate: boolean }): JaxArray;
    standardize(x: JaxArray, axis: number | readonly number[], options: { epsilon: number }): JaxArray;
  };
  /** Convolutions. */
  readonly lax: {
    convGeneralDilated(x: JaxArray, w: JaxArray, strides: readonly number[], padding: string): JaxArray;
    convTranspose(x: JaxArray, w: JaxArray, strides: readonly number[], padding: string): JaxArray;
  };
}

/** Loads the package and starts a backend. It starts a thread for every core it is told of. */
export async function openJax(specifier: string, backend: string, threads: number): Promise<Jax> {
  Object.defineProperty(navigator, "hardwareConcurrency", { value: threads });
  const jax: Jax = await import(specifier);
  if (!(await jax.init(backend)).includes(backend)) throw new Error(`the backend ${backend} does not start`);
  jax.defaultDevice(backend);
  return jax;
}

/** An array of random values. */
export function random({ numpy }: Jax, shape: readonly number[], scale = 1): JaxArray {
  return numpy.array(randomValues(shape, scale), { shape });
}
