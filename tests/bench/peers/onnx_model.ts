/**
 * Writes ONNX models of a few nodes. The format is Protocol Buffers; field numbers are those of `onnx.proto3`
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
 */

/** One operator. */
export interface OnnxNode {
  /** Its name in the ONNX operator set. */
  readonly operator: string;
  /** Names of tensors. */
  readonly inputs: readonly string[];
  /** Name of a tensor. */
  readonly output: string;
  /** Integers or lists of integers. */
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** Sizes of tensors by name. */
export type OnnxShapes = Readonly<Record<string, readonly number[]>>;

/** A whole number in groups of seven bits, the lowest first; negative ones as 64 bits. */
export function varint(value: number): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

const integer = (field: number, value: number) => [...varint(field << 3), ...varint(value)];
const message = (field: number, bytes: readonly number[]) => [
  ...varint(field << 3 | 2),
  ...varint(bytes.length),
  ...bytes,
];
const text = (field: number, value: string) => message(field, [...new TextEncoder().encode(value)]);

const [intType, intsType] = [2, 7];

function attribute([name, value]: [string, number | readonly number[]]): number[] {
  return typeof value === "number"
    ? [...text(1, name), ...integer(3, value), ...integer(20, intType)]
    : [...text(1, name), ...value.flatMap((v) => integer(8, v)), ...integer(20, intsType)];
}

function node({ operator, inputs, output, attributes = {} }: OnnxNode): number[] {
  return [
    ...inputs.flatMap((input) => text(1, input)),
    ...text(2, output),
    ...text(4, operator),
    ...Object.entries(attributes).flatMap((entry) => message(5, attribute(entry))),
  ];
}

/** A float32 tensor of known shape. */
function valueInfo([name, shape]: [string, readonly number[]]): number[] {
  const dimensions = shape.flatMap((size) => message(1, integer(1, size)));
  return [...text(1, name), ...message(2, message(1, [...integer(1, 1), ...message(2, dimensions)]))];
}

/** A model of operator set 20. */
export function onnxModel(nodes: readonly OnnxNode[], inputs: OnnxShapes, outputs: OnnxShapes): Uint8Array {
  const graph = [
    ...nodes.flatMap((n) => message(1, node(n))),
    ...text(2, "graph"),
    ...Object.entries(inputs).flatMap((entry) => message(11, valueInfo(entry))),
    ...Object.entries(outputs).flatMap((entry) => message(12, valueInfo(entry))),
  ];
  const operatorSet = [...text(1, ""), ...integer(2, 20)];
  return Uint8Array.from([...integer(1, 9), ...message(7, graph), ...message(8, operatorSet)]);
}
