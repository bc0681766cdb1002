/** The test vectors of the method's description. */

import { type Device, Tensor } from "../../tensor/mod.ts";

/** `s · sin(0.37 i + phase)`. */
export function sines(device: Device, shape: number[], phase: number, s = 1): Tensor {
  const n = shape.reduce((product, size) => product * size, 1);
  return Tensor.from(
    device,
    Float64Array.from({ length: n }, (_, i) => s * Math.sin(0.37 * i + phase)),
    shape,
  );
}
