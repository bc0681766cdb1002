/**
 * The page of the methods, printed from their table.
 *
 * ```sh
 * deno run --allow-read --allow-write tests/model/train/methods_page.ts    # writes it
 * ```
 */

import { type Method, methods, optionOf } from "../../../model/mod.ts";

/** Where the page is. */
export const pageUrl = new URL("../../../model/train/METHODS.md", import.meta.url);

function row({ name, cite, summary }: Method): string {
  return `| \`${name}\` | ${summary} | ${cite} |`;
}

function settingsOf({ name, settings }: Method): string[] {
  const rows = Object.entries(settings).map(([key, setting]) => {
    const range = "choices" in setting ? setting.choices.join(", ") : `${setting.min} … ${setting.max}`;
    return `| \`--${optionOf(key)}\` | ${setting.default} | ${
      range.replace("Infinity", "∞")
    } | ${setting.help} |`;
  });
  if (rows.length === 0) return [];
  return [
    `### ${name}`,
    "",
    "| option | default | range | what it is |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ];
}

/** The text of the page. */
export function methodsPage(): string {
  const all = [...methods.values()];
  return [
    "<!-- Printed from the table of methods by tests/model/train/methods_page.ts. -->",
    "",
    "# Methods",
    "",
    "All train the same networks on the same patches with the same augmentation, optimiser, schedule and rule for",
    "the checkpoint, so that they can be compared; what differs is in one file each in `methods/`. Results made with",
    "them are ours, not those of the papers they come from.",
    "",
    "| `--method` | what it is | source |",
    "| --- | --- | --- |",
    ...all.map(row),
    "",
    "## Settings",
    "",
    "In `config.json` and in code they are under `settings`, in camel case: `--csc-weight 0.2` is",
    "`{ settings: { cscWeight: 0.2 } }`.",
    "",
    ...all.flatMap(settingsOf),
  ].join("\n");
}

if (import.meta.main) await Deno.writeTextFile(pageUrl, methodsPage());
