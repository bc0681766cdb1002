import assert from "node:assert/strict";
import { withDataset } from "../data/make_dataset.ts";

const root = new URL("../../", import.meta.url);

/** Serves the repository as code hosts do: all of it as plain text. */
function serveRepository(): { server: Deno.HttpServer<Deno.NetAddr>; address: string } {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const path = new URL(request.url).pathname.slice(1);
    try {
      const body = await Deno.readFile(new URL(path, root));
      return new Response(body, { headers: { "content-type": "text/plain; charset=utf-8" } });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
  return { server, address: `http://127.0.0.1:${server.addr.port}` };
}

/** What a program asked for of kinds that it was not given: on a terminal Deno asks the user for each. */
async function askedBeyond(permissions: readonly string[], log: string): Promise<string[]> {
  const given = ["import", ...permissions.map((option) => /^--allow-(\w+)/.exec(option)![1])];
  const lines = (await Deno.readTextFile(log)).trim().split("\n").filter(Boolean);
  return lines.map((line): { permission: string; value: string | null } => JSON.parse(line))
    .filter(({ permission, value }) =>
      !given.includes(permission) ||
      permission === "env" && !permissions.some((option) => value !== null && option.includes(value))
    ).map(({ permission, value }) => `${permission} ${value}`);
}

/** Runs a program from a URL, in a folder of its own, with these permissions and without settings. */
async function runRemote(url: string, permissions: readonly string[], args: readonly string[], cwd: string) {
  const log = await Deno.makeTempFile();
  const alone = !permissions.some((option) => option.startsWith("--allow-run")); // others would write to the log, too
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      ...["--no-config", "--no-prompt", "--quiet", `--allow-import=${new URL(url).host}`],
      ...permissions,
      url,
      ...args,
    ],
    cwd,
    env: { NO_COLOR: "1", ...(alone && { DENO_AUDIT_PERMISSIONS: log }) },
  }).output();
  assert.deepEqual(await askedBeyond(permissions, log), [], url);
  await Deno.remove(log);
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Calls a function with the repository's address and an empty folder. */
async function withRepository(body: (address: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const { server, address } = serveRepository();
  try {
    await body(address, folder);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("examples/train.ts trains the phantom when run from a URL, in another folder and without settings", async () => {
  await withRepository(async (address, folder) => {
    const { code, stdout, stderr } = await runRemote(
      `${address}/examples/train.ts`,
      ["--allow-write=runs", "--allow-read=runs"],
      ["--steps=2", "--batch=1", "--validations=1", "--device=cpu", "--json"],
      folder,
    );
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout);
    assert.equal(result.finished, true);
    assert.ok((await Deno.stat(`${folder}/${result.folder}/metrics.json`)).isFile);
  });
});

/** The examples, and what each prints when its trainings have two steps; the tour has all of its own. */
const examples = {
  quickstart: /\| mr +\| node +\|/,
  your_own_data: /\| b +\| right +\|/,
  your_own_loss: /^gradient (-?\d\.\d+), difference quotient \1$[^]*\| mr +\| node +\|/m,
  your_own_method: /\| mr +\| node +\|/,
  three_modalities: /\| t2 +\| node +\|/,
  missing_modality: /only mr is there/,
  unpaired: /^method\.unpaired: [^]*\| ct +\| node +\|/m,
  tensor_tour: /^x² summed has the gradient 2,4,6\n.* ≈ -?0\.0\d, (1\.0|0\.9)\d, (1\.0|0\.9)\d, -?0\.0\d$/m,
  overfit_one_case: /^Dice of the case it was trained on: 0\.\d+ after 2 steps$/m,
} as const;

Deno.test("the examples run from a URL with exactly the permissions they name, each under 60 lines", async (t) => {
  await withRepository((address, folder) =>
    withDataset(6, async (scans) => {
      for (const [name, printed] of Object.entries(examples)) {
        await t.step(name, async () => {
          const text = await Deno.readTextFile(new URL(`examples/${name}.ts`, root));
          assert.ok(text.split("\n").length <= 60, "too long");
          assert.match(
            text,
            /^ \* Takes (a few seconds|half a minute|about a minute|as long).*\. Needs /m,
            "says at its top how long it takes and what it needs",
          );
          const [line] = new RegExp(`(?<=^ \\* deno run ).*examples/${name}\\.ts.*`, "m").exec(text)!;
          const words = line.replace(" [STEPS]", name === "tensor_tour" ? "" : " 2").replaceAll(
            "scans",
            scans,
          ).split(" ");
          const at = words.indexOf(`examples/${name}.ts`);
          const { code, stdout, stderr } = await runRemote(
            `${address}/${words[at]}`,
            words.slice(0, at),
            words.slice(at + 1),
            folder,
          );
          assert.equal(code, 0, stderr);
          assert.match(stdout, printed);
        });
      }
    })
  );
});

Deno.test("predict, evaluate, calibration, compare, report and export work from a URL on a run that was trained from one", async () => {
  await withRepository((address, folder) =>
    withDataset(6, async (scans) => {
      const runs = ["--allow-read", "--allow-write"];
      const run = async (name: string, permissions: string[], ...args: string[]) => {
        const { code, stdout, stderr } = await runRemote(
          `${address}/examples/${name}.ts`,
          permissions,
          args,
          folder,
        );
        assert.equal(code, 0, `${name}: ${stderr}`);
        return JSON.parse(stdout);
      };
      const steps = ["--steps=2", "--batch=1", "--validations=1", "--device=cpu", "--json"];
      const trained = await run("train", runs, `--data=${scans}`, "--label-ratio=50%", ...steps);
      const checkpoint = `--checkpoint=${trained.folder}/checkpoints/best.safetensors`;
      await run(
        "predict",
        runs,
        checkpoint,
        `--data=${scans}`,
        "--out=predictions",
        "--device=cpu",
        "--json",
      );
      await run(
        "evaluate",
        runs,
        "--pred=predictions",
        `--ref=${scans}/labels`,
        "--out=evaluation",
        "--json",
      );
      const calibrated = ["--allow-read", `--allow-write=${trained.folder}`];
      await run("calibration", calibrated, trained.folder, `--data=${scans}`, "--device=cpu", "--json");
      assert.ok((await Deno.stat(`${folder}/${trained.folder}/calibration.csv`)).isFile);
      await run("compare", runs, trained.folder, "--out=compared", "--json");
      await run("report", runs, trained.folder, "--out=report.html", "--json");
      const { written: [{ bytes }] } = await run(
        "export",
        [...runs, "--allow-run=deno"],
        ...[checkpoint, "--format=html", "--out=page.html", "--json"],
      );
      assert.equal((await Deno.stat(`${folder}/page.html`)).size, bytes);
    })
  );
});
