/** Tables in Markdown. */

/** A table; the first column is text, the others are numbers and stand at the right. */
export function markdownTable(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const all = [header, ...lines];
  const widths = header.map((_, i) => Math.max(3, ...all.map((cells) => [...cells[i] ?? ""].length)));
  const padded = (cells: readonly string[]) =>
    cells.map((cell, i) => {
      const space = " ".repeat(widths[i]! - [...cell].length);
      return i === 0 ? cell + space : space + cell;
    });
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":");
  return [padded(header), rule, ...lines.map(padded)].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** A number with about three digits that say something. */
export function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
