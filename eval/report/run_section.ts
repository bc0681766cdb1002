import { summarise } from "../statistics/summarise.ts";
import { percent } from "../tables/percent.ts";
import { escapeHtml } from "../text.ts";
import { fold, wide } from "./page.ts";
import type { RunResults } from "./run_results.ts";
import type { TestSet } from "./test_sets.ts";

const heads = [
  "run",
  "method",
  "labels",
  "seed",
  "preset",
  "patch",
  "steps",
  "labelled",
  "unlabelled",
  "validation",
  "test",
  "mean Dice",
];

/** More runs than these stand before the results only when they are asked for. */
const fewRuns = 12;

/** A table of the runs, one block a test set, with all their settings below. */
export function runsHtml(sets: readonly TestSet[]): string {
  const blocks = sets.map((set) =>
    `<tbody>${
      sets.length === 1
        ? ""
        : `<tr><th colspan="${heads.length}" scope="rowgroup">${escapeHtml(set.name)}</th></tr>`
    }${set.runs.map(row).join("")}</tbody>`
  );
  const note = sets.length === 1
    ? ""
    : '<p class="note">The runs were tested on different cases or data sets; numbers of one block say nothing about ' +
      "those of another, and every table and plot keeps to one block.</p>";
  const runs = sets.flatMap((set) => set.runs);
  const details = runs.map((run) =>
    fold(
      `${run.name}: settings, split, environment`,
      [run.config, run.split, run.environment].map((part) =>
        `<pre>${escapeHtml(JSON.stringify(part, null, 1))}</pre>`
      ).join(""),
    )
  );
  const table = wide(
    `<table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead>${
      blocks.join("")
    }</table>`,
  );
  const settings = details.join("\n");
  if (runs.length <= fewRuns) return table + note + settings;
  return fold(`All ${runs.length} runs`, table) + note +
    fold("Settings, split and environment of each", settings);
}

function row(run: RunResults): string {
  const text = (value: unknown): string => Array.isArray(value) ? value.join(" × ") : String(value ?? "–");
  const size = (value: unknown): string => String(Array.isArray(value) ? value.length : "–");
  const { preset, patch, steps } = run.config, { labelled, unlabelled, validation, test } = run.split;
  const dice = run.records.length > 0 ? summarise(run.records).mean.dice : null;
  const cells = [
    percent(run.label_ratio),
    String(run.seed),
    ...[preset, patch, steps].map(text),
    ...[labelled, unlabelled, validation, test].map(size),
    dice === null ? "–" : dice.toFixed(3),
  ];
  return `<tr><th scope="row">${escapeHtml(run.name)}</th><td class="text">${escapeHtml(run.method)}</td>${
    cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")
  }</tr>`;
}
