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

const parts: readonly { key: keyof RunCosts; label: string; scale: number; digits: number }[] = [
  { key: "parameters", label: "parameters M", scale: 1e-6, digits: 2 },
  { key: "multiply_adds", label: "multiply-adds G", scale: 1e-9, digits: 2 },
  { key: "peak_bytes", label: "peak memory MiB", scale: 2 ** -20, digits: 0 },
  { key: "train_seconds", label: "training min", scale: 1 / 60, digits: 1 },
  { key: "inference_ms", label: "inference ms a volume", scale: 1, digits: 0 },
];

/** The columns of costs. */
export const costColumns: readonly TableColumn[] = parts.map(({ key, label, digits }) => ({
  key: `cost/${key}`,
  labels: ["cost", "", label],
  digits,
}));

/** A row's cells in those columns. */
export function costCells(costs: RunCosts | undefined): TableCell[] {
  return parts.map(({ key, scale }) => {
    const value = costs?.[key] ?? null;
    return tableCell({ mean: value === null ? null : value * scale });
  });
}
