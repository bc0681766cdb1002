import assert from "node:assert/strict";
import {
  layerNorm,
  type RelativePositionForm,
  scope,
  selfAttention,
  Tensor,
  windowPartition,
  windowReverse,
} from "../../tensor/mod.ts";
import { openOracle } from "../../tensor/cpu/oracle.ts";
import { type Shape, sizeOf, type Triple } from "../../tensor/shape.ts";
import type { Device } from "../../tensor/device.ts";
import { testOnDevices } from "./devices.ts";
import { withCode } from "./refusals.ts";
import { around, assertClose } from "./tolerance.ts";

/** `s · sin(a i + phase)` at flat index i. */
function wave(device: Device, shape: Shape, phase: number, a = 0.37, s = 1): Tensor {
  return Tensor.from(
    device,
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => s * Math.sin(a * i + phase)),
    shape,
  );
}

function parts(device: Device, tableRows: number, form: RelativePositionForm) {
  return {
    x: wave(device, [1, 2, 2, 2, 8], 0.1),
    weights: {
      qkvWeight: wave(device, [24, 8], 0.3, 0.61, 0.5),
      qkvBias: wave(device, [24], 0.2, 0.5, 0.1),
      projWeight: wave(device, [8, 8], 0.7, 0.43, 0.5),
      projBias: wave(device, [8], 0.4, 0.3, 0.1),
    },
    positions: {
      form,
      tables: [0, 1, 2].map((phase) => wave(device, [tableRows, 4], phase, 0.7, 0.2)) as [
        Tensor,
        Tensor,
        Tensor,
      ],
    },
  };
}

/** First token and sum of the output, computed in float64 by an independent program. */
const known: Record<RelativePositionForm, Record<"global" | "window", { first: number[]; sum: number }>> = {
  axis: {
    global: {
      first: [
        0.22563785,
        -0.15529934,
        0.31747252,
        -0.12995082,
        0.29924234,
        -0.06001889,
        0.17719333,
        0.03032437,
      ],
      sum: 4.5465047841,
    },
    window: {
      first: [
        0.15565688,
        -0.10127781,
        0.28418533,
        -0.12034007,
        0.31415756,
        -0.09814175,
        0.23515422,
        -0.0423515,
      ],
      sum: 4.9759361736,
    },
  },
  "sam-med3d": {
    global: {
      first: [
        0.2958162,
        -0.2412955,
        0.41168549,
        -0.22405319,
        0.38491664,
        -0.12969253,
        0.22470798,
        0.00916844,
      ],
      sum: 4.6319310906,
    },
    window: {
      first: [
        0.16824332,
        -0.11407279,
        0.29605793,
        -0.13024089,
        0.32121148,
        -0.10172529,
        0.23495065,
        -0.0383788,
      ],
      sum: 4.8802605761,
    },
  },
};

for (const form of ["axis", "sam-med3d"] as const) {
  testOnDevices(`attention with ${form} positions gives the known values, globally`, async (device) => {
    const out = scope(() => {
      const { x, weights, positions } = parts(device, 3, form);
      return selfAttention(x, weights, { heads: 2, positions });
    });
    const data = Array.from(await out.data());
    out.dispose();
    assertClose(data.slice(0, 8), known[form].global.first, () => 1e-5, "first token");
    assertClose([data.reduce((a, b) => a + b, 0)], [known[form].global.sum], () => 1e-5, "sum");
    return ["selfAttention"];
  });

  testOnDevices(
    `attention with ${form} positions gives the known values in a zero-padded window`,
    async (device) => {
      const window: Triple = [3, 3, 3];
      const grid: Triple = [2, 2, 2];
      const { whole, part } = scope(() => {
        const { x, weights, positions } = parts(device, 5, form);
        const windows = windowPartition(x, window);
        return {
          whole: windowReverse(selfAttention(windows, weights, { heads: 2, positions }), grid),
          part: selfAttention(x, weights, { heads: 2, positions, window }),
        };
      });
      for (const out of [whole, part]) {
        assert.deepEqual(out.shape, [1, 2, 2, 2, 8]);
        const data = Array.from(await out.data());
        assertClose(data.slice(0, 8), known[form].window.first, () => 1e-5, "first token");
        assertClose([data.reduce((a, b) => a + b, 0)], [known[form].window.sum], () => 1e-5, "sum");
        out.dispose();
      }
      return ["windowPartition", "windowReverse"];
    },
  );
}

