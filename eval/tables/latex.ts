import { oneLine } from "../text.ts";
import { countText, fixed, spreadText } from "./cell_text.ts";
import { headingSpans } from "./heading_spans.ts";
import type { TableColumn, TableModel } from "./table_model.ts";

/** A table as LaTeX with booktabs: best in bold, second underlined, the definitions as a note below it. */
export function latexTable({ title, label, caption, heads, columns, rows }: TableModel): string {
  const body = rows.map(({ heads: names, cells }) =>
    [
      ...names.map(tex),
      ...cells.map((cell, i) => {
        const digits = columns[i]!.digits;
        const number = tex(fixed(cell.mean, digits) + spreadText(cell, digits));
        const shown = cell.best ? `\\textbf{${number}}` : cell.second ? `\\underline{${number}}` : number;
        const mark = cell.mark === "" ? "" : `\\textsuperscript{${tex(cell.mark)}}`;
        const count = cell.n === null ? "" : `{\\scriptsize ${tex(countText(cell))}}`;
        return `${shown}${mark}${count}`;
      }),
    ].join(" & ") + " \\\\"
  );
  const lines = [
    "\\begin{table}",
    "\\centering",
    `\\caption{${tex(title)}}`,
    `\\label{tab:${label}}`,
    "% a table that is too wide is set smaller",
    "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%",
    `\\begin{tabular}{${"l".repeat(heads.length)}${"r".repeat(columns.length)}}`,
    "\\toprule",
    ...header(heads, columns),
    "\\midrule",
    ...body,
    "\\bottomrule",
    "\\end{tabular}}",
    "",
    `\\par\\smallskip\\parbox{\\linewidth}{\\footnotesize ${tex(caption)}}`,
    "\\end{table}",
  ];
  return [...packages(lines.join("\n")), ...lines].join("\n") + "\n";
}

function header(heads: readonly string[], columns: readonly TableColumn[]): string[] {
  const levels = columns[0]?.labels.length ?? 1, lines: string[] = [];
  for (let level = 0; level < levels; level++) {
    const last = level === levels - 1, spans = headingSpans(columns, level);
    const cells = spans.map(({ text, width }) =>
      width === 1 ? tex(text) : `\\multicolumn{${width}}{c}{${tex(text)}}`
    );
    lines.push([...heads.map((head) => last ? tex(head) : ""), ...cells].join(" & ") + " \\\\");
    const wide = spans.filter((s) => s.width > 1);
    if (last || wide.length === 0) continue;
    lines.push(
      wide.map((s) => `\\cmidrule(lr){${heads.length + s.from + 1}-${heads.length + s.from + s.width}}`).join(
        " ",
      ),
    );
  }
  return lines;
}

/** What the document needs, and what pdfLaTeX cannot set. */
function packages(text: string): string[] {
  const beyond = [...new Set(text.match(/[^\t\n -\u017f]/gu) ?? [])];
  return [
    "% needs \\usepackage{booktabs,graphicx} and \\usepackage[T1]{fontenc}",
    ...(beyond.length === 0
      ? []
      : [`% compile with LuaLaTeX or XeLaTeX and a font that has ${beyond.join(" ")}; pdfLaTeX has not`]),
  ];
}

const commands: ReadonlyMap<string, string> = new Map(Object.entries({
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "|": "\\textbar{}",
  '"': "\\textquotedbl{}",
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
  // A bracket or star behind the \\ of the row before would be read as its option.
  "[": "{[}",
  "]": "{]}",
  "*": "{*}",
}));

const special = /[\\~^|"±−–→·×Δ≥≤°<>[\]*#$%&_{}]|-(?=-)|[`'](?=[`'])|,(?=,)|[?!](?=`)/gu;

/** Text for LaTeX: special characters escaped, pairs that would melt into another sign kept apart, in one line. */
function tex(text: string): string {
  return oneLine(text).replace(
    special,
    (char) => commands.get(char) ?? (/[-`',?!]/.test(char) ? `${char}{}` : `\\${char}`),
  );
}
