/** The steps that tests/golden/model/methods.py computes, computed by this library from the same numbers. */

import { methodNamed, resolveConfig, type StepBatch } from "../../../model/mod.ts";
import { type Device, Random, scope, Tensor } from "../../../tensor/mod.ts";
import golden from "../../golden/model/methods.json" with { type: "json" };
import { stream } from "../digest.ts";

/** What PyTorch found of a gradient. */
export interface GoldenGradient {
  /** Largest absolute value. */
  readonly largest: number;
  /** Product with a stream. */
  readonly product: number;
  /** Sum of squares. */
  readonly squares: number;
  /** Some elements, evenly over the tensor. */
  readonly values: readonly number[];
}

/** A step and what PyTorch found. */
export interface GoldenStep {
  readonly method: string;
  readonly settings: Readonly<Record<string, number | string>>;
  /** Which images. */
  readonly salt: number;
  /** Value and weight. */
  readonly terms: Readonly<Record<string, readonly [number, number]>>;
  /** In the order of the program. */
  readonly gradients: Readonly<Record<string, GoldenGradient>>;
}

/** All of them by name. */
export const goldenSteps = golden as unknown as Readonly<Record<string, GoldenStep>>;

/**
 * What differences in a tensor are measured by: its largest element. A shift before a norm has no gradient; what
 * rounding leaves of it is measured by the largest of all.
 */
export function scaleOf({ gradients }: GoldenStep, name: string): number {
  const whole = Math.max(...Object.values(gradients).map(({ largest }) => largest));
  const { largest } = gradients[name]!;
  return largest > 1e-12 * whole ? largest : whole;
}

/** Terms and gradients as this library has them. */
export interface FoundStep {
  readonly terms: Readonly<Record<string, readonly [number, number]>>;
  readonly gradients: ReadonlyMap<string, ArrayLike<number>>;
}

const shape = [2, 1, 16, 16, 16];

function seedOf(name: string): number {
  return [...name].reduce((h, char) => (h * 31 + char.charCodeAt(0)) % 1000003, 7);
}

/** The numbers that the Python program gives a parameter. */
function parameter(name: string, shape: readonly number[]): Float64Array {
  if (name.endsWith("norm.weight")) return stream(shape, seedOf(name), 0.3).map((value) => 1 + value);
  if (shape.length < 2) return stream(shape, seedOf(name), 0.3);
  return stream(shape, seedOf(name), Math.sqrt(6 / shape.slice(1).reduce((a, b) => a * b)));
}

/** A copy-paste box that begins at voxel 2 of each axis, as in the Python program. */
class Fixed extends Random {
  override integer(): number {
    return 2;
  }
}

function batchOf(device: Device, salt: number): StepBatch {
  const images = (what: string) =>
    [0, 1].map((m) => Tensor.from(device, stream(shape, seedOf(`${what}/${m}/${salt}`), 1.7), shape));
  const labels = [0, 1].map((m) => {
    const drawn = stream([2, 16, 16, 16], seedOf(`labels/${m}`), 1.5);
    return Tensor.from(device, drawn.map((v) => Math.min(2, Math.floor(v + 1.5))), [2, 16, 16, 16], "i32");
  });
  return {
    labelled: { images: images("labelled"), labels },
    unlabelled: { images: images("strong"), weakImages: images("weak") },
  };
}

/** Takes one step. */
export async function takeStep(
  device: Device,
  { method: name, settings, salt }: GoldenStep,
): Promise<FoundStep> {
  const method = methodNamed(name);
  const config = resolveConfig({ method, settings, patch: [16, 16, 16] });
  using network = method.build(
    { device, random: new Random(0) },
    { modalities: 2, classes: 3 },
    config,
    config.settings,
  );
  for (const [key, tensor] of network.namedTensors()) tensor.write(parameter(key, tensor.shape));
  const context = { settings: config.settings, step: 0, progress: 1, factor: 1, random: new Fixed(0) };
  const kept = scope(() => {
    const found = Object.entries(method.losses(network, batchOf(device, salt), context));
    found.map(([, { value, weight }]) => value.mul(weight)).reduce((sum, term) => sum.add(term)).backward();
    return found.map(([key, { value, weight }]) => ({ key, value: value.detach(), weight }));
  });
  const terms: Record<string, readonly [number, number]> = {};
  for (const { key, value, weight } of kept) {
    terms[key] = [await value.item(), weight];
    value.dispose();
  }
  const gradients = new Map<string, ArrayLike<number>>();
  for (const [key, { grad }] of network.namedParameters()) gradients.set(key, await grad!.data());
  network.zeroGrad();
  return { terms, gradients };
}
