/**
 * Reverse-mode differentiation.
 *
 * Each op that has an input with a gradient leaves a {@link GraphNode}: the op, its attributes, the values
 * its gradient will read, and an edge for each input, to the node that made it or to the parameter it is.
 * Nodes are numbered as they are made, so every edge points to a smaller number. `backward` starts with
 * gradient 1 at the loss and visits the reachable nodes from the highest number to the lowest: when a node
 * is visited, all that its value fed into has been visited, so its gradient is complete. The op's row turns
 * it into the inputs' gradients, which add up at the other end of the edges. A visited node lets go of its
 * saved values at once.
 *
 * A node lives as long as an output tensor of it or a later node needs it.
 *
 * @module
 */

import { CodedError, ShapeError } from "./errors.ts";
import { ParameterGradients, plus } from "./gradient_sums.ts";
import { type AnyOp, resultsOf } from "./ops/op.ts";
import { scope } from "./scope.ts";
import { sameShape, shapeText } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/** What ops do now: leave nodes, leave none, or compute a gradient, which leaves none either. */
let mode: "recording" | "plain" | "gradient" = "recording";
let nodesMade = 0;

/** Whether ops leave nodes right now. */
export function isRecording(): boolean {
  return mode === "recording";
}

/** Whether ops are part of a gradient right now. */
export function isDifferentiating(): boolean {
  return mode === "gradient";
}

/** Runs a function whose ops leave no nodes: nothing made inside carries a gradient. */
export function noGrad<T>(body: () => T): T {
  return inMode(mode === "gradient" ? mode : "plain", body);
}

/** Runs a function whose ops leave nodes, wherever it is called. */
export function withRecording<T>(body: () => T): T {
  return inMode("recording", body);
}

function inMode<T>(next: typeof mode, body: () => T): T {
  const before = mode;
  mode = next;
  try {
    return scope(body);
  } finally {
    mode = before;
  }
}

/** Where an input's gradient goes: to the node that made it, as one of its outputs, to a parameter, or nowhere. */
export type Edge = { readonly node: GraphNode; readonly output: number } | Tensor | null;

/** Where the gradient of an input goes. */
export function edgeOf(input: Tensor): Edge {
  if (input.node) return { node: input.node, output: input.output };
  return input.requiresGrad ? input : null;
}

/** What `backward` needs of one op. */
export class GraphNode {
  /** Number in order of making. */
  readonly id: number = nodesMade++;
  #owners: number; // the output tensors, and nodes with an edge to it
  #spent = false;
  readonly #op: AnyOp;
  readonly #attributes: unknown;
  readonly #inputs: readonly (Tensor | number)[];
  readonly #outputs: readonly Tensor[];
  /** The tensors among them. */
  readonly #saved: readonly Tensor[];
  /** How often each had been overwritten. */
  readonly #versions: readonly number[];
  /** One edge an input. */
  readonly edges: readonly Edge[];

  /** Takes ownership of the given tensors, which are aliases or hollow; numbers stand where the op took some. */
  constructor(
    op: AnyOp,
    attributes: unknown,
    inputs: readonly (Tensor | number)[],
    outputs: readonly Tensor[],
    edges: readonly Edge[],
  ) {
    this.#op = op;
    this.#attributes = attributes;
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.edges = edges;
    this.#saved = [...inputs, ...outputs].filter((saved) => typeof saved !== "number");
    this.#versions = this.#saved.map((tensor) => tensor.version);
    this.#owners = resultsOf(op, outputs).length;
    for (const node of this.behind()) node.#owners++;
  }

  /** The nodes at the other end of its edges. */
  *behind(): Generator<GraphNode> {
    for (const edge of this.edges) if (edge && !(edge instanceof Tensor)) yield edge.node;
  }

