/** The folder with the real volumes, from `CMC_DATA`; tests that need them are ignored without it. */

/** The folder, or nothing. */
export const realData: string | undefined =
  Deno.permissions.querySync({ name: "env", variable: "CMC_DATA" }).state === "granted"
    ? Deno.env.get("CMC_DATA")
    : undefined;

/** Registers a test that runs only where the real volumes are. */
export function realDataTest(name: string, test: (folder: string) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs CMC_DATA]`,
    ignore: realData === undefined,
    fn: () => test(realData!),
  });
}
