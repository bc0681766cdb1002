import assert from "node:assert/strict";

/**
 * Compares text with the stored file `tests/snapshots/eval/<name>`.
 *
 * Run the tests with `UPDATE_SNAPSHOTS=1` to write the file anew, then read the difference.
 */
export function assertSnapshot(name: string, text: string): void {
  const folder = new URL("../snapshots/eval/", import.meta.url);
  const file = new URL(name, folder);
  if (Deno.env.get("UPDATE_SNAPSHOTS") === "1") {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(file, text);
    return;
  }
  assert.equal(text, Deno.readTextFileSync(file), `${name} differs from its snapshot`);
}

/** Runs something and fails if it printed a warning or an error. */
export function withoutWarnings<T>(run: () => T): T {
  const { warn, error } = console;
  const printed: unknown[] = [];
  console.warn = console.error = (...parts: unknown[]) => void printed.push(parts);
  try {
    return run();
  } finally {
    console.warn = warn;
    console.error = error;
    assert.deepEqual(printed, []);
  }
}
