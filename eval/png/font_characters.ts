import { EvalError } from "../errors.ts";

/**
 * The characters a TrueType font has a glyph for, from its `cmap` table (formats 4 and 12; OpenType 1.9, "cmap").
 *
 * @param font content of a `.ttf` file
 * @throws {EvalError} `eval.font` when the font has neither table
 */
export function fontCharacters(font: Uint8Array): Set<number> {
  const view = new DataView(font.buffer, font.byteOffset, font.byteLength);
  const cmap = tableOffset(view, "cmap");
  const found = new Set<number>();
  if (cmap !== undefined) {
    for (let i = 0, count = view.getUint16(cmap + 2); i < count; i++) {
      const table = cmap + view.getUint32(cmap + 4 + 8 * i + 4), format = view.getUint16(table);
      if (format === 4) addSegments(view, table, found);
      if (format === 12) addGroups(view, table, found);
    }
  }
  if (found.size > 0) return found;
  throw new EvalError("eval.font", "the font has no character map of format 4 or 12", {
    fix: "This is a fault of the installation: delete the npm cache of Deno and run again.",
  });
}

function tableOffset(view: DataView, name: string): number | undefined {
  for (let i = 0, count = view.getUint16(4); i < count; i++) {
    const entry = 12 + 16 * i;
    const tag = String.fromCharCode(...[0, 1, 2, 3].map((k) => view.getUint8(entry + k)));
    if (tag === name) return view.getUint32(entry + 8);
  }
  return undefined;
}

/** Format 4: segments of 16-bit characters, each with an offset to its glyphs. */
function addSegments(view: DataView, table: number, found: Set<number>): void {
  const twice = view.getUint16(table + 6); // two times the number of segments
  for (let i = 0; i < twice; i += 2) {
    const end = view.getUint16(table + 14 + i), start = view.getUint16(table + 16 + twice + i);
    const delta = view.getUint16(table + 16 + 2 * twice + i), place = table + 16 + 3 * twice + i;
    const offset = view.getUint16(place);
    for (let code = start; code <= end && code !== 0xffff; code++) {
      const listed = offset === 0 ? code : view.getUint16(place + offset + 2 * (code - start));
      if (listed !== 0 && ((listed + delta) & 0xffff) !== 0) found.add(code);
    }
  }
}

/** Format 12: groups of characters with consecutive glyphs. */
function addGroups(view: DataView, table: number, found: Set<number>): void {
  for (let i = 0, count = view.getUint32(table + 12); i < count; i++) {
    const group = table + 16 + 12 * i, first = view.getUint32(group + 8);
    for (let code = view.getUint32(group), k = 0; code <= view.getUint32(group + 4); code++, k++) {
      if (first + k !== 0) found.add(code);
    }
  }
}
