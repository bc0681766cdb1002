import assert from "node:assert/strict";
import { checkRoom, checkVersion } from "../../examples/doctor.ts";
import { checkComputation, distance } from "../../examples/doctor_devices.ts";
import { openReferenceCpu } from "../../tensor/cpu/open.ts";
import { inFreshFolder, runExample } from "./run_example.ts";

Deno.test("doctor finds nothing amiss on a machine that passes the tests, and leaves nothing behind", async () => {
  await inFreshFolder(async (folder) => {
    const { code, stdout, stderr } = await runExample("doctor", ["--json"], folder);
    assert.equal(code, 0, stderr);
    const { findings } = JSON.parse(stdout) as {
      findings: { check: string; state: string; found: string }[];
    };
    const states = Object.fromEntries(findings.map(({ check, state }) => [check, state]));
    for (const check of ["deno", "writing", "cpu", "cpu matmul", "cpu conv3d"]) {
      assert.equal(states[check], "ok", check);
    }
    assert.ok("webgpu" in states);
    assert.doesNotMatch(
      findings.map(({ found }) => found).join(),
      /not looked at/,
      "the task allows all of it",
    );
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});

Deno.test({
  name: "doctor says when runs cannot be written, and ends with 1",
  ignore: Deno.build.os === "windows",
  async fn() {
    await inFreshFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/runs`, "a file in the way");
      const { code, stdout } = await runExample("doctor", [], folder);
      assert.equal(code, 1);
      assert.match(stdout, /^fault {2}writing +runs\/ cannot be written: .*--out DIR/m);
    });
  },
});

Deno.test("doctor sees a device that computes wrongly", async () => {
  using device = openReferenceCpu();
  const read = device.read.bind(device);
  device.read = async (buffer) => {
    const values = await read(buffer);
    values[values.length - 1]! *= 1.001;
    values[0]! += 1e-3;
    return values;
  };
  assert.deepEqual((await checkComputation(device)).map(({ state }) => state), ["fault", "fault"]);
});

Deno.test("doctor takes NaN for a wrong number, an old Deno for a fault and little room for a note", () => {
  assert.equal(distance([NaN, 1], [1, 1]), Infinity);
  assert.equal(distance([1, 2.5], [1, 2]), 0.25);
  assert.deepEqual(["1.46.3", "2.8.9", "2.9.0", "3.0.0"].map((version) => checkVersion(version).state), [
    "fault",
    "fault",
    "ok",
    "ok",
  ]);
  assert.equal(checkRoom("disk", 1, 10, 2, "Free some.").fix, "Free some.");
  assert.equal(checkRoom("disk", 2, 10, 2, "Free some.").fix, undefined);
});
