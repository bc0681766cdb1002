/**
 * Tensors without any medicine: values and gradients, lifetimes, a network of two layers that learns XOR.
 *
 * Takes a few seconds. Needs no permission.
 *
 * ```sh
 * deno run examples/tensor_tour.ts [STEPS]
 * ```
 *
 * @module
 */

import { Adam, type Init, Linear, Module, openDevice, Random, scope, tanh, Tensor } from "../mod.ts";

using device = await openDevice("auto");
console.log(device.description);

// Values are computed when they are asked for; gradients are added up in parameters.
using x = Tensor.from(device, [1, 2, 3]).asParameter();
scope(() => x.square().sum().backward()); // the scope frees what was made on the way
console.log(`x² summed has the gradient ${[...await x.grad!.data()]}`);

/** A module is a class whose fields are its parameters. */
class Xor extends Module {
  readonly hidden: Linear;
  readonly out: Linear;
  constructor(init: Init) {
    super();
    this.hidden = new Linear(init, 2, 8);
    this.out = new Linear(init, 8, 1);
  }
  forward(input: Tensor): Tensor {
    return this.out.forward(tanh(this.hidden.forward(input)));
  }
}

using network = new Xor({ device, random: new Random(1) });
using optimizer = new Adam(network);
using inputs = Tensor.from(device, [0, 0, 0, 1, 1, 0, 1, 1], [4, 2]);
using targets = Tensor.from(device, [0, 1, 1, 0], [4, 1]);
for (let step = 0; step < Number(Deno.args[0] ?? 200); step++) {
  scope(() => network.forward(inputs).sub(targets).square().mean().backward());
  optimizer.step(0.05);
  network.zeroGrad();
}
using outputs = scope(() => network.forward(inputs));
console.log(`0⊕0, 0⊕1, 1⊕0, 1⊕1 ≈ ${[...await outputs.data()].map((y) => y.toFixed(2)).join(", ")}`);
const { liveBuffers, peakBytes } = device.stats();
console.log(`${liveBuffers} buffers live, ${peakBytes} bytes at most`);
