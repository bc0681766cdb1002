/**
 * The tensor: a handle on device memory with a shape. What ops compute is in `ops/`.
 *
 * @module
 */

import { backward, type GraphNode } from "./autograd.ts";
import type { Device, DeviceBuffer, DType, HostArray, Operand } from "./device.ts";
import { displayTensor } from "./display.ts";
import { DisposedError, ShapeError } from "./errors.ts";
import { add, div, exp, log, mul, neg, pow, sqrt, square, sub, type Term } from "./ops/elementwise.ts";
import { permute, reshape, slice } from "./ops/layout.ts";
import { mean, type ReduceOptions, sum } from "./ops/reduce.ts";
import type { Random } from "./random.ts";
import { disown, keep, own } from "./scope.ts";
import { type Shape, shapeText, sizeOf } from "./shape.ts";

const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display") as typeof jupyterDisplay;

/** Device memory with a count of the handles on it. */
class Storage {
  handles = 0;
  /** How often it was overwritten. */
  version = 0;
  constructor(readonly device: Device, readonly buffer: DeviceBuffer) {}
}

/** A tensor of numbers drawn one after another, unless the device would drop them. */
function drawn(device: Device, shape: Shape, draw: () => number): Tensor {
  const data = new Float32Array(sizeOf(shape));
  if (!device.dropsValues) { for (let i = 0; i < data.length; i++) data[i] = draw(); }
  return Tensor.from(device, data, shape);
}

/** How to make another handle on a tensor's memory. */
export interface AliasOptions {
  /** Another shape of the same size. */
  readonly shape?: Shape;
  /** Whether the innermost scope frees the handle; true by default. */
  readonly owned?: boolean;
}

/**
 * A dense row-major array on a device.
 *
 * @example
 * ```ts
 * import { openDevice, Tensor } from "./mod.ts";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.from(device, [1, 2, 3, 4], [2, 2]);
 * using y = x.mul(x).sum();
 * assert.equal(await y.item(), 30);
 * ```
 */
export class Tensor implements Disposable {
  /** Where it lives. */
  readonly device: Device;
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** Element type. */
  readonly dtype: DType;
  /** The op or function that made it, for error messages. */
  readonly origin: string;
  /** Whether `backward` leaves a gradient here; set it on parameters. */
  requiresGrad = false;
  /** The gradient, after `backward`. */
  grad: Tensor | undefined;
  /** How it was computed, when a gradient flows through it. */
  node: GraphNode | undefined;
  /** Which of the node's outputs it is. */
  output = 0;
  #storage: Storage | undefined;

  /** Takes over a buffer; library code uses the functions below instead. */
  constructor(
    device: Device,
    memory: DeviceBuffer | Storage | DType,
    shape: Shape,
    origin: string,
    owned = true,
  ) {
    this.device = device;
    this.shape = shape;
    this.origin = origin;
    if (typeof memory === "string") {
      this.dtype = memory; // hollow: a shape without values
      return;
    }
    this.#storage = memory instanceof Storage ? memory : new Storage(device, memory);
    this.#storage.handles++;
    this.dtype = this.#storage.buffer.dtype;
    if (owned) own(this);
  }

