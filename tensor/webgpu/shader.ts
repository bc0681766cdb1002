/**
 * Makes a complete WGSL shader from a step.
 *
 * An array larger than one binding may be is bound as several pages, consecutive ranges of its buffer; the
 * accessors pick the page. An array stored as f16 is f32 to its accessors: they convert what they load and
 * round what they store. Kernels therefore see neither the limit nor f16.
 *
 * @module
 */

import { bytesOf, type DType } from "../device.ts";
import { computeType } from "../ops/promotion.ts";
import type { Step } from "./kernel.ts";
import { type Bound, pageBytesOf, pagesOf } from "./pages.ts";

/** One entry of the bind group layout, and what to bind there. */
export interface ShaderBinding {
  /** The array, or the block of scalars of the call. */
  readonly bound: Bound | "scalars";
  /** How the shader uses it. */
  readonly type: GPUBufferBindingType;
  /** Byte offset in the buffer. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** A shader and its bindings. */
export interface Shader {
  /** WGSL. */
  readonly code: string;
  /** In the order of their numbers, all in group 0. */
  readonly bindings: readonly ShaderBinding[];
}

/** The entry point's name. */
export const entryPoint = "main";

/** WGSL of the functions that read and, where the array is written, write its elements. */
function accessors(name: string, stored: DType, pageBytes: number, count: number, writable: boolean): string {
  const perPage = pageBytes / bytesOf[stored];
  const element = computeType(stored);
  const [loaded, rounded] = stored === element
    ? [(place: string) => place, "value"]
    : [(place: string) => `${element}(${place})`, `${stored}(value)`];
  const branches = (statement: (element: string) => string) =>
    count === 1
      ? statement(`${name}_data[at]`)
      : Array.from({ length: count }, (_, page) =>
        `if (at < ${(page + 1) * perPage}u) { ${statement(`${name}_${page}[at - ${page * perPage}u]`)} }`)
        .join(" else ");
  const read = `fn ${name}_at(at: u32) -> ${element} {
  ${branches((place) => `return ${loaded(place)};`)}
  ${count === 1 ? "" : `return ${element}();`}
}`;
  const write = `fn set_${name}(at: u32, value: ${element}) {
  ${branches((place) => `${place} = ${rounded};`)}
}`;
  return writable ? `${read}\n${write}` : read;
}

/** The whole numbers that a step takes as scalars. */
export function parametersOf(step: Step): Readonly<Record<string, number>> {
  return step.counted ? { ...step.parameters, count: step.threads! } : step.parameters ?? {};
}

/** The shader of a step; `scalars` are the names of the call's scalars. */
export function shaderOf(step: Step, scalars: readonly string[], maxBindingBytes: number): Shader {
  const pageBytes = pageBytesOf(maxBindingBytes);
  const bindings: ShaderBinding[] = [];
  const declarations: string[] = [];
  const declare = (name: string, bound: Bound, writable: boolean) => {
    const pages = pagesOf(bound, maxBindingBytes);
    pages.forEach(({ offset, size }, page) => {
      const access = writable ? "read_write" : "read";
      const array = pages.length === 1 ? `${name}_data` : `${name}_${page}`;
      declarations.push(
        `@group(0) @binding(${bindings.length}) var<storage, ${access}> ${array}: array<${bound.dtype}>;`,
      );
      bindings.push({ bound, type: writable ? "storage" : "read-only-storage", offset, size });
    });
    declarations.push(accessors(name, bound.dtype, pageBytes, pages.length, writable));
  };
  for (const [name, bound] of Object.entries(step.reads)) declare(name, bound, false);
  for (const [name, bound] of Object.entries(step.writes)) declare(name, bound, true);

  const fields = [
    ...scalars.map((name) => `${name}: f32`),
    ...Object.keys(parametersOf(step)).map((name) => `${name}: u32`),
  ];
  if (fields.length > 0) {
    declarations.push(
      `struct Scalars { ${fields.join(", ")} }`,
      `@group(0) @binding(${bindings.length}) var<uniform> scalars: Scalars;`,
    );
    bindings.push({ bound: "scalars", type: "uniform", offset: 0, size: Math.ceil(fields.length / 4) * 16 });
  }

  const size = step.groupSize ?? 64;
  const prologue = step.groups === undefined
    ? `let i = (workgroup.y * grid.x + workgroup.x) * ${size}u + lane;
  if (i >= ${step.counted ? "scalars.count" : `${step.threads}u`}) { return; }`
    : `let group = workgroup.y * grid.x + workgroup.x;
  if (group >= ${step.groups}u) { return; }`;
  const isHalf = bindings.some(({ bound }) => bound !== "scalars" && bound.dtype === "f16");
  const code = `${isHalf ? "enable f16;\n" : ""}${declarations.join("\n")}
${step.code ?? ""}
@compute @workgroup_size(${size})
fn ${entryPoint}(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  ${prologue}
  ${step.body}
}
`;
  return { code, bindings };
}

/** Workgroups along x and y: more than the limit are folded into rows. */
export function gridOf(step: Step, maxPerDimension: number): [number, number] {
  const groups = step.groups ?? Math.ceil(step.threads! / (step.groupSize ?? 64));
  if (groups <= maxPerDimension) return [groups, 1];
  const rows = Math.ceil(groups / maxPerDimension);
  return [Math.ceil(groups / rows), rows];
}
