import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url);

/** Serves the repository as a web server would, with the content types Deno accepts. */
function serveRepository(): { server: Deno.HttpServer<Deno.NetAddr>; address: string } {
  const types: Record<string, string> = { ts: "text/typescript", json: "application/json" };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const path = new URL(request.url).pathname.slice(1);
    try {
      const body = await Deno.readFile(new URL(path, root));
      return new Response(body, {
        headers: { "content-type": types[path.split(".").at(-1)!] ?? "text/plain" },
      });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
  return { server, address: `http://127.0.0.1:${server.addr.port}` };
}

Deno.test("examples/train.ts trains the phantom when run from a URL, in another folder and without settings", async () => {
  const folder = await Deno.makeTempDir();
  const { server, address } = serveRepository();
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-config",
        "--no-prompt",
        "--quiet",
        `--allow-import=${new URL(address).host}`,
        "--allow-write=runs",
        "--allow-read=runs",
        `${address}/examples/train.ts`,
        "--steps=2",
        "--batch=1",
        "--validations=1",
        "--device=cpu",
        "--json",
      ],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const result = JSON.parse(new TextDecoder().decode(stdout));
    assert.equal(result.finished, true);
    assert.ok((await Deno.stat(`${folder}/${result.folder}/metrics.json`)).isFile);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});
