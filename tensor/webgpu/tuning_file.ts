/**
 * Measured cost tables as JSON: one file for all adapters of a machine.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import type { BlockedKernel, CostTable } from "./tuning.ts";

/** Measured tables by the adapter's name. */
export type TuningFile = ReadonlyMap<string, CostTable>;

const format = "cmc-webgpu-tuning-1";

/** What each number may be: kernels exist for these sizes only. */
const allowed: { readonly [K in BlockedKernel]: Readonly<Record<string, (value: unknown) => boolean>> } = {
  convolution: {
    outputs: isWhole(1, 16),
    channels: (value) => isWhole(4, 64)(value) && (value as number) % 4 === 0,
  },
  weightGradient: { workgroups: isWhole(1, 65535), sums: isWhole(1, 1024) },
  matmul: { block: isWhole(1, 8), tiles: (value) => typeof value === "boolean" },
};

function isWhole(low: number, high: number): (value: unknown) => boolean {
  return (value) => Number.isInteger(value) && low <= (value as number) && (value as number) <= high;
}

function refuse(problem: string): never {
  throw new DeviceError("tuning.file", `the file of measured block sizes: ${problem}`, {
    fix: "Delete it; deno task tune makes a new one.",
  });
}

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value as Fields : {};

function checkTable(adapter: string, value: unknown): CostTable {
  const table = fieldsOf(value);
  for (const [kernel, checks] of Object.entries(allowed)) {
    const rows = table[kernel];
    if (!Array.isArray(rows) || rows.length === 0) refuse(`${adapter}: no rows for ${kernel}`);
    for (const [i, row] of rows.entries()) {
      const { upTo, blocks } = fieldsOf(row);
      if (!isWhole(1, Number.MAX_SAFE_INTEGER)(upTo)) refuse(`${adapter}: ${kernel}[${i}].upTo is ${upTo}`);
      for (const [name, isAllowed] of Object.entries(checks)) {
        const given = fieldsOf(blocks)[name];
        if (!isAllowed(given)) refuse(`${adapter}: ${kernel}[${i}].blocks.${name} is ${given}`);
      }
    }
  }
  return value as CostTable;
}

/**
 * Reads the text of a file.
 *
 * @throws {DeviceError} `tuning.file` when it is damaged or of another version
 */
export function parseTuningFile(text: string): TuningFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    refuse(`no JSON: ${(cause as Error).message}`);
  }
  const { format: given, adapters } = fieldsOf(json);
  if (given !== format) refuse(`format is ${JSON.stringify(given)}, expected "${format}"`);
  return new Map(
    Object.entries(fieldsOf(adapters)).map(([adapter, table]) => [adapter, checkTable(adapter, table)]),
  );
}

/** The text of a file. */
export function tuningFileText(tables: TuningFile): string {
  return `${JSON.stringify({ format, adapters: Object.fromEntries(tables) }, null, 2)}\n`;
}
