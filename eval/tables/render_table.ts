import { d3 } from "../deps.ts";
import type { TableCell, TableColumn, TableFormat, TableModel } from "./table_model.ts";

/** Writes a table in a format; the result ends with a line break. */
export function renderTable(model: TableModel, format: TableFormat): string {
  return renderers[format](model);
}

const renderers: Readonly<Record<TableFormat, (model: TableModel) => string>> = {
  markdown,
  csv,
  json: (model) => JSON.stringify(model, null, 2) + "\n",
  latex,
  html,
};

/** Escapes text for HTML and SVG. */
export function escapeHtml(text: string): string {
  const names: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (char) => names[char]!);
}

/** A number with fixed digits and a real minus sign, or a dash. */
function fixed(value: number | null, digits: number): string {
  if (value === null) return "–";
  // Four digits are for p values and differences; one that is not 0 must not read 0.0000.
  const vanishes = digits >= 4 && value !== 0 && Number(value.toFixed(digits)) === 0;
  return (vanishes ? value.toExponential(1) : value.toFixed(digits)).replaceAll("-", "−");
}

function count(cell: TableCell): string {
  if (cell.n === null) return "";
  const notes = [`n=${cell.n}`];
  if (cell.missed > 0) notes.push(`${cell.missed} missed`);
  if (cell.false_positive > 0) notes.push(`${cell.false_positive} false pos.`);
  return ` (${notes.join(", ")})`;
}

function spread(cell: TableCell, digits: number, sign: string): string {
  return cell.sd === null || cell.mean === null ? "" : ` ${sign} ${fixed(cell.sd, digits)}`;
}

