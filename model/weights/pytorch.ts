/**
 * Checkpoints as PyTorch's `torch.save` writes them: a zip archive of a pickle that describes, and one file of
 * numbers for each block of memory. Numbers are read only when they are asked for.
 *
 * @module
 */

import { ParameterFileError } from "../../tensor/errors.ts";
import { type Shape, shapeText, sizeOf, stridesOf } from "../../tensor/shape.ts";
import type { ByteSource } from "./byte_source.ts";
import { PickleName, type PickleObject, type PickleValue, unpickle } from "./pickle.ts";
import { openZip, type ZipArchive } from "./zip.ts";

/** Largest description that is read, in bytes; that of a network with thousands of tensors takes a few million. */
const largestPickle = 2 ** 26;

type Numbers =
  | Float32Array
  | Float64Array
  | Float16Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;
type Decode = (bytes: Uint8Array<ArrayBuffer>) => Numbers;

/** A 16-bit float with the exponent of a 32-bit one is the upper half of one. */
const fromBfloat16: Decode = (bytes) => {
  const wide = Uint32Array.from(new Uint16Array(bytes.buffer), (half) => half << 16);
  return new Float32Array(wide.buffer);
};

/** Bytes of an element and how to read them, by the name of PyTorch's storage. */
const storages: Readonly<Record<string, { readonly bytes: number; readonly decode: Decode }>> = {
  FloatStorage: { bytes: 4, decode: (bytes) => new Float32Array(bytes.buffer) },
  DoubleStorage: { bytes: 8, decode: (bytes) => new Float64Array(bytes.buffer) },
  HalfStorage: { bytes: 2, decode: (bytes) => new Float16Array(bytes.buffer) },
  BFloat16Storage: { bytes: 2, decode: fromBfloat16 },
  LongStorage: { bytes: 8, decode: (bytes) => Float64Array.from(new BigInt64Array(bytes.buffer), Number) },
  IntStorage: { bytes: 4, decode: (bytes) => new Int32Array(bytes.buffer) },
  ShortStorage: { bytes: 2, decode: (bytes) => new Int16Array(bytes.buffer) },
  CharStorage: { bytes: 1, decode: (bytes) => new Int8Array(bytes.buffer) },
  ByteStorage: { bytes: 1, decode: (bytes) => bytes },
  BoolStorage: { bytes: 1, decode: (bytes) => bytes },
};

/** A block of memory in the archive. */
interface Block extends PickleObject {
  readonly kind: "storage";
  readonly type: string;
  readonly key: string;
  readonly count: number;
}

/** A tensor whose numbers are still in the file. */
export class StoredTensor implements PickleObject {
  /** So that it is told from other objects. */
  readonly kind = "tensor";
  /** Sizes of the axes. */
  readonly shape: Shape;
  readonly #read: () => Float32Array<ArrayBuffer>;

  /** `read` gives the numbers in row-major order. */
  constructor(shape: Shape, read: () => Float32Array<ArrayBuffer>) {
    this.shape = shape;
    this.#read = read;
  }

  /**
   * The numbers as f32, in row-major order.
   *
   * @throws {ParameterFileError} where the file does not hold what it describes
   */
  data(): Float32Array<ArrayBuffer> {
    return this.#read();
  }
}

function refuse(code: string, problem: string, fix = "Copy or download the file again."): never {
  throw new ParameterFileError(`weights.${code}`, problem, { fix });
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const areCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);

/** Objects that training scripts save beside the weights; they are passed over, whatever they hold. */
const passedOver = new Set([
  "argparse.Namespace",
  "numpy.core.multiarray.scalar",
  "numpy._core.multiarray.scalar",
  "numpy.dtype",
  "_codecs.encode",
  "torch.device",
  "torch.Size",
]);

function orderedDict(pairs: PickleValue): Map<PickleValue, PickleValue> {
  const arePairs = Array.isArray(pairs) && pairs.every((pair) => Array.isArray(pair) && pair.length === 2);
  return arePairs
    ? new Map(pairs as unknown as [PickleValue, PickleValue][])
    : refuse("pickle", "an ordered dictionary of something else than pairs");
}

/** Reads tensors out of an archive. */
class Reader {
  readonly #archive: ZipArchive;
  readonly #folder: string;

  constructor(archive: ZipArchive, folder: string) {
    this.#archive = archive;
    this.#folder = folder;
  }

