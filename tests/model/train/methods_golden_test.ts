/** Loss terms and all gradients of one step, held against PyTorch (tests/golden/model/methods.py). */

import assert from "node:assert/strict";
import { methodNamed, resolveConfig, type StepBatch } from "../../../model/mod.ts";
import { openDevice, Random, scope, Tensor } from "../../../tensor/mod.ts";
import golden from "../../golden/model/methods.json" with { type: "json" };
import { stream } from "../digest.ts";

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

for (const [name, expected] of Object.entries(golden)) {
  Deno.test(`one step of ${name} has PyTorch's loss terms and gradients to 1e-4`, async () => {
    using device = await openDevice("cpu");
    const method = methodNamed(name);
    const settings = name === "mean-teacher" ? { noise: 0 } : {};
    const config = resolveConfig({ method, settings, patch: [16, 16, 16] });
    using network = method.build(
      { device, random: new Random(0) },
      { modalities: 2, classes: 3 },
      config,
      config.settings,
    );
    for (const [key, tensor] of network.namedTensors()) tensor.write(parameter(key, tensor.shape));
    const context = { settings: config.settings, step: 0, progress: 1, factor: 1, random: new Fixed(0) };
    const terms = scope(() => {
      const images = (what: string) =>
        [0, 1].map((m) =>
          Tensor.from(device, stream(shape, seedOf(`${what}/${m}/${expected.salt}`), 1.7), shape)
        );
      const labels = [0, 1].map((m) => {
        const drawn = stream([2, 16, 16, 16], seedOf(`labels/${m}`), 1.5);
        return Tensor.from(
          device,
          drawn.map((v) => Math.min(2, Math.floor(v + 1.5))),
          [2, 16, 16, 16],
          "i32",
        );
      });
      const batch: StepBatch = {
        labelled: { images: images("labelled"), labels },
        unlabelled: { images: images("strong"), weakImages: images("weak") },
      };
      const found = Object.entries(method.losses(network, batch, context));
      found.map(([, { value, weight }]) => value.mul(weight)).reduce((sum, term) => sum.add(term)).backward();
      return found.map(([key, { value, weight }]) => ({ key, value: value.detach(), weight }));
    });
    assert.deepEqual(terms.map(({ key }) => key).sort(), Object.keys(expected.terms).sort());
    for (const { key, value, weight } of terms) {
      const [wanted, factor] = expected.terms[key as keyof typeof expected.terms] as unknown as number[];
      const found = await value.item();
      assert.ok(
        Math.abs(found - wanted!) < 1e-4 * Math.abs(wanted!),
        `${key}: ${found}, PyTorch has ${wanted}`,
      );
      assert.ok(Math.abs(weight - factor!) < 1e-12, `${key} has weight ${weight}`);
    }
    const gradients = new Map(Object.entries(expected.gradients as unknown as Record<string, number[]>));
    const parameters = [...network.namedParameters()];
    assert.deepEqual(parameters.map(([key]) => key).sort(), [...gradients.keys()].sort());
    const whole = Math.sqrt([...gradients.values()].reduce((sum, [, squares]) => sum + squares!, 0));
    for (const [key, { grad }] of parameters) {
      const [product, squares] = gradients.get(key)! as [number, number];
      const data = await grad!.data();
      const weights = stream([data.length], 99);
      let [p, s] = [0, 0];
      data.forEach((value, i) => {
        p += value * weights[i]!;
        s += value * value;
      });
      // What is 0 but for rounding, as the shift before a norm, is measured by the whole gradient.
      const norm = Math.max(Math.sqrt(squares), 1e-3 * whole);
      assert.ok(
        Math.abs(p - product) < 1e-4 * norm * Math.sqrt(data.length),
        `${key}: ${p}, PyTorch has ${product}`,
      );
      assert.ok(
        Math.abs(Math.sqrt(s) - Math.sqrt(squares)) < 1e-4 * norm,
        `${key}: norm ${Math.sqrt(s)} of ${Math.sqrt(squares)}`,
      );
    }
    network.zeroGrad();
    for (const { value } of terms) value.dispose();
  });
}
