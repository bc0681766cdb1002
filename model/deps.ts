/**
 * Packages this folder uses, each at one exact version.
 *
 * @module
 */

export { z } from "npm:zod@4.6.7";
