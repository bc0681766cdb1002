/**
 * Lifetimes: who frees a tensor.
 *
 * Every tensor made by an op belongs to the innermost open scope, which frees it when it closes unless
 * the scope's function returns it; then it belongs to the scope around. Outside of any scope a tensor
 * belongs to its maker, who calls `dispose()` or declares it with `using`.
 *
 * @module
 */

import { CodedError } from "./errors.ts";

const open: Set<Disposable>[] = [];

/** Puts a new resource under the innermost scope. */
export function own(resource: Disposable): void {
  open.at(-1)?.add(resource);
}

/** Takes a resource out of every scope: its maker frees it. */
export function keep<T extends Disposable>(resource: T): T {
  for (const owned of open) owned.delete(resource);
  return resource;
}

/** Forgets a resource that was freed by hand. */
export function disown(resource: Disposable): void {
  for (let i = open.length - 1; i >= 0; i--) if (open[i]!.delete(resource)) return;
}

/** The resources inside a value: itself, or members of arrays and plain objects, at any depth. */
function* resourcesIn(value: unknown): Generator<Disposable> {
  if (typeof value !== "object" || value === null) return;
  if (Symbol.dispose in value) yield value as Disposable;
  else if (Array.isArray(value)) { for (const member of value) yield* resourcesIn(member); }
  else if (Object.getPrototypeOf(value) === Object.prototype) yield* resourcesIn(Object.values(value));
}

/**
 * Runs a function and frees every tensor made inside, but those in what it returns.
 *
 * @throws {CodedError} `scope.async` when the function returns a promise: tensors of interleaved
 * functions could not be told apart. Read values after the scope instead.
 */
export function scope<T>(body: () => T): T {
  const owned = new Set<Disposable>();
  open.push(owned);
  try {
    const result = body();
    if (result instanceof Promise) {
      throw new CodedError("scope.async", "scope: the function returned a promise", {
        fix: "Return the tensors from the scope and await their values outside.",
      });
    }
    const parent = open.at(-2);
    for (const resource of resourcesIn(result)) if (owned.delete(resource)) parent?.add(resource);
    return result;
  } finally {
    open.pop();
    for (const resource of owned) resource[Symbol.dispose]();
  }
}
