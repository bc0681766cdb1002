/**
 * Reductions in a fixed order: the same input gives the same bits every time.
 *
 * Rows are reduced independently. A short row is one thread's loop. A long row is cut into chunks, each
 * reduced by a workgroup as a tree; the chunks' results are reduced the same way until one is left. Then each
 * element of a row may meet the row's result.
 *
 * @module
 */

import type { ComputeType } from "../../ops/promotion.ts";
import type { Call, Step } from "../kernel.ts";
import type { Bound } from "../pages.ts";

/** What to reduce and how. */
export interface Reduction {
  /** For labels. */
  readonly label: string;
  /** Number of results. */
  readonly rows: number;
  /** Elements of a row. */
  readonly length: number;
  /** Components of the accumulator `Acc`. */
  readonly fields: Readonly<Record<string, ComputeType>>;
  /** The value of an empty row: an expression of type `Acc`. */
  readonly identity: string;
  /** Arrays to read. */
  readonly reads: Readonly<Record<string, Bound>>;
  /** Arrays that `store` and `each` write. */
  readonly writes: Readonly<Record<string, Bound>>;
  /** Functions that the other parts use. */
  readonly code?: string;
  /** Statements before the elements of `row`: what those have in common, kept in private variables. */
  readonly begin?: string;
  /** Body of `fn element(row: u32, k: u32) -> Acc`. */
  readonly element: string;
  /** Body of `fn combine(a: Acc, b: Acc) -> Acc`; elements come in a fixed order, but not in that of the row. */
  readonly combine: string;
  /** Statements that store the result `acc` of `row`. */
  readonly store?: string;
  /** Statements for element `k` of `row`, whose result is `acc`. */
  readonly each?: string;
  /** The output, where it is the plain sum in the one field `sum`, f32: adding up the chunks may then wait. */
  readonly sumOnly?: Bound;
}

const groupSize = 64;
/** Elements of a chunk for each thread of its workgroup: more where chunks keep the adapter busy all the same. */
const leastRun = 64;
const longestRun = 512;
/** Rows up to this length are one thread's loop, and longer ones too where rows alone keep the adapter busy. */
const shortRow = 48;
const manyRows = 8192;
const loopedRow = 512;

/** WGSL of the accumulator and its functions. */
function accumulatorCode({ fields, code, element, combine }: Reduction): string {
  const members = Object.entries(fields).map(([name, type]) => `${name}: ${type}`).join(", ");
  return `struct Acc { ${members} }
${code ?? ""}
fn element(row: u32, k: u32) -> Acc { ${element} }
fn combine(a: Acc, b: Acc) -> Acc { ${combine} }`;
}

/** The arrays that some code writes: others would take up bindings. */
const writtenIn = (code: string, writes: Reduction["writes"]): Reduction["writes"] =>
  Object.fromEntries(Object.entries(writes).filter(([name]) => code.includes(`set_${name}(`)));

/** Rows too long for a workgroup: their results go through memory to a step over all elements. */
function reducedThenEach(call: Call<unknown>, reduction: Reduction, code: string): Step[] {
  const { rows, length, label, reads, writes, fields, store = "", each = "", begin = "" } = reduction;
  const names = Object.keys(fields);
  const totals = Object.fromEntries(names.map((name) => [`total_${name}`, call.scratch(rows, fields[name])]));
  const { each: _, sumOnly: __, ...alone } = reduction;
  return [
    ...reductionSteps(call, {
      ...alone,
      label: `${label}, rows`,
      writes: { ...writtenIn(store, writes), ...totals },
      store: store + names.map((name) => `set_total_${name}(row, acc.${name});`).join(" "),
    }),
    {
      label,
      reads: { ...reads, ...totals },
      writes: writtenIn(each, writes),
      code,
      threads: rows * length,
      body: `
  let row = i / ${length}u;
  let k = i % ${length}u;
  ${begin}
  let acc = Acc(${names.map((name) => `total_${name}_at(row)`).join(", ")});
  { ${each} }`,
    },
  ];
}

