/**
 * The rows of the pilot's table at 5 % labels, and what it reached: mean test Dice in % over classes, modalities,
 * cases and seeds, from 38 trainings in PyTorch. A seed names other random numbers there than here.
 *
 * @module
 */

/** A row: a method of the library with its settings. */
export interface PilotRow {
  readonly method: string;
  readonly settings: Readonly<Record<string, number | string>>;
  /** Steps after the shared supervised ones. */
  readonly steps: number;
  readonly seeds: readonly number[];
  /** The pilot's mean over its one to three seeds, in %. */
  readonly expected: number;
  /** How far from it a mean may be, in points. */
  readonly within: number;
}

const semi = (
  method: string,
  settings: PilotRow["settings"],
  seeds: number[],
  expected: number,
): PilotRow => ({
  method,
  settings,
  steps: 300,
  seeds,
  expected,
  within: 1,
});

const floor = (steps: number, seeds: number[], expected: number): PilotRow => ({
  method: "supervised",
  settings: {},
  steps,
  seeds,
  expected,
  within: 1.5,
});

const joined = { network: "joined" } as const;

/** By name. */
export const rows: Readonly<Record<string, PilotRow>> = {
  "cmc": semi("cmc", {}, [0, 1, 2, 3], 79.04),
  "cmc-confident": semi("cmc-confident", {}, [0, 1, 2, 3], 79.98),
  "xcps-1": semi("cross-modal-cps", { ...joined, consistencyWeight: 1 }, [0, 1, 2, 3], 79.36),
  "supervised": floor(300, [0, 1, 2, 3], 75.27),
  "xcps-0.5": semi("cross-modal-cps", { ...joined, consistencyWeight: 0.5 }, [0, 1, 2, 3], 78.63),
  "mean-teacher": semi(
    "mean-teacher",
    { consistencyWeight: 1, distance: "dice", teacherView: "weak", emaDecay: 0.99 },
    [0, 1],
    76.14,
  ),
  "cmc-stopgrad": semi("cmc", { gradient: "other" }, [0, 1], 79.47),
  "cac-only": semi("cmc", { cscWeight: 0 }, [0], 78.77),
  "csc-only": semi("cmc", { cacWeight: 0 }, [0], 76.33),
  "supervised-600": floor(600, [0, 1, 3], 77.16),
};
