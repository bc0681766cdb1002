/**
 * ONNX models as bytes. Field numbers are those of `onnx.proto3`
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
 *
 * @module
 */

import { Message } from "../../protobuf.ts";

/** What an attribute may be: integers, as lists or not, or `{ float }`. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

/** One operator. */
export interface OnnxNode {
  /** Its name in the ONNX operator set. */
  readonly operator: string;
  /** Names of tensors. */
  readonly inputs: readonly string[];
  /** Name of a tensor. */
  readonly output: string;
  /** By name. */
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** A constant. */
export interface OnnxConstant {
  /** Sizes of its axes. */
  readonly shape: readonly number[];
  /** 64-bit integers are written from `BigInt64Array`. */
  readonly data: Float32Array | Int32Array | BigInt64Array;
}

/** A tensor that goes in or comes out: its sizes by name, all of them f32. */
export type OnnxShapes = Readonly<Record<string, readonly number[]>>;

/** A model. */
export interface OnnxGraph {
  /** In an order in which each finds its inputs. */
  readonly nodes: readonly OnnxNode[];
  /** What goes in. */
  readonly inputs: OnnxShapes;
  /** What comes out. */
  readonly outputs: OnnxShapes;
  /** By name. */
  readonly constants?: ReadonlyMap<string, OnnxConstant>;
  /** Texts for whoever uses it. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Version of the operator set; 18 when absent. */
  readonly operatorSet?: number;
}

const elementTypes = { float: 1, int32: 6, int64: 7 } as const;
const attributeTypes = { float: 1, int: 2, text: 3, ints: 7 } as const;

function attribute([name, value]: [string, OnnxAttribute]): Message {
  const message = new Message().text(1, name);
  if (typeof value === "number") return message.integer(3, value).integer(20, attributeTypes.int);
  if (typeof value === "string") return message.text(4, value).integer(20, attributeTypes.text);
  if ("float" in value) return message.float(2, value.float).integer(20, attributeTypes.float);
  for (const one of value) message.integer(8, one);
  return message.integer(20, attributeTypes.ints);
}

function node({ operator, inputs, output, attributes = {} }: OnnxNode): Message {
  const message = new Message();
  for (const input of inputs) message.text(1, input);
  return message.text(2, output).text(4, operator).messages(5, Object.entries(attributes), attribute);
}

function valueInfo([name, shape]: [string, readonly number[]]): Message {
  const sizes = new Message().messages(1, shape, (size) => new Message().integer(1, size));
  const tensor = new Message().integer(1, elementTypes.float).message(2, sizes);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

function constant([name, { shape, data }]: [string, OnnxConstant]): Message {
  const message = new Message();
  for (const size of shape) message.integer(1, size);
  const type = data instanceof Float32Array ? "float" : data instanceof Int32Array ? "int32" : "int64";
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message.integer(2, elementTypes[type]).text(8, name).bytes(9, bytes);
}

/** The bytes of a model, IR version 8. */
export function encodeOnnx(
  { nodes, inputs, outputs, constants = new Map(), metadata = {}, operatorSet = 18 }: OnnxGraph,
): Uint8Array<ArrayBuffer> {
  const graph = new Message()
    .messages(1, nodes, node)
    .text(2, "graph")
    .messages(5, constants, constant)
    .messages(11, Object.entries(inputs), valueInfo)
    .messages(12, Object.entries(outputs), valueInfo);
  return new Message()
    .integer(1, 8)
    .text(2, "CMC for Deno")
    .message(7, graph)
    .message(8, new Message().text(1, "").integer(2, operatorSet))
    .messages(14, Object.entries(metadata), ([key, value]) => new Message().text(1, key).text(2, value))
    .encode();
}
