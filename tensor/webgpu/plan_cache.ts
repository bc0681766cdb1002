/**
 * Makes the pipelines of an op for given shapes, once.
 *
 * @module
 */

import { bytesOf, type Operand } from "../device.ts";
import { DeviceError } from "../errors.ts";
import type { AnyOp } from "../ops/op.ts";
import type { KernelName } from "../ops/registry.ts";
import type { Faults } from "./faults.ts";
import { type BindingLimits, Call, type Kernel, type Step, type Terms } from "./kernel.ts";
import { elementwiseKernel } from "./kernels/elementwise.ts";
import { lateSums } from "./kernels/late_sums.ts";
import { kernels } from "./kernels/kernels.ts";
import { entryPoint, gridOf, parametersOf, type ShaderBinding, shaderOf } from "./shader.ts";
import type { Tuning } from "./tuning.ts";

/** A step ready to be queued. */
export interface PreparedStep {
  /** The compiled shader. */
  readonly pipeline: GPUComputePipeline;
  /** The layout of its bind group. */
  readonly layout: GPUBindGroupLayout;
  /** Names what `bindings` look like; equal for steps that can share bind groups. */
  readonly signature: string;
  /** What to bind. */
  readonly bindings: readonly ShaderBinding[];
  /** Bytes of the block of scalars, 0 for none. */
  readonly scalarBytes: number;
  /** The whole numbers that follow the call's scalars in the block. */
  readonly parameters: readonly number[];
  /** Workgroups. */
  readonly grid: readonly [number, number];
}

/** The steps of an op for given shapes and attributes. */
export interface Plan {
  /** In order. */
  readonly steps: readonly PreparedStep[];
  /** Bytes of the scratch arrays. */
  readonly scratches: readonly number[];
  /** Sums of scratch arrays that wait until their outputs are wanted. */
  readonly late: Call<unknown>["late"];
  /** The scalars of a call, in the order of the shader's block. */
  readonly scalarsOf: (attributes: unknown) => readonly number[];
}

/** Limits that shape a plan. */
export interface PlanLimits extends BindingLimits {
  /** Workgroups along one dimension. */
  readonly groupsPerDimension: number;
}

// deno-lint-ignore no-explicit-any -- kernels of different attributes live in one table
type AnyKernel = Kernel<any>;

/** Plans of one device. */
export class PlanCache {
  readonly #gpu: GPUDevice;
  readonly #faults: Faults;
  readonly #tuning: Tuning;
  readonly #onCompile: (count: number) => void;
  readonly #limits: PlanLimits;
  readonly #plans = new Map<string, Plan>();
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #elementwise = new Map<string, AnyKernel>();

  /** Starts empty; `onCompile` hears the number of pipelines after each new one. */
  constructor(
    gpu: GPUDevice,
    faults: Faults,
    tuning: Tuning,
    onCompile: (count: number) => void,
    limits: PlanLimits,
  ) {
    this.#gpu = gpu;
    this.#faults = faults;
    this.#tuning = tuning;
    this.#onCompile = onCompile;
    this.#limits = limits;
  }

  /** The plan of a call; `text` describes it in errors. */
  get(
    op: AnyOp,
    inputs: readonly Operand[],
    outputs: readonly Operand[],
    attributes: unknown,
    text: () => string,
  ): Plan {
    return this.#planOf(op.name, this.#kernelOf(op, attributes), inputs, outputs, attributes, text);
  }

  /** The plan that adds the parts of late sums; `inputs` hold the parts. */
  lateSums(inputs: readonly Operand[], outputs: readonly Operand[], sums: readonly Terms[]): Plan {
    return this.#planOf("lateSums", lateSums, inputs, outputs, { sums }, () => "late sums");
  }

