/** ONNX Runtime, the WebAssembly build from npm, in one thread. */

interface Session {
  run(feeds: Record<string, unknown>): Promise<Record<string, { readonly data: Float32Array }>>;
}

/** What is used of the package. */
interface Runtime {
  readonly env: { readonly wasm: { wasmPaths: string; numThreads: number }; logLevel: string };
  readonly Tensor: new (
    dtype: "float32" | "int32",
    data: Float32Array | Int32Array,
    shape: readonly number[],
  ) => unknown;
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
}

const entry = "npm:onnxruntime-web@1.30.0/wasm";
const runtime: Runtime = await import(entry);
runtime.env.wasm.wasmPaths = new URL("./", import.meta.resolve(entry)).href;
runtime.env.wasm.numThreads = 1;
runtime.env.logLevel = "error";

/** An input of a model. */
export interface Feed {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** Opens a model; the function runs it. */
export async function openModel(
  bytes: Uint8Array,
): Promise<(feeds: Readonly<Record<string, Feed>>) => Promise<Record<string, Float32Array>>> {
  const session = await runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  return async (feeds) => {
    const outputs = await session.run(Object.fromEntries(
      Object.entries(feeds).map(([name, { shape, data }]) => {
        const type = data instanceof Int32Array ? "int32" : "float32";
        return [name, new runtime.Tensor(type, data, shape)];
      }),
    ));
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
  };
}
