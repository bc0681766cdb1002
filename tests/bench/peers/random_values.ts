/** Data of the peers: times do not depend on it as long as it is ordinary numbers. */

let state = 1;

/** Values spread evenly over (−scale, scale). */
export function randomValues(shape: readonly number[], scale = 1): Float32Array {
  const length = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return scale * (state / 2 ** 31 - 1);
  });
}