  #planOf(
    name: string,
    kernel: AnyKernel,
    inputs: readonly Operand[],
    outputs: readonly Operand[],
    attributes: unknown,
    text: () => string,
  ): Plan {
    const key = `${name}${fixedOf(kernel, attributes)}${specs(inputs)}>${specs(outputs)}`;
    let plan = this.#plans.get(key);
    if (!plan) this.#plans.set(key, plan = this.#make(kernel, inputs, outputs, attributes, text));
    return plan;
  }

  #kernelOf(op: AnyOp, attributes: unknown): AnyKernel {
    if (op.expression === undefined) {
      const kernel = kernels[op.name as KernelName] as AnyKernel | undefined;
      if (!kernel) throw new DeviceError("device.kernel", `${op.name} has no WebGPU kernel`);
      return kernel;
    }
    const numbers = ["x", "y", "z"].filter((name) => name in (attributes as object)).join("");
    const key = `${op.name} ${numbers}`;
    let kernel = this.#elementwise.get(key);
    if (!kernel) this.#elementwise.set(key, kernel = elementwiseKernel(op.expression, numbers));
    return kernel;
  }

  #make(
    kernel: AnyKernel,
    inputs: readonly Operand[],
    outputs: readonly Operand[],
    attributes: unknown,
    text: () => string,
  ): Plan {
    const toSpec = ({ shape, buffer: { dtype } }: Operand) => ({ shape, dtype });
    const call = new Call(inputs.map(toSpec), outputs.map(toSpec), attributes, this.#tuning, this.#limits);
    const steps = kernel.steps(call);
    const names = Object.keys(kernel.scalars?.(attributes) ?? {});
    return {
      steps: steps.filter((step) => (step.threads ?? step.groups) !== 0)
        .map((step) => this.#prepare(step, names, text)),
      late: call.late,
      scratches: call.scratches.map(({ dtype, length }) => bytesOf[dtype] * length),
      scalarsOf: (current) => Object.values(kernel.scalars?.(current) ?? {}),
    };
  }

  #prepare(step: Step, scalars: readonly string[], text: () => string): PreparedStep {
    const { code, bindings } = shaderOf(step, scalars, this.#limits.bindingBytes);
    const storage = bindings.filter(({ type }) => type !== "uniform").length;
    if (storage > this.#limits.storageBuffers) {
      throw new DeviceError(
        "device.limits",
        `${text()}: takes ${storage} bindings of at most ${this.#limits.bindingBytes} bytes; the adapter allows ${this.#limits.storageBuffers}`,
        { fix: "Use a smaller patch, batch or width." },
      );
    }
    const signature = bindings.map(({ type, bound }) => bound === "scalars" ? "scalars" : type).join();
    const layout = this.#layout(signature, bindings);
    return {
      pipeline: this.#pipeline(code, layout, () => `${text()} (${step.label})`),
      layout,
      signature: `${signature}:${
        bindings.map(({ bound, offset, size }) => bound === "scalars" ? size : `${offset}+${size}`).join()
      }`,
      bindings,
      scalarBytes: bindings.find(({ bound }) => bound === "scalars")?.size ?? 0,
      parameters: Object.values(parametersOf(step)),
      grid: gridOf(step, this.#limits.groupsPerDimension),
    };
  }

  #layout(signature: string, bindings: readonly ShaderBinding[]): GPUBindGroupLayout {
    let layout = this.#layouts.get(signature);
    if (!layout) {
      const entries = bindings.map(({ type, bound }, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type, hasDynamicOffset: bound === "scalars" },
      }));
      this.#layouts.set(signature, layout = this.#gpu.createBindGroupLayout({ entries }));
    }
    return layout;
  }

  #pipeline(code: string, layout: GPUBindGroupLayout, label: () => string): GPUComputePipeline {
    let pipeline = this.#pipelines.get(code);
    if (!pipeline) {
      pipeline = this.#faults.guard(label, () =>
        this.#gpu.createComputePipeline({
          label: label(),
          layout: this.#gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
          compute: { module: this.#gpu.createShaderModule({ code }), entryPoint },
        }));
      this.#pipelines.set(code, pipeline);
      this.#onCompile(this.#pipelines.size);
    }
    return pipeline;
  }
}

/**
 * The attributes that a plan depends on, at every call: a replacer would be slow. Of those that vary the names stay,
 * since they say which inputs of an elementwise op are numbers.
 */
function fixedOf({ varying }: AnyKernel, attributes: unknown): string {
  if (!varying) return JSON.stringify(attributes);
  const fixed: Record<string, unknown> = { ...attributes as object };
  for (const name of varying) if (name in fixed) fixed[name] = null;
  return JSON.stringify(fixed);
}

const specs = (operands: readonly Operand[]) =>
  operands.map(({ shape, buffer }) => `${buffer.dtype}[${shape.join()}]`).join("");
