/**
 * The pending commands of a device.
 *
 * @module
 */

import { type PooledBuffer, sizeClass } from "./buffer_pool.ts";
import type { Faults } from "./faults.ts";
import type { PreparedStep } from "./plan_cache.ts";

/** Bytes of the block that carries scalars and small writes of one submission. */
const blockBytes = 1 << 18;
/** Writes up to this size go through the block, so that they need no submission. */
const smallWrite = 1 << 12;
/** Dispatches after which the pending commands are submitted, so that the GPU starts on them. */
const longEnough = 512;
/** Bind groups kept. */
const bindGroupLimit = 8192;

/** Host arrays of whole 4-byte words. */
export type HostBytes = Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** Records commands and submits them in order. */
export class CommandQueue {
  readonly #gpu: GPUDevice;
  readonly #faults: Faults;
  readonly #block: GPUBuffer;
  readonly #blockData = new ArrayBuffer(blockBytes);
  readonly #floats = new Float32Array(this.#blockData);
  readonly #words = new Uint32Array(this.#blockData);
  readonly #alignment: number;
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  readonly #staging = new Map<number, GPUBuffer[]>();
  readonly #mapped = new Set<GPUBuffer>();
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #texts: (() => string)[] = [];
  #blockUsed = 0;
  #submission = 0;

  /** Starts with nothing pending. */
  constructor(gpu: GPUDevice, faults: Faults) {
    this.#gpu = gpu;
    this.#faults = faults;
    this.#alignment = Math.max(16, gpu.limits.minUniformBufferOffsetAlignment);
    this.#block = gpu.createBuffer({
      size: blockBytes,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
  }

  /** Number of the submission that the pending commands will be part of. */
  get submission(): number {
    return this.#submission;
  }

  /** Appends one dispatch; `null` among the buffers stands for the scalars. */
  dispatch(
    step: PreparedStep,
    buffers: readonly (PooledBuffer | null)[],
    scalars: readonly number[],
    text: () => string,
  ): void {
    const at = step.scalarBytes > 0 ? this.#reserve(step.scalarBytes) : 0;
    if (step.scalarBytes > 0) {
      this.#floats.set(scalars, at / 4);
      this.#words.set(step.parameters, at / 4 + scalars.length);
    }
    const group = this.#bindGroup(step, buffers, text);
    for (const buffer of buffers) if (buffer) buffer.usedIn = this.#submission;
    this.#pass ??= this.#open().beginComputePass();
    this.#pass.setPipeline(step.pipeline);
    this.#pass.setBindGroup(0, group, step.scalarBytes > 0 ? [at] : []);
    this.#pass.dispatchWorkgroups(...step.grid);
    this.#texts.push(text);
    if (this.#texts.length >= longEnough) this.submit();
  }

  /** Overwrites the start of a buffer. */
  write(target: PooledBuffer, data: HostBytes): void {
    if (target.usedIn === this.#submission && data.byteLength <= smallWrite) {
      const at = this.#reserve(data.byteLength);
      new Uint8Array(this.#blockData, at).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      this.#open(true).copyBufferToBuffer(this.#block, at, target.gpu, 0, data.byteLength);
      target.usedIn = this.#submission; // a full block was submitted on the way
      return;
    }
    if (target.usedIn === this.#submission) this.submit();
    this.#faults.guard(
      () => `writing ${data.length} elements`,
      () => this.#gpu.queue.writeBuffer(target.gpu, 0, data),
    );
  }

  /** Copies the start of a buffer to the host after everything queued. */
  async read(source: PooledBuffer, bytes: number): Promise<ArrayBuffer> {
    if (bytes === 0) {
      await this.finish();
      return new ArrayBuffer(0);
    }
    const size = sizeClass(bytes);
    const staging = this.#staging.get(size)?.pop() ??
      this.#faults.guard(
        () => `allocating ${size} bytes to read back`,
        () => this.#gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }),
      );
    this.#open(true).copyBufferToBuffer(source.gpu, 0, staging, 0, bytes);
    source.usedIn = this.#submission;
    this.#texts.push(() => `reading ${bytes} bytes`);
    const submission = this.#submission;
    await null; // reads started together share one submission
    if (this.#submission === submission) this.submit();
    this.#mapped.add(staging);
    try {
      await this.#faults.wait(staging.mapAsync(GPUMapMode.READ, 0, bytes));
      const copy = staging.getMappedRange(0, bytes).slice(0);
      staging.unmap();
      const idle = this.#staging.get(size);
      if (idle) idle.push(staging);
      else this.#staging.set(size, [staging]);
      return copy;
    } catch (error) {
      staging.destroy();
      throw error;
    } finally {
      this.#mapped.delete(staging);
    }
  }

  /** Submits what is pending and waits for it. */
  async finish(): Promise<void> {
    this.submit();
    await this.#faults.wait(this.#gpu.queue.onSubmittedWorkDone());
  }

  /** Submits what is pending. */
  submit(): void {
    const encoder = this.#encoder;
    if (!encoder) return;
    const texts = this.#texts;
    this.#pass?.end();
    this.#faults.guard(
      () => `a submission of ${[...new Set(texts.map((text) => text()))].join("; ")}`,
      () => {
        if (this.#blockUsed > 0) {
          this.#gpu.queue.writeBuffer(this.#block, 0, this.#blockData, 0, this.#blockUsed);
        }
        this.#gpu.queue.submit([encoder.finish()]);
      },
    );
    this.#encoder = this.#pass = undefined;
    this.#texts = [];
    this.#blockUsed = 0;
    this.#submission++;
  }

  /** Buffers were destroyed: bind groups may refer to them. */
  forgetBindGroups(): void {
    this.#bindGroups.clear();
  }

  /** Drops what is pending and frees the queue's own buffers. */
  dispose(): void {
    this.#encoder = this.#pass = undefined;
    for (const staging of this.#mapped) staging.unmap();
    for (const idle of this.#staging.values()) for (const staging of idle) staging.destroy();
    this.#staging.clear();
    this.#block.destroy();
  }

  /** The pending encoder; between passes when a copy is to follow. */
  #open(betweenPasses = false): GPUCommandEncoder {
    if (betweenPasses) {
      this.#pass?.end();
      this.#pass = undefined;
    }
    return this.#encoder ??= this.#gpu.createCommandEncoder();
  }

  /** Room in the block, at an aligned offset. */
  #reserve(bytes: number): number {
    const size = Math.ceil(bytes / this.#alignment) * this.#alignment;
    if (this.#blockUsed + size > blockBytes) this.submit();
    const at = this.#blockUsed;
    this.#blockUsed += size;
    return at;
  }

  #bindGroup(
    step: PreparedStep,
    buffers: readonly (PooledBuffer | null)[],
    text: () => string,
  ): GPUBindGroup {
    const key = `${step.signature}|${buffers.map((buffer) => buffer?.id ?? "").join()}`;
    let group = this.#bindGroups.get(key);
    if (group) return group;
    const entries = step.bindings.map(({ offset, size }, binding) => ({
      binding,
      resource: { buffer: buffers[binding]?.gpu ?? this.#block, offset, size },
    }));
    group = this.#faults.guard(
      text,
      () => this.#gpu.createBindGroup({ layout: step.layout, entries }),
    );
    if (this.#bindGroups.size >= bindGroupLimit) this.#bindGroups.clear();
    this.#bindGroups.set(key, group);
    return group;
  }
}
