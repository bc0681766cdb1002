/**
 * A program and all that it imports as one script for browsers.
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";

/**
 * Bundles a module with `deno bundle`.
 *
 * @param entry address of the module, on the disk or on the network
 * @param importMap address of a map for its imports
 * @returns a script that is no module
 * @throws {CodedError} `export.bundle` when Deno may not be started, or fails
 */
export async function bundle(entry: string, importMap: string): Promise<string> {
  const { protocol, host } = new URL(entry);
  const args = [
    "bundle",
    "--quiet",
    "--no-config",
    "--no-lock",
    "--node-modules-dir=none",
    "--platform=browser",
  ]
    .concat(
      "--format=iife",
      "--minify",
      `--import-map=${importMap}`,
      protocol === "file:" ? [] : `--allow-import=${host}`,
    )
    .concat(entry);
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command("deno", { args, env: { NO_COLOR: "1" } }).output();
  } catch (cause) {
    throw new CodedError("export.bundle", `deno cannot be started: ${(cause as Error).message}`, {
      cause,
      fix: "Run with --allow-run=deno, and with the folder of deno in PATH.",
    });
  }
  if (output.success) return new TextDecoder().decode(output.stdout);
  throw new CodedError(
    "export.bundle",
    `deno bundle failed: ${new TextDecoder().decode(output.stderr).trim().replaceAll(/\s*\n\s*/g, "; ")}`,
    { fix: "The first time, Deno fetches its bundler (esbuild) from the npm registry: connect once." },
  );
}
