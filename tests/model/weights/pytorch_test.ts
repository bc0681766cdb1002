import assert from "node:assert/strict";
import golden from "../../golden/model/pytorch.json" with { type: "json" };
import { bytesSource } from "../../../model/mod.ts";
import { readPyTorch, StoredTensor } from "../../../model/weights/pytorch.ts";
import { withCode } from "../../tensor/refusals.ts";
import { checkpointFiles, dictionary, joined, type MadeFile, tensorCode, zipOf } from "./made_checkpoint.ts";

const read = (bytes: Uint8Array) => readPyTorch(bytesSource("made.pth", bytes));

Deno.test("a checkpoint that PyTorch saved is read: every type, strides, shared memory, and what lies beside", () => {
  const checkpoint = read(Uint8Array.fromBase64(golden.file));
  assert.ok(checkpoint instanceof Map);
  assert.equal(checkpoint.get("epoch"), 7);
  assert.equal(checkpoint.get("big"), 2n ** 70n);
  const state = checkpoint.get("model_state_dict");
  assert.ok(state instanceof Map);
  assert.deepEqual([...state.keys()], Object.keys(golden.tensors));
  for (const [name, { shape, values }] of Object.entries(golden.tensors)) {
    const tensor = state.get(name);
    assert.ok(tensor instanceof StoredTensor);
    assert.deepEqual(tensor.shape, shape, name);
    assert.deepEqual([...tensor.data()], values, name);
  }
});

const made = { w: { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) } };
const files = checkpointFiles(made);

/** The files with one replaced. */
const withFile = (name: string, changed: Partial<MadeFile>) =>
  files.map((file) => file.name === name ? { ...file, ...changed } : file);

for (
  const [what, bytes] of [
    ["stored", zipOf(files)],
    ["deflated", zipOf(files.map((file) => ({ ...file, isDeflated: true })))],
    ["with 64-bit sizes", zipOf(files, { isWide: true })],
    [
      "with a comment that looks like an end",
      zipOf([...files, { name: "made/x", bytes: joined("PK\x05\x06") }]),
    ],
  ] as const
) {
  Deno.test(`an archive ${what} is read`, () => {
    const dict = read(bytes);
    assert.ok(dict instanceof Map);
    assert.deepEqual([...(dict.get("w") as StoredTensor).data()], [1, 2, 3, 4, 5, 6]);
  });
}

/** Reads everything there is. */
function readAll(bytes: Uint8Array): void {
  const dict = read(bytes) as Map<string, StoredTensor>;
  for (const tensor of dict.values()) tensor.data();
}

Deno.test("an archive cut off anywhere is refused", () => {
  const whole = zipOf(files);
  for (let length = 4; length < whole.length; length += 7) {
    assert.throws(() => readAll(whole.slice(0, length)), withCode("weights.truncated"), `${length}`);
  }
});

Deno.test("an archive with any byte changed is read as before or refused with a code", () => {
  const whole = zipOf(files);
  let refused = 0;
  for (let at = 0; at < whole.length; at++) {
    const changed = whole.slice();
    changed[at]! ^= 0xff;
    try {
      readAll(changed);
    } catch (error) {
      assert.match((error as { code?: string }).code ?? String(error), /^weights\./, `byte ${at}: ${error}`);
      refused++;
    }
  }
  // Versions, times and attributes do not matter; all else does.
  assert.ok(refused > 0.6 * whole.length, `${refused} of ${whole.length}`);
});

const pickled = (bytes: Uint8Array) => withFile("made/data.pkl", { bytes });
const zeros = new Uint8Array(1e6);
const wrong: readonly [what: string, files: readonly MadeFile[], code: string][] = [
  ["with a file of another checksum", withFile("made/data/0", { claims: { crc: 1 } }), "weights.zip"],
  [
    "that unpacks to far more than it is",
    [...files, { name: "made/data/9", bytes: zeros, isDeflated: true }],
    "weights.bomb",
  ],
  [
    "that unpacks to more than it says",
    withFile("made/data/0", { bytes: zeros, isDeflated: true, claims: { size: 24 } }),
    "weights.bomb",
  ],
  ["whose files share bytes", [...files, {
    name: "made/data/9",
    bytes: zeros.slice(0, 24),
    claims: { offset: 0 },
  }], "weights.bomb"],
  ["with a name that stands twice", [...files, files[0]!], "weights.zip"],
  ["without a description", files.slice(1), "weights.format"],
  ["with two descriptions", [...files, { ...files[0]!, name: "other/data.pkl" }], "weights.format"],
  [
    "with numbers in big-endian order",
    withFile("made/byteorder", { bytes: joined("big") }),
    "weights.format",
  ],
  ["without the numbers of a tensor", files.slice(0, 2), "weights.truncated"],
  [
    "with fewer numbers than a tensor has",
    withFile("made/data/0", { bytes: new Uint8Array(20) }),
    "weights.zip",
  ],
  [
    "with a tensor beyond its memory",
    pickled(dictionary({ w: tensorCode([2, 4], "0", 6) })),
    "weights.pickle",
  ],
  ["that calls os.system", pickled(joined(0x80, 2, "cos\nsystem\nX\x04\0\0\0true\x85R.")), "weights.unsafe"],
  [
    "that calls eval in another protocol",
    pickled(joined(0x80, 4, "\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.")),
    "weights.unsafe",
  ],
  [
    "that names a function and calls it later",
    pickled(joined(0x80, 2, "cposix\nsystem\n.")),
    "weights.unsafe",
  ],
  [
    "that makes an object of the oldest protocol",
    pickled(joined("(S'true'\nios\nsystem\n.")),
    "weights.unsafe",
  ],
  ["that calls what is no function", pickled(joined(0x80, 2, "K\x01)R.")), "weights.unsafe"],
  ["with a reference to nothing", pickled(joined(0x80, 2, "K\x01Q.")), "weights.pickle"],
  ["with a pickle that ends early", pickled(joined(0x80, 2, "}(")), "weights.pickle"],
  ["with an empty pickle", pickled(new Uint8Array()), "weights.pickle"],
  ["with a memory that holds nothing", pickled(joined(0x80, 2, "h\x05.")), "weights.pickle"],
];

for (const [what, files, code] of wrong) {
  Deno.test(`an archive ${what} is refused`, () => {
    assert.throws(() => readAll(zipOf(files)), withCode(code));
  });
}
