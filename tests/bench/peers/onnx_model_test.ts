import assert from "node:assert/strict";
import { onnxModel, varint } from "./onnx_model.ts";

Deno.test("varint() has seven bits a byte, the lowest first, and 64 bits for negative numbers", () => {
  assert.deepEqual(varint(0), [0]);
  assert.deepEqual(varint(127), [127]);
  assert.deepEqual(varint(300), [0xac, 0x02]); // the example of the Protocol Buffers documentation
  assert.deepEqual(varint(-1), [...new Array(9).fill(0xff), 1]);
});

Deno.test("onnxModel() writes the bytes of a model with one node", () => {
  const text = (value: string) => [...new TextEncoder().encode(value)];
  const axis = [0x0a, 4, ...text("axis"), 0x18, 1, 0xa0, 0x01, 2];
  const node = [0x0a, 1, ...text("x"), 0x12, 1, ...text("y"), 0x22, 7, ...text("Softmax"), 0x2a, 11, ...axis];
  const vector = (name: string) => {
    const shape = [0x0a, 2, 0x08, 3];
    return [0x0a, 1, ...text(name), 0x12, 10, 0x0a, 8, 0x08, 1, 0x12, 4, ...shape];
  };
  const graph = [
    ...[0x0a, node.length, ...node, 0x12, 5, ...text("graph")],
    ...[0x5a, 15, ...vector("x"), 0x62, 15, ...vector("y")],
  ];
  assert.deepEqual(
    [...onnxModel(
      [{ operator: "Softmax", inputs: ["x"], output: "y", attributes: { axis: 1 } }],
      { x: [3] },
      { y: [3] },
    )],
    [0x08, 9, 0x3a, graph.length, ...graph, 0x42, 4, 0x0a, 0, 0x10, 20],
  );
});
