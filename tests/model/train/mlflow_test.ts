import assert from "node:assert/strict";
import { parseLog } from "../../../eval/mod.ts";
import { trainInFolder } from "../../../model/mod.ts";
import { type Device, openDevice } from "../../../tensor/mod.ts";
import { inFreshFolder, runExample } from "../../examples/run_example.ts";
import { smallData, smallOptions } from "./setting.ts";

interface Metric {
  key: string;
  value: number;
  step: number;
}

/** Answers as MLflow's documentation says. */
class FakeServer implements AsyncDisposable {
  readonly experiments: string[] = [];
  readonly runs: { name: string; status: string; params: Record<string, string>; metrics: Metric[] }[] = [];
  isDown = false;
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => this.#answer(request),
  );
  readonly url = `http://127.0.0.1:${this.#server.addr.port}`;

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const body = request.method === "POST" ? await request.json() : {};
    if (this.isDown) return new Response("gone", { status: 503 });
    switch (`${request.method} ${pathname.replace("/api/2.0/mlflow/", "")}`) {
      case "GET experiments/get-by-name": {
        const id = this.experiments.indexOf(searchParams.get("experiment_name")!);
        if (id >= 0) return Response.json({ experiment: { experiment_id: `${id}` } });
        return Response.json({ error_code: "RESOURCE_DOES_NOT_EXIST", message: "no" }, { status: 404 });
      }
      case "POST experiments/create":
        return Response.json({ experiment_id: `${this.experiments.push(body.name) - 1}` });
      case "POST runs/create": {
        assert.ok(this.experiments[body.experiment_id] !== undefined && body.start_time > 1e12);
        const id = this.runs.push({ name: body.run_name, status: "RUNNING", params: {}, metrics: [] }) - 1;
        return Response.json({ run: { info: { run_id: `r${id}` } } });
      }
      case "POST runs/log-batch": {
        const run = this.runs[Number(body.run_id.slice(1))]!, { metrics = [], params = [] } = body;
        assert.ok(metrics.length <= 1000 && params.length <= 100);
        run.metrics.push(...metrics);
        for (const { key, value } of params) run.params[key] = value;
        return Response.json({});
      }
      case "POST runs/update":
        this.runs[Number(body.run_id.slice(1))]!.status = body.status;
        return Response.json({ run_info: {} });
    }
    return new Response("", { status: 404 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A small training of which the server is told. */
function toldTo({ url }: FakeServer, device: Device, root: string) {
  const warnings: string[] = [];
  const mlflow = { url, experiment: "organs", warn: (line: string) => warnings.push(line) };
  return { setting: { ...smallData(), device, root, name: "run", mlflow }, warnings };
}

const told = (log: ReturnType<typeof parseLog>) =>
  log.flatMap(({ step, ...columns }) =>
    Object.entries(columns).map(([key, value]) => ({ key, value, step }))
  );

Deno.test("a server of MLflow gets settings, each number once and the end, over a stop, a resume and its own absence", async () => {
  const root = await Deno.makeTempDir();
  using device = await openDevice("cpu", { threads: 1 });
  await using server = new FakeServer();
  const { setting, warnings } = toldTo(server, device, root);
  const options = { ...smallOptions, steps: 4 };
  try {
    const stop = new AbortController();
    const { folder } = await trainInFolder(options, {
      ...setting,
      signal: stop.signal,
      progress: { isTerminal: false, write: (text) => text.startsWith("step 1/4") && stop.abort() },
    });
    const [run] = server.runs;
    assert.equal(run!.status, "KILLED");
    const { metrics, ...about } = run!;
    assert.deepEqual(server.experiments, ["organs"]);
    assert.deepEqual([about.name, about.params.steps, about.params.patch], ["run", "4", "[16,16,16]"]);
    assert.deepEqual([...new Set(metrics.map(({ step }) => step))], [1]);

    let validated = 0;
    using _ = (await trainInFolder(options, {
      ...setting,
      resumeFrom: folder,
      progress: {
        isTerminal: false,
        write: (text) => {
          if (text.includes("validation Dice")) server.isDown = ++validated === 1; // away from 2 to 4
        },
      },
    })).run!;
    assert.equal(server.runs.length, 1, "the resumed run is the same one");
    assert.equal(run!.status, "FINISHED");
    const log = parseLog(await Deno.readTextFile(`${folder}/log.csv`));
    assert.deepEqual(run!.metrics.map(({ key, value, step }) => ({ key, value, step })), told(log));
    assert.deepEqual(warnings.filter((line) => line.includes("lacks")), []);

    server.isDown = true;
    await assert.rejects(trainInFolder(options, { ...setting, name: "other" }), { code: "mlflow.refused" });
    assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name), ["run"], "refused before a folder");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("what a server never got is named, once, and the run is whole; a failed one is FAILED", async () => {
  const root = await Deno.makeTempDir();
  using device = await openDevice("cpu", { threads: 1 });
  await using server = new FakeServer();
  const { setting, warnings } = toldTo(server, device, root);
  try {
    using run = (await trainInFolder({ ...smallOptions, steps: 2 }, {
      ...setting,
      progress: { isTerminal: false, write: () => void (server.isDown = true) },
    })).run!;
    assert.equal(run.log.length, 2);
    assert.equal(warnings.length, 2, warnings.join("\n"));
    assert.match(warnings[0]!, /answered 503: gone; training goes on/);
    assert.match(warnings[1]!, /lacks steps \d to 2 of run r0, and that it is FINISHED/);

    server.isDown = false;
    const write = () => {
      throw new Error("the terminal is gone");
    };
    const broken = { ...setting, name: "broken", progress: { isTerminal: false, write } };
    await assert.rejects(trainInFolder({ ...smallOptions, steps: 2 }, broken), /the terminal is gone/);
    assert.deepEqual(server.runs.map(({ name, status }) => [name, status]), [
      ["run", "RUNNING"],
      ["broken", "FAILED"],
    ]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("train --mlflow without the permission is refused before any work, with the command that has it", async () => {
  await inFreshFolder(async (folder) => {
    const { code, stderr } = await runExample("train", ["--mlflow", "http://127.0.0.1:5000"], folder);
    assert.equal(code, 1);
    assert.match(stderr, /^error\[mlflow\.permission\].*127\.0\.0\.1:5000/);
    assert.match(
      stderr,
      /deno run --allow-read .*--allow-net=127\.0\.0\.1:5000 \S*examples\/train\.ts --mlflow http:\/\/127\.0\.0\.1:5000/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    const wrong = await runExample("train", ["--mlflow", "localhost:5000"], folder);
    assert.match(wrong.stderr, /^error\[usage\]: --mlflow localhost:5000: expected an address/);
  });
});
