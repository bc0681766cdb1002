/** Inputs: the same on every device and in every run. */

import type { Device } from "../../tensor/device.ts";
import { Random } from "../../tensor/random.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";

/** Standard normal values. */
export function normal(device: Device, shape: Shape): Tensor {
  return Tensor.normal(device, new Random(1).child(shape.join()), shape, 1);
}

/** The same as a host array. */
export function normalValues(label: string, length: number): Float32Array {
  const random = new Random(1).child(label);
  return Float32Array.from({ length }, () => random.normal());
}

/** Classes of voxels, evenly drawn. */
export function labelValues(length: number, classes: number): Uint8Array {
  const random = new Random(3);
  return Uint8Array.from({ length }, () => random.integer(classes));
}

/** The same on a device. */
export function labels(device: Device, shape: Shape, classes: number): Tensor {
  return Tensor.from(device, labelValues(sizeOf(shape), classes), shape, "i32");
}