  name(module: string, name: string): PickleName | undefined {
    const full = `${module}.${name}`;
    if (full === "collections.OrderedDict") {
      return new PickleName(full, ([pairs = []]) => orderedDict(pairs));
    }
    if (full === "torch._utils._rebuild_tensor_v2") return new PickleName(full, (args) => this.#tensor(args));
    if (full === "torch._utils._rebuild_parameter") return new PickleName(full, ([tensor]) => tensor ?? null);
    if (module === "torch" && Object.hasOwn(storages, name)) return new PickleName(name);
    if (passedOver.has(full)) return new PickleName(full, () => ({ kind: full }));
    return undefined;
  }

  reference(id: PickleValue): PickleValue {
    const [what, type, key, , count] = Array.isArray(id) ? id : [];
    const known = type instanceof PickleName && Object.hasOwn(storages, type.name);
    if (what !== "storage" || !known || typeof key !== "string" || !isCount(count)) {
      refuse("pickle", "the pickle refers to something that is no block of numbers");
    }
    return { kind: "storage", type: (type as PickleName).name, key, count } as Block;
  }

  #tensor([storage, offset, shape, strides]: readonly PickleValue[]): StoredTensor {
    const isBlock = (storage as Block | null | undefined)?.kind === "storage";
    const fits = isCount(offset) && areCounts(shape) && areCounts(strides) && shape.length === strides.length;
    if (!isBlock || !fits) refuse("pickle", "the pickle describes a tensor without memory, shape or strides");
    const [block, sizes, steps] = [storage as Block, shape as number[], strides as number[]];
    const last = sizes.reduce((at, n, axis) => at + (n - 1) * steps[axis]!, offset as number);
    const isEmpty = sizes.includes(0);
    if (!isEmpty && !(last < block.count)) {
      refuse("pickle", `a tensor ${shapeText(sizes)} reaches beyond its ${block.count} numbers`);
    }
    return new StoredTensor(sizes, () => this.#numbers(block, offset as number, sizes, steps));
  }

  #numbers({ type, key, count }: Block, offset: number, shape: Shape, strides: readonly number[]) {
    const name = `${this.#folder}data/${key}`;
    const entry = this.#archive.entries.get(name);
    const { bytes, decode } = storages[type]!;
    if (!entry) return refuse("truncated", `the archive has no ${name}`);
    if (entry.size !== count * bytes) {
      refuse("zip", `${name} has ${entry.size} bytes, ${count} numbers of ${bytes} were announced`);
    }
    return dense(decode(this.#archive.read(entry)), offset, shape, strides);
  }
}

/** Row-major f32 numbers from strided ones. */
function dense(
  data: Numbers,
  offset: number,
  shape: Shape,
  strides: readonly number[],
): Float32Array<ArrayBuffer> {
  const own = stridesOf(shape);
  if (shape.every((n, axis) => n === 1 || strides[axis] === own[axis])) {
    return new Float32Array(data.subarray(offset, offset + sizeOf(shape)));
  }
  const out = new Float32Array(sizeOf(shape));
  for (let i = 0; i < out.length; i++) {
    let at = offset;
    for (let axis = 0; axis < shape.length; axis++) {
      at += Math.floor(i / own[axis]!) % shape[axis]! * strides[axis]!;
    }
    out[i] = data[at]!;
  }
  return out;
}

/** Whether bytes begin as PyTorch before 1.6 wrote them: a pickled magic number. */
export function isLegacy(source: ByteSource): boolean {
  if (source.size < 14) return false;
  const [proto, , op, length, ...magic] = source.read(0, 14);
  return proto === 0x80 && op === 0x8a && length === 10 &&
    magic.join() === "108,252,156,70,249,32,106,168,80,25";
}

/**
 * What a checkpoint holds, its tensors not yet read.
 *
 * @throws {ParameterFileError} `weights.unsafe` where the pickle would run code, `weights.bomb`, `weights.truncated`,
 * `weights.zip`, `weights.pickle` where the file is damaged
 */
export function readPyTorch(source: ByteSource): PickleValue {
  const archive = openZip(source);
  const pickles = [...archive.entries.values()].filter(({ name }) => /^([^/]+\/)?data\.pkl$/.test(name));
  const [entry] = pickles;
  if (!entry || pickles.length > 1) {
    return refuse(
      "format",
      `${source.name}: an archive with ${pickles.length} files data.pkl is no PyTorch checkpoint`,
      "Give a file that torch.save wrote, or one of safetensors.",
    );
  }
  const folder = entry.name.slice(0, -"data.pkl".length);
  if (entry.size > largestPickle) refuse("bomb", `${source.name}: a description of ${entry.size} bytes`);
  const order = archive.entries.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(archive.read(order)) !== "little") {
    refuse("format", `${source.name}: numbers in big-endian order`, "Save it on a little-endian machine.");
  }
  return unpickle(archive.read(entry), new Reader(archive, folder));
}
