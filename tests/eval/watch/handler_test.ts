import assert from "node:assert/strict";
import { type LiveRun, watchHandler } from "../../../eval/mod.ts";

const run: LiveRun = {
  name: "cmc-seed0",
  state: "running",
  method: "cmc <b>",
  labelRatio: 0.1,
  seed: 0,
  steps: 100,
  log: [{ step: 1, lr: 1e-3, loss: 0.9 }, {
    step: 2,
    lr: 1e-3,
    loss: 0.7,
    val_dice: 0.4,
    val_dice_ct_liver: 0.4,
  }],
  timing: [1, 2].map((step) => ({
    ...{ step, session: 1, unix_s: 1000 + 3 * step, step_ms: 2000, wait_ms: 5 },
    ...{ device_peak_bytes: 1e8, process_bytes: 2 ** 30 },
  })),
  best: { step: 2, dice: 0.4 },
  testDice: null,
  overlays: [],
  classes: [],
};

const token = "0123456789abcdef";
const address = (path: string) => `http://127.0.0.1:1234${path}`;
const withToken = (path: string) => address(`${path}?token=${token}`);
const serving = (runs: readonly LiveRun[], interval = 1) =>
  watchHandler({ token, title: "runs", look: () => Promise.resolve(runs), interval });

Deno.test("watchHandler() answers nobody without the token, and no page of another site", async () => {
  const handler = serving([run]);
  for (
    const path of [
      "/",
      "/events",
      "/?token=",
      "/?token=0123456789abcdeF",
      "/?token=0123",
      "/../etc/passwd",
      "/x",
    ]
  ) {
    const response = await handler(new Request(address(path)));
    assert.equal(response.status, 403, path);
    assert.doesNotMatch(await response.text(), /cmc|0123456789/, "nothing leaks");
  }
  const rebound = await handler(new Request(`http://evil.example:1234/?token=${token}`));
  assert.equal(rebound.status, 403);
  await rebound.body!.cancel();
});

Deno.test("watchHandler() has two paths and reads no file by an address", async () => {
  const handler = serving([run]);
  for (
    const path of [
      ...[
        "/../",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/events/",
        "//",
      ],
      ...["/deno.json", "/cmc-seed0/config.json", "/favicon.ico"],
    ]
  ) {
    const response = await handler(new Request(withToken(path)));
    // What the address becomes when its dots are resolved may be the page itself.
    const isPage = new URL(withToken(path)).pathname === "/";
    assert.equal(response.status, isPage ? 200 : 404, path);
    await response.body!.cancel();
  }
  const response = await handler(new Request(withToken("/"), { method: "POST" }));
  assert.equal(response.status, 405);
  await response.body!.cancel();
});

Deno.test("the live page shows a run, as text, and asks for nothing from elsewhere", async () => {
  const response = await serving([run])(new Request(withToken("/")));
  assert.match(response.headers.get("content-security-policy")!, /^default-src 'none';/);
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("referrer-policy"), "no-referrer");
  const html = await response.text();
  assert.match(html, /cmc &lt;b&gt;/);
  assert.doesNotMatch(html.replace(/<script[^]*/, ""), /cmc <b>|NaN|undefined|https?:\/\/(?!www\.w3\.org)/);
  assert.match(html, /<dt>left, validations included<\/dt><dd>5 min<\/dd>/, "98 steps at 3 s");
  assert.match(html, /<dt>a step takes<\/dt><dd>2\.00 s<\/dd>/);
  assert.match(html, /<dt>memory of the process<\/dt><dd>1\.00 GiB<\/dd>/);
  assert.match(html, /<title>Learning curves<\/title>[^]*>ct liver<\/text>/);
});

Deno.test("an empty folder is shown as one", async () => {
  const html = await (await serving([])(new Request(withToken("/")))).text();
  assert.match(html, /There is no run here yet/);
});

/** The parts that server-sent events bring, one by one. */
async function* news(response: Response): AsyncGenerator<Record<string, string>> {
  let text = "";
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      if (text.startsWith("data: ")) yield JSON.parse(text.slice(6, end));
    }
  }
}

Deno.test("the events bring all parts at first, then those that changed, of the run that was chosen", async () => {
  const runs = [run, { ...run, name: "b & c", seed: 1, best: null }];
  const response = await serving(runs)(new Request(`${withToken("/events")}&run=b+%26+c`));
  assert.match(response.headers.get("content-type")!, /^text\/event-stream/);
  const pieces = news(response);
  const first = (await pieces.next()).value!;
  assert.deepEqual(Object.keys(first), ["runs", "methods", "detail"]);
  assert.match(first.detail!, /<h2>b &amp; c<\/h2>/);
  assert.match(first.runs!, /aria-current="true"><th scope="row"><a href="\?token=\w+&amp;run=b\+%26\+c">/);
  runs[0] = { ...run, state: "killed" };
  const second = (await pieces.next()).value!;
  assert.deepEqual(Object.keys(second), ["runs"], "the chosen run did not change");
  assert.match(
    second.runs!,
    /<td class="text killed" title="killed; --resume goes on from its last validation">/,
  );
  await pieces.return(undefined);
});

Deno.test("runs of one method are summed up", async () => {
  const runs = [0, 1].map((seed) => ({
    ...run,
    seed,
    name: `s${seed}`,
    best: { step: 2, dice: 0.4 + seed / 5 },
  }));
  const html = await (await serving(runs)(new Request(withToken("/")))).text();
  assert.match(html, /<td>0 of 2<\/td><td>0\.500 <small>0\.400 to 0\.600<\/small><\/td>/);
});
