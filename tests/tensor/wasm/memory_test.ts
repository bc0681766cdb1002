import assert from "node:assert/strict";
import { WasmMemory } from "../../../tensor/cpu/wasm/memory.ts";
import { openFastCpu } from "../../../tensor/cpu/wasm/open.ts";
import { DeviceError, OutOfMemoryError } from "../../../tensor/errors.ts";
import { Random } from "../../../tensor/random.ts";

Deno.test("WasmMemory hands out aligned blocks that never overlap, and joins what comes back", () => {
  const memory = new WasmMemory({ limit: 64 * 2 ** 20 });
  const random = new Random(5);
  const live: { address: number; bytes: number }[] = [];
  for (let i = 0; i < 2000; i++) {
    if (live.length > 0 && random.integer(2) === 0) {
      const [block] = live.splice(random.integer(live.length), 1);
      memory.release(block!.address, block!.bytes);
      continue;
    }
    const bytes = random.integer(20000);
    const address = memory.allocate(bytes);
    assert.equal(address % 64, 0);
    for (const other of live) {
      assert.ok(address + bytes <= other.address || other.address + other.bytes <= address, "overlap");
    }
    live.push({ address, bytes: Math.max(bytes, 1) });
  }
  for (const { address, bytes } of live) memory.release(address, bytes);
  const before = memory.memory.buffer.byteLength;
  memory.allocate(before - 1024);
  assert.equal(memory.memory.buffer.byteLength, before, "the pieces did not join");
});

Deno.test("a buffer beyond the limit is a typed error with its size, and the device goes on", async () => {
  using device = await openFastCpu({ threads: 1, memoryLimit: 32 * 2 ** 20 });
  assert.throws(() => device.allocate("f32", 2 ** 24), (error) => {
    assert.ok(error instanceof OutOfMemoryError);
    assert.equal(error.code, "memory.full");
    assert.match(error.message, /64\.0 MiB/);
    return true;
  });
  const buffer = device.allocate("f32", 1000);
  device.write(buffer, new Float32Array(1000).fill(2));
  assert.equal((await device.read(buffer))[999], 2);
  device.release(buffer);
});

Deno.test("a number of threads that is none is refused", async () => {
  for (const threads of [0, 1.5, -2]) {
    await assert.rejects(openFastCpu({ threads }), DeviceError);
  }
});
