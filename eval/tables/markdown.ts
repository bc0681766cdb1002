import { oneLine } from "../text.ts";
import { countText, fixed, spreadText } from "./cell_text.ts";
import type { TableModel } from "./table_model.ts";

/** Text that Markdown shows as it is, inside a table cell as well. */
function escaped(text: string): string {
  return oneLine(text).replace(/[\\|*_`<>[\]~&]/g, (char) => `\\${char}`);
}

/** A table as Markdown: best in bold, second underlined. */
export function markdownTable({ title, caption, heads, columns, rows }: TableModel): string {
  const lines = rows.map(({ heads: names, cells }) => [
    ...names.map(escaped),
    ...cells.map((cell, i) => {
      const digits = columns[i]!.digits;
      const number = fixed(cell.mean, digits) + spreadText(cell, digits);
      const shown = cell.best ? `**${number}**` : cell.second ? `<u>${number}</u>` : number;
      return `${shown}${escaped(cell.mark)}${countText(cell)}`;
    }),
  ]);
  const top = [...heads, ...columns.map((c) => c.labels.join(" · "))].map(escaped);
  const width = top.map((text, i) =>
    Math.max(3, ...[text, ...lines.map((l) => l[i]!)].map((s) => [...s].length))
  );
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((text, i) => text + " ".repeat(width[i]! - [...text].length)).join(" | ")} |`;
  const rule = `| ${
    width.map((w, i) => i < heads.length ? "-".repeat(w) : "-".repeat(w - 1) + ":").join(" | ")
  } |`;
  return `${[row(top), rule, ...lines.map(row)].join("\n")}\n\n${oneLine(`${title}. ${caption}`)}\n`;
}
