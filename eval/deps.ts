/**
 * The libraries this folder stands on, each named once with its exact version.
 *
 * @module
 */

// @ts-types="npm:@types/ndarray@1.1.0"
export { default as ndarray } from "npm:ndarray@1.1.1";
export type { NdArray } from "npm:@types/ndarray@1.1.0";
// @ts-types="npm:@types/d3@7.4.3"
export * as d3 from "npm:d3@7.9.0";
export { parseHTML } from "npm:linkedom@0.18.15";
export { encode as encodePng } from "npm:fast-png@8.0.0";
