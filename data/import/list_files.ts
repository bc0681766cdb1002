/**
 * What lies below a folder.
 *
 * @module
 */

import { join } from "node:path";
import { byCodePoint } from "../dataset.ts";
import { DataError } from "../errors.ts";

/** A file that is not used, and why. */
export interface LeftOut {
  /** Path below the folder. */
  readonly path: string;
  /** Why, to go on after the path. */
  readonly why: string;
}

/** The files below a folder, as paths with `/`, by code point. */
export interface Listing {
  /** Files that can be used, links to files and folders inside the folder included. */
  readonly files: readonly string[];
  /** Links that cannot be followed, and the files macOS hides beside each file it copies. */
  readonly left: readonly LeftOut[];
}

/**
 * Lists a folder. Links are followed as long as they stay inside it (DataLad and git-annex store every scan so);
 * folders whose names start with a dot are not entered.
 *
 * @throws {DataError} `data.path` when it cannot be listed
 */
export async function listFiles(folder: string): Promise<Listing> {
  const files: string[] = [], left: LeftOut[] = [];
  const walk = async (below: string, root: string, parents: ReadonlySet<string>): Promise<void> => {
    for await (const { name, ...kind } of Deno.readDir(join(folder, below))) {
      const path = below === "" ? name : `${below}/${name}`;
      if (name.startsWith(".") || name === "__MACOSX") {
        if (kind.isFile && /\.(nii|hdr)(\.gz)?$/i.test(name)) {
          left.push({
            path,
            why: "is hidden: its name starts with a dot, as of the extra files macOS writes",
          });
        }
        continue;
      }
      const real = await Deno.realPath(join(folder, path)).catch(() => undefined);
      if (kind.isSymlink && real !== undefined && !isInside(real, root)) {
        left.push({ path, why: `is a link that leads out of the folder, to ${real}` });
        continue;
      }
      const info = kind.isSymlink ? await Deno.stat(join(folder, path)).catch(() => undefined) : kind;
      if (info === undefined || real === undefined) left.push({ path, why: "is a link to nothing" });
      else if (info.isFile) files.push(path);
      else if (info.isDirectory && !parents.has(real)) await walk(path, root, new Set([...parents, real]));
    }
  };
  try {
    const root = await Deno.realPath(folder);
    await walk("", root, new Set([root]));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : cause;
    throw new DataError("data.path", `${folder} cannot be listed: ${why}`, {
      cause,
      fix: "Check the path, and that Deno was given --allow-read.",
    });
  }
  return { files: files.sort(byCodePoint), left: left.sort((a, b) => byCodePoint(a.path, b.path)) };
}

function isInside(path: string, root: string): boolean {
  return path === root ||
    path.startsWith(/[/\\]$/.test(root) ? root : `${root}${Deno.build.os === "windows" ? "\\" : "/"}`);
}
