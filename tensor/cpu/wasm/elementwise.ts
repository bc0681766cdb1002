/**
 * Elementwise kernels, generated from the rows' formulas.
 *
 * @module
 */

import type { ElementwiseOp, Scalars } from "../../ops/elementwise.ts";
import { sizeOf, stridesOf } from "../../shape.ts";
import { broadcastStrides } from "../../strides.ts";
import type { CpuArray, CpuKernel } from "../kernel.ts";
import { compileElementwise } from "../reference/elementwise.ts";
import { f32x4, type Local, locals, procedure } from "./emit/mod.ts";
import type { Engine } from "./engine.ts";
import { isTranslatable, translate } from "./expression.ts";
import { itemBytes, itemsIn, overRun, piece } from "./runs.ts";
import { joinRows, placeOf } from "./strides.ts";

/** How an input reaches the kernel: vector by vector, one value a row, or one number a call. */
type Source = "vector" | "value" | "number";

/** An input of the formula. */
interface Input {
  readonly name: string;
  readonly source: Source;
  /** The array, or the number. */
  readonly value: CpuArray | number;
  /** Its place among the arrays; −1 for a number. */
  readonly view: number;
}

/** A call: inputs, and the sizes of the joined axes of the result, rows first. */
interface Call {
  readonly inputs: readonly Input[];
  readonly sizes: readonly number[];
  /** Steps of all arrays, for the kernel's key. */
  readonly steps: readonly (readonly number[])[];
}

function callOf(op: ElementwiseOp, arrays: readonly CpuArray[], out: CpuArray, scalars: Scalars): Call {
  const { sizes, steps } = joinRows(out.shape, [
    ...arrays.map(({ shape }) => broadcastStrides(shape, out.shape)),
    stridesOf(out.shape),
  ]);
  let next = 0;
  const inputs = (["x", "y", "z"] as const).slice(0, op.arity).map((name): Input => {
    const number = scalars[name];
    if (number !== undefined) return { name, source: "number", value: number, view: -1 };
    const view = next++;
    return { name, source: steps[0]![view] === 0 ? "value" : "vector", value: arrays[view]!, view };
  });
  return { inputs, sizes, steps };
}

const sourcesOf = ({ inputs }: Call): string => inputs.map(({ source }) => source).join();

/** A value for each input of a call by its name. */
function byName<T>({ inputs }: Call, value: (input: Input) => T): Record<string, T> {
  const values: Record<string, T> = {};
  for (const input of inputs) values[input.name] = value(input);
  return values;
}

const typesOf = (call: Call) => byName(call, ({ source }) => source === "number" ? "f32" : "i32");

/** One row: of a vector input the address of the row, of others that of the value, or the number. */
function rowOf({ wide }: Engine, expression: string, call: Call) {
  const parameters: Record<string, "i32" | "f32"> = { ...typesOf(call), out: "i32", bytes: "i32" };
  return procedure(parameters, (all) => {
    const [out, bytes] = [all["out"], all["bytes"]] as [Local<"i32">, Local<"i32">];
    const values = locals("f32x4", call.inputs.length);
    const named = Object.fromEntries(call.inputs.map(({ name }, i) => [name, values[i]!]));
    const formula = translate(expression, named);
    return [
      call.inputs.map(({ name, source }, i) =>
        source === "number"
          ? values[i]!.set(f32x4.splat(all[name] as Local<"f32">))
          : source === "value"
          ? values[i]!.set(f32x4.loadSplat(all[name] as Local<"i32">))
          : []
      ),
      overRun(
        0,
        bytes,
        (at, { load, store }) => [
          call.inputs.map(({ name, source }, i) =>
            source === "vector" ? values[i]!.set(load((all[name] as Local<"i32">).add(at))) : []
          ),
          store(out.add(at), formula),
        ],
        2,
        wide,
      ),
    ];
  });
}

/** Arrays that lie one element behind the other. An item is a piece of them. */
function contiguousKernel(engine: Engine, op: ElementwiseOp, call: Call) {
  const parameters: Record<string, "i32" | "f32"> = { ...typesOf(call), out: "i32", length: "i32" };
  return engine.compile(`${op.name} ${sourcesOf(call)}`, parameters, (all, { each }) => {
    const row = rowOf(engine, op.expression, call);
    const [out, length] = [all["out"], all["length"]] as [Local<"i32">, Local<"i32">];
    return each((item) =>
      piece(item, { bytes: itemBytes, total: length.mul(4) }, (from, to) =>
        row({
          ...byName(
            call,
            ({ name, source }) => source === "vector" ? (all[name] as Local<"i32">).add(from) : all[name]!,
          ),
          out: out.add(from),
          bytes: to.sub(from),
        }))
    );
  });
}

/** Arrays that broadcast. An item is a row of the result. */
function stridedKernel(engine: Engine, op: ElementwiseOp, call: Call) {
  const rowBytes = 4 * call.sizes[0]!;
  const parameters: Record<string, "i32" | "f32"> = { ...typesOf(call), out: "i32", length: "i32" };
  const key = `${op.name} ${sourcesOf(call)} ${call.sizes} ${call.steps.join(" ")}`;
  return engine.compile(key, parameters, (all, { each }) => {
    const row = rowOf(engine, op.expression, call);
    const outer = (view: number) =>
      call.sizes.slice(1).map((size, i) => ({ size, step: call.steps[i + 1]![view]! }));
    return each((item) =>
      row({
        ...byName(call, ({ name, source, view }) =>
          source === "number" ? all[name]! : placeOf(all[name] as Local<"i32">, item, outer(view))),
        out: (all["out"] as Local<"i32">).add(item.mul(rowBytes)),
        bytes: rowBytes,
      })
    );
  });
}

/** The kernel of an elementwise row. */
export function elementwiseKernel(engine: Engine, op: ElementwiseOp): CpuKernel<Scalars> {
  if (!isTranslatable(op.expression)) return compileElementwise(op);
  return (arrays, [out], scalars) => {
    const length = sizeOf(out!.shape);
    if (length === 0) return;
    const call = callOf(op, arrays, out!, scalars);
    const isContiguous = call.sizes.length === 1;
    const kernel = (isContiguous ? contiguousKernel : stridedKernel)(engine, op, call);
    const items = isContiguous ? itemsIn(length) : length / call.sizes[0]!;
    engine.run(kernel, items, { ...byName(call, ({ value }) => value), out: out!, length });
  };
}
