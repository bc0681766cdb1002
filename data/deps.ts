/**
 * The packages this folder uses, each at one exact version.
 *
 * @module
 */

// @ts-types="npm:@types/ndarray@1.1.0"
import ndarray from "npm:ndarray@1.1.1";

export { ndarray };
export type { NdArray } from "npm:@types/ndarray@1.1.0";
export { type NIFTI1, type NIFTI2, readHeader } from "npm:nifti-reader-js@0.8.0";
export { z } from "npm:zod@4.6.7";
export { decode as decodePng, encode as encodePng } from "npm:fast-png@8.0.0";
