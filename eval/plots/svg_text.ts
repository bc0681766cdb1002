import { visible } from "../text.ts";

/** What a node of a drawing offers to be written. */
interface SvgNode {
  readonly nodeType: number;
  readonly localName: string;
  readonly nodeValue: string | null;
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>;
  readonly childNodes: Iterable<SvgNode>;
}

const elementNode = 1, textNode = 3;

/**
 * A drawing as XML. Every number of four decimals or more in an attribute is shortened, so that equal drawings are
 * equal text.
 */
export function svgText(node: SvgNode): string {
  if (node.nodeType === textNode) return escaped(node.nodeValue ?? "");
  if (node.nodeType !== elementNode) return "";
  const attributes = [...node.attributes].map(({ name, value }) =>
    ` ${name}="${escaped(rounded(value)).replaceAll('"', "&quot;")}"`
  );
  const children = [...node.childNodes].map(svgText);
  return `<${node.localName}${attributes.join("")}>${children.join("")}</${node.localName}>`;
}

function escaped(text: string): string {
  return visible(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function rounded(value: string): string {
  if (value.startsWith("data:")) return value; // base64 holds no numbers
  return value.replace(
    /-?\d*\.\d{4,}(e-?\d+)?/g,
    (text) => String(Math.round(Number(text) * 1000) / 1000 || 0),
  );
}
