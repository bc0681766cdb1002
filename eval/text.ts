/**
 * Text that is safe to write: what names of people, cases and classes may hold, and no format can.
 *
 * @module
 */

/** Characters that XML, spreadsheets or terminals choke on: control characters, half surrogates, non-characters. */
const unprintable =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Shows characters that cannot be written by their pictures (`␀` for NUL), or by `�`. Tabs and line breaks stay. */
export function visible(text: string): string {
  return text.replace(unprintable, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "␡" : "�";
  });
}

/** The same in one line. */
export function oneLine(text: string): string {
  return visible(text).replace(/[\r\n\t\u2028\u2029]+/g, " ");
}

/** Escapes text for HTML and SVG. */
export function escapeHtml(text: string): string {
  const names: ReadonlyMap<string, string> = new Map([
    ["&", "&amp;"],
    ["<", "&lt;"],
    [">", "&gt;"],
    ['"', "&quot;"],
    ["'", "&#39;"],
  ]);
  return visible(text).replace(/[&<>"']/g, (char) => names.get(char)!);
}
