/**
 * What each op is in ONNX.
 *
 * @module
 */

import { CodedError } from "../../../tensor/errors.ts";
import type { AttentionAttributes } from "../../../tensor/ops/fused_attention.ts";
import { scoreAxes } from "../../../tensor/ops/fused_attention.ts";
import type { Scalars } from "../../../tensor/ops/elementwise.ts";
import type { AnyOp } from "../../../tensor/ops/op.ts";
import type { KernelAttributes, KernelName } from "../../../tensor/ops/registry.ts";
import type { Shape } from "../../../tensor/shape.ts";
import { formulaNodes } from "./formula_nodes.ts";
import type { NodeList } from "./node_list.ts";

/** An input of an op in the model. */
export interface TracedOperand {
  /** What it is called. */
  readonly name: string;
  /** Its sizes. */
  readonly shape: Shape;
}

/** Adds the nodes of an op, and gives the name of the result, or of several results those. */
type Translation<A> = (
  list: NodeList,
  inputs: readonly TracedOperand[],
  attributes: A,
  output: Shape,
) => string | readonly string[];

type Translations = { readonly [K in KernelName]?: Translation<KernelAttributes<K>> };

const names = (inputs: readonly TracedOperand[]) => inputs.map(({ name }) => name);

/** Behind the batch and the channels, every axis has as many zeros before it as behind it. */
const window = ({ stride, padding, dilation, groups }: KernelAttributes<"conv3d">, kernel: Shape) => ({
  kernel_shape: kernel.slice(2),
  strides: stride,
  pads: [...padding, ...padding],
  dilations: dilation,
  group: groups,
});

const reduction = (operator: string): Translation<KernelAttributes<"sum">> => (list, [x], { axes }) =>
  axes.length === 0 ? x!.name : list.add(operator, [x!.name, list.integers(axes)], { keepdims: 1 });

function swapLast(list: NodeList, { name, shape }: TracedOperand): string {
  const order = shape.map((_, axis) => axis);
  order.push(...order.splice(-2).reverse());
  return list.add("Transpose", [name], { perm: order });
}

/**
 * Group normalisation is instance normalisation of groups as channels, in a shape with one axis behind them; then
 * scale, shift and activation.
 */
const groupNorm: Translation<KernelAttributes<"groupNorm">> = (list, [x, gamma, beta], attributes) => {
  const { groups, epsilon, slope } = attributes, { shape } = x!;
  const unit = (value: number) => list.constant(new Float32Array(groups).fill(value));
  const grouped = list.reshape(x!.name, [shape[0]!, groups, -1]);
  const normal = list.add("InstanceNormalization", [grouped, unit(1), unit(0)], {
    epsilon: { float: epsilon },
  });
  const perChannel = ({ name }: TracedOperand) => list.reshape(name, [-1, ...shape.slice(2).map(() => 1)]);
  const scaled = list.add("Mul", [list.reshape(normal, shape), perChannel(gamma!)]);
  const shifted = list.add("Add", [scaled, perChannel(beta!)]);
  return slope === 1 ? shifted : list.add("LeakyRelu", [shifted], { alpha: { float: slope } });
};

const attention: Translation<AttentionAttributes> = (list, [q, k, v, ...terms], attributes) => {
  const products = list.add("MatMul", [q!.name, swapLast(list, k!)]);
  const flat = [q!.shape[0]!, q!.shape[1]!, k!.shape[1]!];
  let scores = products;
  if (terms.length > 0) {
    const apart = list.reshape(products, scoreAxes(q!.shape[0]!, attributes));
    const sum = terms.reduce((all, { name }) => list.add("Add", [all, name]), apart);
    scores = list.reshape(sum, flat);
  }
  return list.add("MatMul", [list.add("Softmax", [scores], { axis: -1 }), v!.name]);
};

const unitRows: Translation<KernelAttributes<"unitRows">> = (list, [x], { epsilon }) => {
  const norms = list.add("ReduceL2", [x!.name, list.integers([-1])], { keepdims: 1 });
  const floor = list.constant(Float32Array.of(Math.sqrt(epsilon)), []);
  return list.add("Div", [x!.name, list.add("Max", [norms, floor])]);
};