testOnDevices("attention in several windows is attention in each of them", async (device) => {
  const { within, each } = scope(() => {
    const { weights, positions } = parts(device, 3, "axis");
    const x = wave(device, [2, 3, 4, 3, 8], 0.1), options = { heads: 2, positions };
    const windows = windowPartition(x, [2, 2, 2]);
    return {
      within: selfAttention(x, weights, { ...options, window: [2, 2, 2] }),
      each: windowReverse(selfAttention(windows, weights, options), [3, 4, 3]),
    };
  });
  assertClose(Array.from(await within.data()), Array.from(await each.data()), () => 1e-6, "tokens");
  within.dispose();
  each.dispose();
  return ["selfAttention"];
});

Deno.test("the gradients of attention agree with central differences", async () => {
  using oracle = openOracle();
  for (const form of ["axis", "sam-med3d"] as const) {
    const { x, weights, positions } = parts(oracle, 5, form);
    const parameters = [x, weights.qkvWeight, weights.qkvBias, ...positions.tables];
    for (const parameter of parameters) parameter.asParameter();
    const loss = () =>
      scope(() => {
        const out = selfAttention(x, weights, { heads: 2, positions, window: [3, 3, 3] });
        return out.mul(wave(oracle, out.shape, 0.3)).sum();
      });
    scope(() => loss().backward());
    for (const parameter of parameters) {
      const values = Array.from(await parameter.data());
      const gradient = await parameter.grad!.data();
      for (let i = 0; i < values.length; i += 3) {
        const evaluate = async (value: number) => {
          parameter.write(values.map((v, k) => k === i ? value : v));
          using result = loss();
          return await result.item();
        };
        const slope = (await evaluate(values[i]! + 1e-6) - await evaluate(values[i]! - 1e-6)) / 2e-6;
        parameter.write(values);
        assertClose([gradient[i]!], [slope], () => 1e-5 + 1e-3 * Math.abs(slope), `${form} gradient ${i}`);
      }
    }
  }
});

testOnDevices("windows: reverse undoes partition, and padding is zero", async (device) => {
  using x = wave(device, [2, 3, 4, 5, 2], 0);
  using windows = scope(() => windowPartition(x, [2, 3, 2]));
  assert.deepEqual(windows.shape, [2 * 2 * 2 * 3, 2, 3, 2, 2]);
  using back = scope(() => windowReverse(windows, [3, 4, 5]));
  assert.deepEqual(await back.data(), await x.data());
  using sums = scope(() => windows.sum().sub(x.sum()));
  assert.ok(Math.abs(await sums.item()) < 1e-4);
  assert.throws(() => windowReverse(windows, [9, 9, 9]), withCode("shape.size"));
  return ["windowPartition", "windowReverse"];
});

testOnDevices("attention refuses tables of the wrong length and heads that do not divide", (device) => {
  scope(() => {
    const { x, weights, positions } = parts(device, 5, "axis");
    assert.throws(
      () => selfAttention(x, weights, { heads: 2, positions }),
      withCode("shape.positions", /\[3,4\]/),
    );
    assert.throws(() => selfAttention(x, weights, { heads: 3 }), withCode("shape.heads"));
  });
});

testOnDevices("layerNorm() gives each token mean 0 and variance 1", async (device) => {
  using y = scope(() => {
    const x = wave(device, [2, 3, 5], 0.4, 0.9, 3);
    return layerNorm(x, Tensor.full(device, [5], 1), Tensor.zeros(device, [5]), { epsilon: 0 });
  });
  const data = Array.from(await y.data());
  for (let token = 0; token < 6; token++) {
    const row = Array.from(data.slice(token * 5, token * 5 + 5));
    const mean = row.reduce((s, v) => s + v, 0) / 5;
    const variance = row.reduce((s, v) => s + (v - mean) ** 2, 0) / 5;
    assertClose([mean, variance], [0, 1], around([0, 1], 1e-5, 1e-5), `token ${token}`);
  }
});
