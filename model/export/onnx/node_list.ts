/**
 * The nodes and constants of a model in the making.
 *
 * @module
 */

import type { Shape } from "../../../tensor/shape.ts";
import type { OnnxConstant, OnnxNode } from "./model.ts";

/** Makes nodes; gives their outputs names. */
export class NodeList {
  /** In order. */
  readonly nodes: OnnxNode[] = [];
  /** By name. */
  readonly constants = new Map<string, OnnxConstant>();
  #count = 0;

  /** A name that nothing has yet. */
  newName(): string {
    return `t${this.#count++}`;
  }

  /** Adds a node, and gives the name of its output. */
  add(operator: string, inputs: readonly string[], attributes: OnnxNode["attributes"] = {}): string {
    const output = this.newName();
    this.nodes.push({ operator, inputs, output, attributes });
    return output;
  }

  /** A constant. */
  constant(data: OnnxConstant["data"], shape: Shape = [data.length]): string {
    const name = this.newName();
    this.constants.set(name, { shape, data });
    return name;
  }

  /** A list of whole numbers. */
  integers(values: readonly number[]): string {
    return this.constant(BigInt64Array.from(values, BigInt));
  }

  /** A tensor in another shape. */
  reshape(x: string, shape: Shape): string {
    return this.add("Reshape", [x, this.integers(shape)]);
  }
}