/** An index outside picks the zeros that are put behind the end. */
const gather: Translation<KernelAttributes<"gather">> = (list, [x, index], { axis }) => {
  const count = x!.shape[axis]!, scalar = (value: number) => list.constant(Int32Array.of(value), []);
  const zeros = list.constant(
    new Float32Array(x!.shape.reduce((size, n, at) => at === axis ? size : size * n, 1)),
    x!.shape.map((n, at) => at === axis ? 1 : n),
  );
  const isInside = list.add("And", [
    list.add("GreaterOrEqual", [index!.name, scalar(0)]),
    list.add("Less", [index!.name, scalar(count)]),
  ]);
  const picked = list.add("Where", [isInside, index!.name, scalar(count)]);
  return list.add("Gather", [list.add("Concat", [x!.name, zeros], { axis }), picked], { axis });
};

/** Those that networks are made of. */
const translations: Translations = {
  sum: reduction("ReduceSum"),
  mean: reduction("ReduceMean"),
  max: reduction("ReduceMax"),
  min: reduction("ReduceMin"),
  expand: (list, [x], { shape }) => list.add("Expand", [x!.name, list.integers(shape)]),
  permute: (list, [x], { axes }) => list.add("Transpose", [x!.name], { perm: axes }),
  slice: (list, [x], { starts, sizes }) => {
    const ends = starts.map((start, axis) => start + sizes[axis]!);
    return list.add("Slice", [x!.name, list.integers(starts), list.integers(ends)]);
  },
  split: (list, [x], { axis, sizes }) => {
    let start = 0;
    return sizes.map((size) => {
      const from = start;
      start += size;
      return list.add("Slice", [x!.name, ...[[from], [start], [axis]].map((n) => list.integers(n))]);
    });
  },
  pad: (list, [x], { before, after, value }) => {
    const borders = list.integers([...before, ...after]);
    return list.add("Pad", [x!.name, borders, list.constant(Float32Array.of(value), [])]);
  },
  concat: (list, inputs, { axis }) => list.add("Concat", names(inputs), { axis }),
  matmul: (list, [a, b], { transposeA, transposeB }) =>
    list.add("MatMul", [
      transposeA ? swapLast(list, a!) : a!.name,
      transposeB ? swapLast(list, b!) : b!.name,
    ]),
  conv3d: (list, inputs, attributes) => list.add("Conv", names(inputs), window(attributes, inputs[1]!.shape)),
  convTranspose3d: (list, inputs, attributes) =>
    list.add("ConvTranspose", names(inputs), window(attributes, inputs[1]!.shape)),
  maxPool3d: (list, [x], { kernel, stride }) =>
    list.add("MaxPool", [x!.name], { kernel_shape: kernel, strides: stride }),
  avgPool3d: (list, [x], { kernel, stride }) =>
    list.add("AveragePool", [x!.name], { kernel_shape: kernel, strides: stride }),
  resize3d: (list, [x], { mode, alignCorners }, output) => {
    const rule = mode === "nearest" ? "asymmetric" : alignCorners ? "align_corners" : "half_pixel";
    return list.add("Resize", [x!.name, "", "", list.integers(output)], {
      mode: mode === "nearest" ? "nearest" : "linear",
      coordinate_transformation_mode: rule,
      nearest_mode: "floor",
    });
  },
  groupNorm,
  unitRows,
  gather,
  softmax: (list, [x], { axis }) => list.add("Softmax", [x!.name], { axis }),
  logSoftmax: (list, [x], { axis }) => list.add("LogSoftmax", [x!.name], { axis }),
  attention,
};

/** Names of the ops with hand-written kernels that have a form in ONNX here. */
export const translatedKernels = Object.keys(translations) as readonly KernelName[];

/**
 * Adds the nodes of an op.
 *
 * @param output the sizes of its result
 * @returns the names of its results
 * @throws {CodedError} `export.operator` for an op that has no form in ONNX here
 */
export function translate(
  list: NodeList,
  op: AnyOp,
  inputs: readonly TracedOperand[],
  output: Shape,
  attributes: unknown,
): readonly string[] {
  if (op.expression !== undefined) {
    return [formulaNodes(list, op.expression, names(inputs), attributes as Scalars)];
  }
  const translation = translations[op.name as KernelName] as Translation<unknown> | undefined;
  if (translation) {
    const results = translation(list, inputs, attributes, output);
    return typeof results === "string" ? [results] : results;
  }
  throw new CodedError("export.operator", `the network uses ${op.name}, which has no form in ONNX here`, {
    fix: "Export it as a page (--format html), or add the op to model/export/onnx/operators.ts.",
  });
}
