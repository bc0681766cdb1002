import { type TableCell, tableCell, type TableColumn } from "./table_model.ts";

/** What a method costs. `null` where it was not measured. */
export interface RunCosts {
  /** Trainable parameters. */
  readonly parameters: number | null;
  /** Multiply-adds of one forward pass of a patch. */
  readonly multiply_adds: number | null;
  /** Peak device memory in bytes. */
  readonly peak_bytes: number | null;
  /** Wall time of the training in seconds. */
  readonly train_seconds: number | null;
  /** Wall time to segment one volume in milliseconds. */
  readonly inference_ms: number | null;
}

interface Part {
  readonly cost: keyof RunCosts;
  /** Names the unit too: it is all that a CSV shows of it. */
  readonly key: string;
  readonly label: string;
  /** From the cost's unit to the column's. */
  readonly scale: number;
  readonly digits: number;
}

const parts: readonly Part[] = [
  { cost: "parameters", key: "parameters_m", label: "parameters M", scale: 1e-6, digits: 2 },
  { cost: "multiply_adds", key: "multiply_adds_g", label: "multiply-adds G", scale: 1e-9, digits: 2 },
  { cost: "peak_bytes", key: "peak_memory_mib", label: "peak memory MiB", scale: 2 ** -20, digits: 0 },
  { cost: "train_seconds", key: "training_min", label: "training min", scale: 1 / 60, digits: 1 },
  { cost: "inference_ms", key: "inference_ms", label: "inference ms a volume", scale: 1, digits: 0 },
];

/** The columns of costs. */
export const costColumns: readonly TableColumn[] = parts.map(({ key, label, digits }) => ({
  key: `cost/${key}`,
  labels: ["cost", "", label],
  digits,
}));

/** A row's cells in those columns. */
export function costCells(costs: RunCosts | undefined): TableCell[] {
  return parts.map(({ cost, scale }) => {
    const value = costs?.[cost] ?? null;
    return tableCell({ mean: value === null ? null : value * scale });
  });
}