function markdown({ caption, heads, columns, rows }: TableModel): string {
  // Marks such as *** would otherwise run into the ** of a bold number.
  const safe = (text: string): string => text.replaceAll("|", "\\|").replaceAll("*", "\\*");
  const lines = rows.map(({ heads: names, cells }) => [
    ...names.map(safe),
    ...cells.map((cell, i) => {
      const digits = columns[i]!.digits;
      const number = fixed(cell.mean, digits) + spread(cell, digits, "±");
      return `${cell.best ? `**${number}**` : number}${safe(cell.mark)}${count(cell)}`;
    }),
  ]);
  const top = [...heads, ...columns.map((c) => c.labels.join(" · "))].map(safe);
  const width = top.map((text, i) =>
    Math.max(3, ...[text, ...lines.map((l) => l[i]!)].map((s) => [...s].length))
  );
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((text, i) => text + " ".repeat(width[i]! - [...text].length)).join(" | ")} |`;
  const rule = `| ${
    width.map((w, i) => i < heads.length ? "-".repeat(w) : "-".repeat(w - 1) + ":").join(" | ")
  } |`;
  return `${[row(top), rule, ...lines.map(row)].join("\n")}\n\n${caption}\n`;
}

function csv({ heads, columns, rows }: TableModel): string {
  const parts = ["mean", "sd", "n", "missed", "false_positive"] as const;
  const top = [...heads, ...columns.flatMap((c) => parts.map((part) => `${c.key}_${part}`))];
  const lines = rows.map(({ heads: names, cells }) => [
    ...names,
    ...cells.flatMap((cell) => parts.map((part) => cell[part])),
  ]);
  return d3.csvFormatRows(
    [top, ...lines].map((line) => line.map((field) => field === null ? "" : String(field))),
  ) + "\n";
}

/** Runs of equal neighbouring headings at a level, for headings that span columns. */
function spans(
  columns: readonly TableColumn[],
  level: number,
): { text: string; from: number; width: number }[] {
  const found: { text: string; from: number; width: number }[] = [];
  const path = (c: TableColumn): string => JSON.stringify(c.labels.slice(0, level + 1));
  columns.forEach((column, i) => {
    if (i > 0 && path(columns[i - 1]!) === path(column)) found.at(-1)!.width++;
    else found.push({ text: column.labels[level]!, from: i, width: 1 });
  });
  return found;
}

function latex({ caption, heads, columns, rows }: TableModel): string {
  const levels = columns[0]?.labels.length ?? 1;
  const header: string[] = [];
  for (let level = 0; level < levels; level++) {
    const last = level === levels - 1;
    const cells = spans(columns, level).map(({ text, width }) =>
      width === 1 ? tex(text) : `\\multicolumn{${width}}{c}{${tex(text)}}`
    );
    header.push([...heads.map((head) => last ? tex(head) : ""), ...cells].join(" & ") + " \\\\");
    if (!last) {
      header.push(
        spans(columns, level).filter((s) => s.width > 1)
          .map((s) => `\\cmidrule(lr){${heads.length + s.from + 1}-${heads.length + s.from + s.width}}`).join(
            " ",
          ),
      );
    }
  }
  const body = rows.map(({ heads: names, cells }) =>
    [
      ...names.map(tex),
      ...cells.map((cell, i) => {
        const digits = columns[i]!.digits;
        const number = tex(fixed(cell.mean, digits) + spread(cell, digits, "±"));
        const mark = cell.mark === "" ? "" : `\\textsuperscript{${tex(cell.mark)}}`;
        return `${cell.best ? `\\textbf{${number}}` : number}${mark}${
          cell.n === null ? "" : `{\\scriptsize ${tex(count(cell))}}`
        }`;
      }),
    ].join(" & ") + " \\\\"
  );
  return [
    "% needs \\usepackage{booktabs} and \\usepackage[utf8]{inputenc}",
    "\\begin{table}",
    "\\centering",
    `\\caption{${tex(caption)}}`,
    `\\begin{tabular}{${"l".repeat(heads.length)}${"r".repeat(columns.length)}}`,
    "\\toprule",
    ...header.filter((line) => line !== ""),
    "\\midrule",
    ...body,
    "\\bottomrule",
    "\\end{tabular}",
    "\\end{table}",
  ].join("\n") + "\n";
}

/** Text for LaTeX: special characters escaped, symbols as commands any engine knows. */
function tex(text: string): string {
  const commands: Record<string, string> = {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "±": "$\\pm$",
    "−": "$-$",
    "–": "--",
    "→": "$\\rightarrow$",
    "·": "$\\cdot$",
    "×": "$\\times$",
    "Δ": "$\\Delta$",
    "≥": "$\\geq$",
    "≤": "$\\leq$",
    "°": "$^\\circ$",
    "<": "$<$",
    ">": "$>$",
  };
  return text.replace(/[\\~^±−–→·×Δ≥≤°<>]|[#$%&_{}]/gu, (char) => commands[char] ?? `\\${char}`);
}

function html({ caption, heads, columns, rows }: TableModel): string {
  const levels = columns[0]?.labels.length ?? 1;
  const header = Array.from({ length: levels }, (_, level) => {
    const names = level === 0
      ? heads.map((head) => `<th scope="col" rowspan="${levels}">${escapeHtml(head)}</th>`)
      : [];
    const cells = spans(columns, level).map(({ text, width }) =>
      `<th scope="${width > 1 ? "colgroup" : "col"}" colspan="${width}">${escapeHtml(text)}</th>`
    );
    return `<tr>${[...names, ...cells].join("")}</tr>`;
  });
  const body = rows.map(({ heads: names, cells }) => {
    const numbers = cells.map((cell, i) => {
      const digits = columns[i]!.digits;
      const number = `${fixed(cell.mean, digits)}<span class="sd">${spread(cell, digits, "±")}</span>`;
      const mark = cell.mark === "" ? "" : `<sup>${escapeHtml(cell.mark)}</sup>`;
      return `<td>${cell.best ? `<strong>${number}</strong>` : number}${mark}<small>${
        escapeHtml(count(cell))
      }</small></td>`;
    });
    return `<tr>${names.map((n) => `<th scope="row">${escapeHtml(n)}</th>`).join("")}${
      numbers.join("")
    }</tr>`;
  });
  return `<table>\n${caption === "" ? "" : `<caption>${escapeHtml(caption)}</caption>\n`}<thead>\n${
    header.join("\n")
  }\n</thead>\n<tbody>\n${body.join("\n")}\n</tbody>\n</table>\n`;
}