  /** A tensor from host numbers, in row-major order. */
  static from(
    device: Device,
    data: ArrayLike<number>,
    shape: Shape = [data.length],
    dtype: DType = "f32",
  ): Tensor {
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(
        "shape.size",
        `Tensor.from: ${data.length} numbers do not fill ${shapeText(shape)}, which takes ${sizeOf(shape)}`,
      );
    }
    const buffer = device.allocate(dtype, data.length);
    try {
      device.write(buffer, data);
    } catch (error) {
      device.release(buffer);
      throw error;
    }
    return new Tensor(device, buffer, shape, "Tensor.from");
  }

  /** A tensor with one value everywhere. */
  static full(device: Device, shape: Shape, value: number, dtype: DType = "f32"): Tensor {
    return Tensor.from(device, new Float32Array(sizeOf(shape)).fill(value), shape, dtype);
  }

  /** Zeros. */
  static zeros(device: Device, shape: Shape, dtype: DType = "f32"): Tensor {
    return Tensor.full(device, shape, 0, dtype);
  }

  /** Normally distributed numbers, drawn on the host so that every device gets the same. */
  static normal(device: Device, random: Random, shape: Shape, deviation = 1): Tensor {
    return drawn(device, shape, () => random.normal(0, deviation));
  }

  /** Uniform numbers in `[low, high)`, drawn on the host so that every device gets the same. */
  static uniform(device: Device, random: Random, shape: Shape, low = 0, high = 1): Tensor {
    return drawn(device, shape, () => random.uniform(low, high));
  }

  #alive(user: string): Storage {
    if (!this.#storage) {
      throw new DisposedError(
        "tensor.disposed",
        `${user}: the tensor ${shapeText(this.shape)} made by ${this.origin} was disposed`,
        { fix: "Return it from its scope, or call keep() on it." },
      );
    }
    return this.#storage;
  }

  /** The memory as a device sees it. Throws `DisposedError` naming the op that uses it. */
  operand(user = "operand"): Operand {
    return { buffer: this.#alive(user).buffer, shape: this.shape };
  }

  /** Another handle on the same memory, without gradient history. */
  alias({ shape = this.shape, owned = true }: AliasOptions = {}): Tensor {
    return new Tensor(this.device, this.#alive("alias"), shape, this.origin, owned);
  }

  /** A tensor that has this one's shape and dtype, but no values. */
  hollow(): Tensor {
    return new Tensor(this.device, this.dtype, this.shape, `${this.origin} (values not saved)`, false);
  }

  /** How often the memory was overwritten, whichever handle did it; 0 of a tensor without values. */
  get version(): number {
    return this.#storage?.version ?? 0;
  }

  /** Says that an update op overwrites the values. */
  overwritten(): void {
    this.#alive("overwritten").version++;
  }

  /** Whether other handles see the same memory. */
  get isShared(): boolean {
    return this.#alive("isShared").handles > 1;
  }

  /** Whether the memory was given back. */
  get isDisposed(): boolean {
    return this.#storage === undefined;
  }

  /** Gives the memory back, once; later calls do nothing. */
  dispose(): void {
    const storage = this.#storage;
    this.#storage = undefined;
    disown(this);
    this.node?.release();
    this.node = undefined;
    this.grad?.dispose();
    this.grad = undefined;
    if (storage && --storage.handles === 0) this.device.release(storage.buffer);
  }

  /** Same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Marks the tensor as a parameter: no scope frees it and `backward` leaves a gradient here. */
  asParameter(): this {
    this.requiresGrad = true;
    return keep(this);
  }

  /** What a notebook shows: shape, dtype, device, range and, for three axes and more, the middle slice. */
  [jupyterDisplay](): Promise<Record<string, string>> {
    return displayTensor(this);
  }

  /** The values, copied to the host in row-major order. */
  data(): Promise<HostArray> {
    return this.device.read(this.#alive("data").buffer);
  }

  /** The value of a tensor with one element. */
  async item(): Promise<number> {
    if (sizeOf(this.shape) !== 1) {
      throw new ShapeError(
        "shape.size",
        `item: ${shapeText(this.shape)} has ${sizeOf(this.shape)} elements, not one`,
      );
    }
    return (await this.data())[0]!;
  }

  /** Overwrites the values. */
  write(data: ArrayLike<number>): void {
    if (data.length !== sizeOf(this.shape)) {
      throw new ShapeError(
        "shape.size",
        `write: ${data.length} numbers do not fill ${shapeText(this.shape)}`,
      );
    }
    this.device.write(this.#alive("write").buffer, data);
    this.overwritten();
  }

  /** The same values without gradient history. */
  detach(): Tensor {
    return this.alias();
  }

  /** Adds the gradients of this scalar to the parameters it depends on. */
  backward(): void {
    backward(this);
  }

  /** Elementwise sum. */
  add(y: Term): Tensor {
    return add(this, y);
  }
  /** Elementwise difference. */
  sub(y: Term): Tensor {
    return sub(this, y);
  }
  /** Elementwise product. */
  mul(y: Term): Tensor {
    return mul(this, y);
  }
  /** Elementwise quotient. */
  div(y: Term): Tensor {
    return div(this, y);
  }
  /** Elementwise power, for positive values. */
  pow(y: Term): Tensor {
    return pow(this, y);
  }
  /** −x. */
  neg(): Tensor {
    return neg(this);
  }
  /** x². */
  square(): Tensor {
    return square(this);
  }
  /** Square root. */
  sqrt(): Tensor {
    return sqrt(this);
  }
  /** e to the x. */
  exp(): Tensor {
    return exp(this);
  }
  /** Natural logarithm. */
  log(): Tensor {
    return log(this);
  }
  /** Sum over axes, all by default. */
  sum(options?: ReduceOptions): Tensor {
    return sum(this, options);
  }
  /** Mean over axes, all by default. */
  mean(options?: ReduceOptions): Tensor {
    return mean(this, options);
  }
  /** The same elements in another shape. */
  reshape(shape: Shape): Tensor {
    return reshape(this, shape);
  }
  /** Axes in another order. */
  permute(axes: readonly number[]): Tensor {
    return permute(this, axes);
  }
  /** Along one axis, `count` elements from `start`, to the end by default. */
  narrow(axis: number, start: number, count: number = this.shape[axis]! - start): Tensor {
    return slice(
      this,
      this.shape.map((_, i) => i === axis ? start : 0),
      this.shape.map((n, i) => i === axis ? count : n),
    );
  }
}
