/** The source files of the repository and what they import, for the contract tests. */

import { relative } from "node:path";

/** One source file. */
export interface Source {
  /** Path from the repository's root, with slashes. */
  path: string;
  /** Its text. */
  text: string;
  /** Specifiers of its static imports, re-exports and dynamic imports of literals. */
  specifiers: string[];
}

const root = new URL("../../", import.meta.url);

async function* filesUnder(folder: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.startsWith(".") || entry.name === "runs" || entry.name === "node_modules") continue;
    const url = new URL(entry.name + (entry.isDirectory ? "/" : ""), folder);
    if (entry.isDirectory) yield* filesUnder(url);
    else if (entry.name.endsWith(".ts")) yield url;
  }
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\b[^"';]*?from\s*"([^"]+)"|(?:^|\n)import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/g;

/** All TypeScript files outside of dot-folders. */
export async function sources(): Promise<Source[]> {
  const found: Source[] = [];
  for await (const url of filesUnder(root)) {
    const text = await Deno.readTextFile(url);
    const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\n)\s*\/\/[^\n]*/g, "$1");
    found.push({
      path: relative(root.pathname, url.pathname).replaceAll("\\", "/"),
      text,
      specifiers: [...code.matchAll(importPattern)].map((match) => (match[1] ?? match[2] ?? match[3])!),
    });
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** The path a relative specifier leads to. */
export function target(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}
