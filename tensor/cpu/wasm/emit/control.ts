/**
 * Loops, conditions and functions of generated code.
 *
 * @module
 */

import {
  type Callee,
  Code,
  declare,
  emitAll,
  Local,
  type Operand,
  Statement,
  type Statements,
  toCode,
  type Writer,
} from "./code.ts";
import { type Type, unsigned } from "./types.ts";

/** A list of what a body gives for 0 … count − 1: statements written out, or values. */
export function unroll<T>(count: number, body: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => body(i));
}

/** A limit that costs nothing to look at again; others are kept in a variable. */
function settled(limit: Code<"i32">): { limit: Code<"i32">; before: Statements } {
  if (limit instanceof Local || limit.constant !== undefined) return { limit, before: [] };
  const kept = new Local("i32");
  return { limit: kept, before: kept.set(limit) };
}

/** Runs a body while its counter, taken as unsigned, is below a limit. */
export function loop(
  from: Operand<"i32">,
  to: Operand<"i32">,
  step: number,
  body: (counter: Local<"i32">) => Statements,
): Statements {
  const counter = new Local("i32");
  const [start, end] = [toCode("i32", from), toCode("i32", to)];
  const isKnown = start.constant !== undefined && end.constant !== undefined;
  const isEmpty = isKnown && start.constant >>> 0 >= end.constant >>> 0;
  if (isEmpty) return [];
  const { limit, before } = settled(end);
  const [isDone, isLeft] = [counter.ge(limit), counter.lt(limit)];
  const code = body(counter);
  return [
    before,
    counter.set(start),
    new Statement((writer) => {
      writer.write([0x02, 0x40]); // block: leave at once when there is nothing to do
      if (!isKnown) {
        isDone.emit(writer);
        writer.write([0x0d, 0]);
      }
      writer.write([0x03, 0x40]); // loop
      emitAll(code, writer);
      counter.increase(step).emit(writer);
      isLeft.emit(writer);
      writer.write([0x0d, 0, 0x0b, 0x0b]);
    }),
  ];
}

/** Runs a body for 0 … count − 1. */
export function repeat(count: Operand<"i32">, body: (i: Local<"i32">) => Statements): Statements {
  return loop(0, count, 1, body);
}

/** Runs one of two bodies. */
export function when(condition: Code<"i32">, then: Statements, otherwise?: Statements): Statement {
  return new Statement((to) => {
    condition.emit(to);
    to.write([0x04, 0x40]);
    emitAll(then, to);
    if (otherwise) {
      to.write([0x05]);
      emitAll(otherwise, to);
    }
    to.write([0x0b]);
  });
}

class After<T extends Type> extends Code<T> {
  constructor(readonly statements: Statements, readonly value: Code<T>) {
    super(value.type);
  }

  emit(to: Writer): void {
    emitAll(this.statements, to);
    this.value.emit(to);
  }
}

/** A value that is computed after some statements. */
export function after<T extends Type>(statements: Statements, value: Code<T>): Code<T> {
  return new After(statements, value);
}

/** Types of parameters by name. */
export type Parameters = Readonly<Record<string, Type>>;

/** The local variables of parameters. */
export type ParameterLocals<P extends Parameters> = { readonly [K in keyof P]: Local<P[K]> };

/** What a function is called with. */
export type Arguments<P extends Parameters> = { readonly [K in keyof P]: Operand<P[K]> };

function write(to: Writer, callee: Callee, parameters: Parameters, inputs: Arguments<Parameters>): void {
  for (const [name, type] of Object.entries(parameters)) toCode(type, inputs[name]!).emit(to);
  to.write([0x10, ...unsigned(to.functionNumberOf(callee))]);
}

class Call<R extends Type> extends Code<R> {
  constructor(type: R, readonly parts: readonly [Callee, Parameters, Arguments<Parameters>]) {
    super(type);
  }

  emit(to: Writer): void {
    write(to, ...this.parts);
  }
}

/** A function that returns a value; the module has it once, however often it is called. */
export function func<const P extends Parameters, R extends Type>(
  parameters: P,
  body: (parameters: ParameterLocals<P>) => Code<R>,
): (inputs: Arguments<P>) => Code<R> {
  const inside = declare(parameters) as unknown as ParameterLocals<P>;
  const value = body(inside);
  const callee: Callee = {
    parameters: Object.values(inside),
    result: value.type,
    emit: (to) => value.emit(to),
  };
  return (inputs) => new Call(value.type, [callee, parameters, inputs]);
}

/** A function that returns nothing. */
export function procedure<const P extends Parameters>(
  parameters: P,
  body: (parameters: ParameterLocals<P>) => Statements,
): (inputs: Arguments<P>) => Statement {
  const inside = declare(parameters) as unknown as ParameterLocals<P>;
  const code = body(inside);
  const callee: Callee = {
    parameters: Object.values(inside),
    result: undefined,
    emit: (to) => emitAll(code, to),
  };
  return (inputs) => new Statement((to) => write(to, callee, parameters, inputs));
}
