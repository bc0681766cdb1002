/**
 * Elementwise kernels, generated from the rows' formulas.
 *
 * @module
 */

import type { ElementwiseOp, Scalars } from "../../ops/elementwise.ts";
import { type Shape, sizeOf, stridesOf } from "../../shape.ts";
import type { CpuKernel } from "../kernel.ts";
import { compileElementwise } from "../reference/elementwise.ts";
import { addressOf, type Engine } from "./engine.ts";
import { isTranslatable, translate } from "./expression.ts";
import { block, call, type Code, f32x4, i32, type Local, loop, v128, when } from "./instructions.ts";
import type { FunctionBuilder, ModuleBuilder } from "./module_builder.ts";
import { joinAxes, placeIn } from "./strided_loops.ts";

const names = ["x", "y", "z"] as const;
type Name = typeof names[number];

/** How an input reaches the kernel: vector by vector, one value a row, or one number a call. */
type Source = "vector" | "value" | "number";

/** Elements of a work item of a contiguous array. */
export const itemLength = 16384;

/**
 * Adds a function over one row: `row(…addresses of the arrays, …numbers, output, bytes)`.
 *
 * @returns the function's index
 */
function addRow(module: ModuleBuilder, expression: string, sources: readonly Source[]): number {
  const parameters = [...sources.map((source) => source === "number" ? "f32" : "i32"), "i32", "i32"] as const;
  return module.add("row", parameters, (locals, all) => {
    const [out, bytes] = all.slice(-2) as [Local, Local];
    const at = locals.local("i32");
    const values = sources.map(() => locals.local("v128"));
    const inputs = Object.fromEntries(names.slice(0, sources.length).map((name, i) => [name, values[i]!]));
    const once = sources.map((source, i): Code =>
      source === "number"
        ? values[i]!.set(f32x4.splat(all[i]!.get))
        : source === "value"
        ? values[i]!.set(v128.loadSplat(all[i]!.get))
        : []
    );
    const element = (load: typeof v128.load, store: typeof v128.store): Code =>
      block(
        ...sources.map((source, i): Code =>
          source === "vector" ? values[i]!.set(load(i32.add(all[i]!.get, at.get))) : []
        ),
        store(i32.add(out.get, at.get), translate(expression, locals, inputs)),
      );
    const whole = i32.and(bytes.get, i32.const(-16));
    return block(
      ...once,
      loop(at, i32.const(0), whole, 16, element(v128.load, v128.store)),
      loop(at, whole, bytes.get, 4, element(v128.loadFirst, v128.storeFirst)),
    );
  });
}

/** Strides of an array of one shape seen with a larger shape: axes of size 1 and missing axes repeat. */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, axis) => axis < lead || from[axis - lead] === 1 ? 0 : strides[axis - lead]!);
}

/** Item i of a contiguous array: begins at `i · itemLength` elements; the last one is shorter. */
export function contiguousItems(
  locals: FunctionBuilder,
  { begin, end, length }: { begin: Code; end: Code; length: Code },
  body: (offset: Code, bytes: Code) => Code,
): Code {
  const [item, bytes] = locals.locals("i32", 2);
  const start = i32.mul(item!.get, i32.const(4 * itemLength));
  return loop(
    item!,
    begin,
    end,
    1,
    block(
      bytes!.set(i32.sub(i32.mul(length, i32.const(4)), start)),
      when(i32.gtU(bytes!.get, i32.const(4 * itemLength)), bytes!.set(i32.const(4 * itemLength))),
      body(start, bytes!.get),
    ),
  );
}

/** The kernel of an elementwise row. */
export function elementwiseKernel(engine: Engine, op: ElementwiseOp): CpuKernel<Scalars> {
  if (!isTranslatable(op.expression)) return compileElementwise(op);
  return (inputs, [out], scalars) => {
    const used = names.slice(0, op.arity);
    const numbers = used.flatMap((name) => scalars[name] === undefined ? [] : [scalars[name]]);
    const shape = out!.shape;
    const size = sizeOf(shape);
    if (size === 0) return;
    const arrays = used.filter((name) => scalars[name] === undefined);
    const { sizes, steps } = joinAxes(shape, [
      ...inputs.map((input) => broadcastStrides(input.shape, shape)),
      stridesOf(shape),
    ]);
    const stepOf = (name: Name, axis: number): number => steps[axis]![arrays.indexOf(name)]!;
    const sources = used.map((name): Source =>
      scalars[name] !== undefined ? "number" : stepOf(name, 0) === 0 ? "value" : "vector"
    );
    const addresses = [...inputs.map((input) => input.address), out!.address];
    const count = arrays.length;
    const words = (parts: { word(i: number): Code; float(i: number): Code }, extra: number) => {
      let nextNumber = count + 1 + extra;
      return used.map((name) =>
        scalars[name] === undefined ? parts.word(arrays.indexOf(name)) : parts.float(nextNumber++)
      );
    };
    if (sizes.length === 1) {
      const kernel = engine.kernel(`${op.name} ${sources}`, (module) => {
        const row = addRow(module, op.expression, sources);
        return (parts) =>
          contiguousItems(parts.locals, { ...parts, length: parts.word(count + 1) }, (offset, bytes) =>
            call(
              row,
              ...words(parts, 1).map((code, i) => sources[i] === "vector" ? i32.add(code, offset) : code),
              i32.add(parts.word(count), offset),
              bytes,
            ));
      });
      engine.launch(kernel, Math.ceil(size / itemLength), [...addresses, size], numbers);
      return;
    }
    const kernel = engine.kernel(`${op.name} ${sources} ${sizes} ${steps.join(" ")}`, (module) => {
      const row = addRow(module, op.expression, sources);
      const outer = (view: number) =>
        sizes.slice(1).map((axisSize, i) => ({ size: axisSize, step: steps[i + 1]![view]! }));
      return (parts) => {
        const item = parts.locals.local("i32");
        return loop(
          item,
          parts.begin,
          parts.end,
          1,
          call(
            row,
            ...words(parts, 0).map((code, i) =>
              sources[i] === "number" ? code : placeIn(code, item, outer(arrays.indexOf(used[i]!)))
            ),
            addressOf(parts.word(count), [item, 4 * sizes[0]!]),
            i32.const(4 * sizes[0]!),
          ),
        );
      };
    });
    engine.launch(kernel, size / sizes[0]!, addresses, numbers);
  };
}