/** A thread for each row. */
function threadForRow(reduction: Reduction, code: string): Step {
  const { rows, length, identity, label, reads, writes, store = "", each, begin = "" } = reduction;
  const body = `
  let row = i;
  ${begin}
  var acc = ${identity};
  for (var k = 0u; k < ${length}u; k++) { acc = combine(acc, element(row, k)); }
  ${store}
  ${each ? `for (var k = 0u; k < ${length}u; k++) { ${each} }` : ""}`;
  return { label, reads, writes, code, threads: rows, body };
}

/** Workgroups that reduce chunks of rows as trees and then do something with the results `acc`. */
function treeOfChunk(
  { rows, length, identity, begin = "" }: Reduction,
  chunkLength: number,
  code: string,
  finish: string,
): Pick<Step, "code" | "groups" | "groupSize" | "body"> {
  const chunks = Math.ceil(length / chunkLength);
  const body = `
  let row = group / ${chunks}u;
  ${begin}
  let start = (group % ${chunks}u) * ${chunkLength}u;
  let end = min(start + ${chunkLength}u, ${length}u);
  var acc = ${identity};
  for (var k = start + lane; k < end; k += ${groupSize}u) { acc = combine(acc, element(row, k)); }
  shared_acc[lane] = acc;
  for (var half = ${groupSize / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { shared_acc[lane] = combine(shared_acc[lane], shared_acc[lane + half]); }
  }
  if (lane == 0u) {
    acc = shared_acc[0];
    ${finish}
  }`;
  return {
    code: `${code}\nvar<workgroup> shared_acc: array<Acc, ${groupSize}>;`,
    groups: rows * chunks,
    groupSize,
    body,
  };
}

/** A workgroup for each row. */
function groupForRow(reduction: Reduction, code: string): Step {
  const { length, label, reads, writes, store = "", each } = reduction;
  const { body, ...tree } = treeOfChunk(reduction, length, code, store);
  const again = each && `
  workgroupBarrier();
  acc = shared_acc[0];
  for (var k = lane; k < ${length}u; k += ${groupSize}u) { ${each} }`;
  return { label, reads, writes, ...tree, body: body + (again ?? "") };
}

/** The steps of a reduction. */
export function reductionSteps(call: Call<unknown>, reduction: Reduction): Step[] {
  const { rows, length, label, reads } = reduction;
  if (rows === 0) return [];
  const code = accumulatorCode(reduction);
  const isBusy = rows >= Math.min(manyRows, groupSize * call.tuning.workgroups);
  if (length <= shortRow || isBusy && length <= loopedRow) return [threadForRow(reduction, code)];
  const share = Math.ceil(rows * length / (groupSize * call.tuning.workgroups));
  const chunkLength = groupSize * Math.min(longestRun, Math.max(leastRun, share));
  const chunks = Math.ceil(length / chunkLength);
  if (chunks === 1) return [groupForRow(reduction, code)];
  if (reduction.each) return reducedThenEach(call, reduction, code);

  const names = Object.keys(reduction.fields);
  const partial = Object.fromEntries(
    names.map((name) => [`part_${name}`, call.scratch(rows * chunks, reduction.fields[name])]),
  );
  const keepParts = names.map((name) => `set_part_${name}(group, acc.${name});`).join(" ");
  const first: Step = {
    label: `${label}, chunks`,
    reads,
    writes: partial,
    ...treeOfChunk(reduction, chunkLength, code, keepParts),
  };
  if (reduction.sumOnly && chunks <= shortRow) {
    call.sumLater(partial.part_sum!, reduction.sumOnly, {
      terms: chunks,
      elementStride: chunks,
      termStride: 1,
    });
    return [first];
  }
  const rest = reductionSteps(call, {
    ...reduction,
    label: `${label}, rest`,
    length: chunks,
    reads: { ...reads, ...partial },
    begin: "",
    element: `return Acc(${names.map((name) => `part_${name}_at(row * ${chunks}u + k)`).join(", ")});`,
  });
  return [first, ...rest];
}
