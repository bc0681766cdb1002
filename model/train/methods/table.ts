/**
 * All training methods by name.
 *
 * @module
 */

import type { Method } from "../method.ts";
import { cmc } from "./cmc.ts";
import { supervised } from "./supervised.ts";

/** The table. */
export const methods: Readonly<Record<string, Method>> = { cmc, supervised } as unknown as Record<
  string,
  Method
>;

/** Names on the command line. */
export const methodNames: readonly string[] = Object.keys(methods);
