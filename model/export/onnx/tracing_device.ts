/**
 * A device that computes nothing and writes down what it is asked to compute, as the nodes of an ONNX model.
 *
 * @module
 */

import type {
  Device,
  DeviceBuffer,
  DeviceStatistics,
  DType,
  HostArray,
  Operand,
} from "../../../tensor/device.ts";
import { DeviceError } from "../../../tensor/errors.ts";
import type { AnyOp } from "../../../tensor/ops/op.ts";
import type { Shape } from "../../../tensor/shape.ts";
import type { OnnxGraph, OnnxShapes } from "./model.ts";
import { NodeList } from "./node_list.ts";
import { translate } from "./operators.ts";

class TracedBuffer implements DeviceBuffer {
  /** What it is called in the model, under each shape that it was seen with. */
  readonly names = new Map<string, string>();
  /** Written from the host. */
  data: Float32Array | Int32Array | undefined;
  constructor(readonly dtype: DType, readonly length: number) {}
}

/** Records. Tensors that are written are constants, unless they are named as inputs. */
export class TracingDevice implements Device {
  /** Ops treat it as a CPU device. */
  readonly kind = "cpu";
  /** What it is. */
  readonly description = "writes an ONNX model";
  /** Parameters are f32 whatever a training stored. */
  readonly dtypes: ReadonlySet<DType> = new Set(["f32", "i32"]);
  readonly #list = new NodeList();
  readonly #inputs: Record<string, Shape> = {};
  readonly #outputs: Record<string, Shape> = {};

  /** A place that will hold something. */
  allocate(dtype: DType, length: number): DeviceBuffer {
    return new TracedBuffer(dtype, length);
  }

  /** What was recorded stays. */
  release(): void {}

  /** Keeps the numbers as a constant. */
  write(buffer: DeviceBuffer, data: ArrayLike<number>): void {
    (buffer as TracedBuffer).data = buffer.dtype === "i32" ? Int32Array.from(data) : Float32Array.from(data);
  }

  /** @throws {DeviceError} `device.tracing`: there are no values */
  read(): Promise<HostArray> {
    return Promise.reject(
      new DeviceError("device.tracing", "this network looks at values while it computes; a model cannot"),
    );
  }

  /** Says that a tensor comes from outside. */
  nameInput(name: string, { buffer, shape }: Operand): void {
    (buffer as TracedBuffer).names.set(shape.join(), name);
    this.#inputs[name] = shape;
  }

  /** Says that a tensor is a result. */
  nameOutput(name: string, operand: Operand): void {
    const output = this.#nameOf(operand);
    this.#list.nodes.push({ operator: "Identity", inputs: [output], output: name });
    this.#outputs[name] = operand.shape;
  }

  /** What was recorded; constants that nothing uses, such as initial values, are left out. */
  graph(): Required<Pick<OnnxGraph, "nodes" | "inputs" | "outputs" | "constants">> {
    const { nodes, constants } = this.#list, used = new Set(nodes.flatMap(({ inputs }) => inputs));
    return {
      nodes,
      inputs: this.#inputs as OnnxShapes,
      outputs: this.#outputs as OnnxShapes,
      constants: new Map([...constants].filter(([name]) => used.has(name))),
    };
  }

  #nameOf({ buffer, shape }: Operand): string {
    const { names, data } = buffer as TracedBuffer, key = shape.join();
    const known = names.get(key);
    if (known !== undefined) return known;
    const [other] = names.values();
    const name = other === undefined ? this.#list.constant(data!, shape) : this.#list.reshape(other, shape);
    names.set(key, name);
    return name;
  }

  /** Writes an op down; outputs that are for gradients alone do not exist in a model. */
  run(op: AnyOp, inputs: readonly Operand[], outputs: readonly Operand[], attributes: unknown): void {
    const operands = inputs.map((operand) => ({ name: this.#nameOf(operand), shape: operand.shape }));
    for (const [i, name] of translate(this.#list, op, operands, outputs[0]!.shape, attributes).entries()) {
      const { buffer, shape } = outputs[i]!, { names } = buffer as TracedBuffer;
      names.clear();
      names.set(shape.join(), name);
    }
  }

  /** Nothing is ever pending. */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** It holds nothing that a device would hold. */
  stats(): DeviceStatistics {
    return { liveBuffers: 0, liveBytes: 0, peakBytes: 0, dispatches: this.#list.nodes.length };
  }

  /** There is no peak. */
  resetPeak(): void {}

  /** Nothing to free. */
  [Symbol.dispose](): void {}
}
