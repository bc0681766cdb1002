import { escapeHtml } from "../text.ts";
import { countText, fixed, spreadText } from "./cell_text.ts";
import { headingSpans } from "./heading_spans.ts";
import type { TableModel } from "./table_model.ts";

/** A table as HTML: best in bold, second underlined. */
export function htmlTable({ title, caption, heads, columns, rows }: TableModel): string {
  const levels = columns[0]?.labels.length ?? 1;
  const header = Array.from({ length: levels }, (_, level) => {
    const names = level === 0
      ? heads.map((head) => `<th scope="col" rowspan="${levels}">${escapeHtml(head)}</th>`)
      : [];
    const cells = headingSpans(columns, level).map(({ text, width }) =>
      `<th scope="${width > 1 ? "colgroup" : "col"}" colspan="${width}">${escapeHtml(text)}</th>`
    );
    return `<tr>${[...names, ...cells].join("")}</tr>`;
  });
  const body = rows.map(({ heads: names, cells }) => {
    const numbers = cells.map((cell, i) => {
      const digits = columns[i]!.digits;
      const spread = spreadText(cell, digits).replaceAll(" ", "\u00a0"); // a number stays in one line
      const number = `${fixed(cell.mean, digits)}<span class="sd">${spread}</span>`;
      const shown = cell.best ? `<strong>${number}</strong>` : cell.second ? `<u>${number}</u>` : number;
      const mark = cell.mark === "" ? "" : `<sup>${escapeHtml(cell.mark)}</sup>`;
      return `<td>${shown}${mark}<small>${escapeHtml(countText(cell))}</small></td>`;
    });
    return `<tr>${names.map((n) => `<th scope="row">${escapeHtml(n)}</th>`).join("")}${
      numbers.join("")
    }</tr>`;
  });
  return `<table>\n${
    caption === "" ? "" : `<caption>${escapeHtml(`${title}. ${caption}`)}</caption>\n`
  }<thead>\n${header.join("\n")}\n</thead>\n<tbody>\n${body.join("\n")}\n</tbody>\n</table>\n`;
}
