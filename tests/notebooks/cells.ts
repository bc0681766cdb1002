/** The notebooks of the repository. */

/** A cell, as far as it matters here. */
export interface Cell {
  readonly cell_type: "code" | "markdown";
  readonly source: readonly string[];
  readonly execution_count?: number | null;
  readonly outputs?: readonly {
    readonly output_type: string;
    readonly data?: Readonly<Record<string, unknown>>;
  }[];
}

/** A notebook. */
export interface Notebook {
  readonly cells: readonly Cell[];
  readonly metadata: { readonly kernelspec: { readonly name: string } };
}

/** Where they lie. */
export const folder = new URL("../../examples/notebooks/", import.meta.url);

/** Their names, without ending. */
export const names = ["first_steps", "cmc_walkthrough", "look_at_your_data", "read_a_sweep"] as const;

/** Reads one. */
export async function readNotebook(url: URL | string): Promise<Notebook> {
  return JSON.parse(await Deno.readTextFile(url));
}
