/**
 * Packages that exported pages carry, each at one exact version.
 *
 * @module
 */

export { sha256 } from "npm:@noble/hashes@2.4.0/sha2.js";
export { Inflate } from "npm:pako@3.0.3";
