/**
 * Bytes as text.
 *
 * @module
 */

/** Base64 of bytes. */
export function encodeBase64(bytes: Uint8Array): string {
  const step = 3 << 13, parts: string[] = []; // a multiple of 3, so that parts can be joined
  for (let at = 0; at < bytes.length; at += step) {
    parts.push(btoa(String.fromCharCode(...bytes.subarray(at, at + step))));
  }
  return parts.join("");
}