  /** The gradients of the inputs from those of the outputs. */
  gradients(ofOutputs: readonly (Tensor | undefined)[]): readonly (Tensor | null)[] {
    if (this.#spent) {
      throw new CodedError("autograd.twice", `backward: the values saved for ${this.#op.name} are gone`, {
        fix: "Add the losses and call backward() once.",
      });
    }
    if (typeof this.#op.gradient === "string") {
      throw new CodedError("autograd.none", `${this.#op.name} has no gradient: ${this.#op.gradient}`);
    }
    const changed = this.#saved.find((tensor, i) => tensor.version !== this.#versions[i]);
    if (changed !== undefined) {
      throw new CodedError(
        "autograd.changed",
        `backward: ${
          shapeText(changed.shape)
        } that the gradient of ${this.#op.name} needs was overwritten since`,
        { fix: "Call backward() before the optimiser's step, or compute the loss again after it." },
      );
    }
    const wants = this.edges.map((edge) => edge !== null);
    const context = { outputs: this.#outputs, attributes: this.#attributes, wants, gradients: ofOutputs };
    const first = ofOutputs.find((gradient) => gradient !== undefined)!;
    return this.#op.gradient(first, this.#inputs as readonly Tensor[], context);
  }

  /** Lets go of the saved values. */
  spend(): void {
    if (this.#spent) return;
    this.#spent = true;
    for (const saved of this.#saved) saved.dispose();
  }

  /** One owner less; without owners the node and, through it, the graph behind it are gone. */
  release(): void {
    const left: GraphNode[] = [this]; // no recursion: graphs are longer than stacks are deep
    for (let node; (node = left.pop());) {
      if (--node.#owners > 0) continue;
      node.spend();
      left.push(...node.behind());
    }
  }
}

/** The nodes behind a node, itself first, each before those it was made of. */
export function reachable(root: GraphNode): GraphNode[] {
  const seen = new Set([root]);
  for (const node of seen) {
    for (const behind of node.behind()) seen.add(behind);
  }
  return [...seen].sort((a, b) => b.id - a.id);
}

/**
 * Adds the gradients of a scalar to the `grad` of every parameter it depends on.
 *
 * @throws {ShapeError} `autograd.scalar` when the loss is no scalar
 * @throws {CodedError} `autograd.constant` when nothing it depends on has a gradient
 */
export function backward(loss: Tensor): void {
  if (!sameShape(loss.shape, [])) {
    throw new ShapeError(
      "autograd.scalar",
      `backward: the loss must be a scalar, got ${shapeText(loss.shape)}`,
      {
        fix: "Reduce it with sum() or mean().",
      },
    );
  }
  if (!loss.node) {
    throw new CodedError(
      "autograd.constant",
      "backward: the loss depends on nothing that requires a gradient",
    );
  }
  propagate(loss, Tensor.full(loss.device, [], 1));
}

/** Sends a gradient, which it takes over, from a tensor that a node made to the parameters behind it. */
export function propagate(result: Tensor, gradient: Tensor): void {
  const root = result.node!;
  inMode("gradient", () => {
    const pending = new Map<GraphNode, (Tensor | undefined)[]>();
    const add = (node: GraphNode, output: number, gradient: Tensor) => {
      const sums = pending.get(node) ?? [];
      const sum = sums[output];
      sums[output] = sum ? plus(sum, gradient) : gradient;
      pending.set(node, sums);
    };
    add(root, result.output, gradient);
    const parameters = new ParameterGradients();
    for (const node of reachable(root)) {
      const ofOutputs = pending.get(node);
      pending.delete(node);
      if (!ofOutputs) continue; // every path to it had no gradient
      // Rows may return g itself, or one tensor twice: each edge gets a handle of its own.
      const gradients = scope(() => node.gradients(ofOutputs).map((gradient) => gradient?.alias() ?? null));
      for (const g of ofOutputs) g?.dispose();
      node.spend();
      gradients.forEach((gradient, i) => {
        const edge = node.edges[i]!;
        if (!gradient || !edge) return gradient?.dispose();
        if (edge instanceof Tensor) parameters.add(edge, gradient);
        else add(edge.node, edge.output, gradient);
      });
    }
    parameters.flush();
  });
}
