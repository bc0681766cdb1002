/** Drives a headless Chromium by its DevTools protocol. */

/** What a command of the protocol answers. */
// deno-lint-ignore no-explicit-any -- the protocol has a type for each of hundreds of commands
type Answer = any;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Answer;
  readonly result?: Answer;
  readonly error?: { readonly message: string };
}

const flags = [
  ...[
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
  ],
  ...["--disable-component-update", "--remote-debugging-port=0"],
];

async function until<T>(
  what: string,
  seconds: number,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not happen within ${seconds} s`);
}

/** A browser with one page. */
export class Chromium implements AsyncDisposable {
  /** Addresses that the page and its workers asked for. */
  readonly requests: string[] = [];
  /** What the page and its workers wrote to the console, and what they threw. */
  readonly console: string[] = [];
  readonly #waiting = new Map<
    number,
    { resolve: (result: Answer) => void; reject: (error: Error) => void }
  >();
  #next = 1;
  #session: string | undefined;

  private constructor(
    readonly process: Deno.ChildProcess,
    readonly socket: WebSocket,
    /** Holds the browser's profile and what it downloads. */
    readonly folder: string,
  ) {
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
  }

  /** Starts a browser with an empty profile and an empty page of some width and height. */
  static async start(
    { width = 1200, height = 900, extra = [] as readonly string[] } = {},
  ): Promise<Chromium> {
    const folder = await Deno.makeTempDir({ prefix: "chromium-" });
    const process = new Deno.Command("chromium", {
      args: [...flags, ...extra, `--user-data-dir=${folder}/profile`, "about:blank"],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const [port, path] = await until("the start of Chromium", 60, async () => {
      const text = await Deno.readTextFile(`${folder}/profile/DevToolsActivePort`).catch(() => "");
      return text.includes("\n") ? text.trim().split("\n") : undefined;
    });
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const browser = new Chromium(process, socket, folder);
    const { targetInfos } = await browser.send("Target.getTargets");
    const { targetId } = targetInfos.find(({ type }: { type: string }) => type === "page");
    const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = sessionId;
    await browser.#watch(sessionId);
    await browser.send("Page.enable", {});
    await browser.send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    const downloadPath = `${folder}/downloads`;
    await browser.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath }, null);
    return browser;
  }

  /** Listens to what a page or a worker loads and says, and to the workers that it starts. */
  async #watch(session: string): Promise<void> {
    for (const domain of ["Network", "Runtime"]) await this.send(`${domain}.enable`, {}, session);
    const attach = { autoAttach: true, waitForDebuggerOnStart: false, flatten: true };
    await this.send("Target.setAutoAttach", attach, session);
  }

  #hear({ id, method, params, result, error }: Message): void {
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (waiting) {
      this.#waiting.delete(id!);
      if (error) waiting.reject(new Error(error.message));
      else waiting.resolve(result);
    } else if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    else if (method === "Runtime.exceptionThrown") {
      this.console.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    } else if (method === "Runtime.consoleAPICalled") {
      this.console.push(params.args.map(({ value, description }: Answer) => value ?? description).join(" "));
    } else if (method === "Target.attachedToTarget") {
      this.#watch(params.sessionId).catch(() => {}); // a target may be gone before it is listened to
    }
  }

  /** Sends a command to the page; to the browser where the session is null. */
  send(method: string, params: object = {}, session: string | null = this.#session ?? null): Promise<Answer> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.socket.send(
        JSON.stringify({ id, method, params, ...(session !== null && { sessionId: session }) }),
      );
    });
  }

  /** Opens an address. */
  async open(url: string): Promise<void> {
    await this.send("Page.navigate", { url });
    await this.until(`document.readyState === "complete" && location.href !== "about:blank"`, 60);
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until an expression is true in the page. */
  async until(expression: string, seconds: number): Promise<void> {
    await until(expression, seconds, async () => await this.evaluate<boolean>(expression) || undefined);
  }

  /** Puts files into a file input. */
  async setFiles(selector: string, files: readonly string[]): Promise<void> {
    const { result } = await this.send("Runtime.evaluate", {
      expression: `document.querySelector(${JSON.stringify(selector)})`,
    });
    await this.send("DOM.setFileInputFiles", { objectId: result.objectId, files });
  }

  /** Waits for a download and gives its path. */
  async downloaded(name: string): Promise<string> {
    const path = `${this.folder}/downloads/${name}`;
    return await until(
      `the download of ${name}`,
      60,
      () => Deno.stat(path).then(() => path, () => undefined),
    );
  }

  /** Writes a picture (PNG) of the whole page. */
  async screenshot(path: string): Promise<void> {
    const { data } = await this.send("Page.captureScreenshot", {
      format: "png",
      captureBeyondViewport: true,
    });
    await Deno.writeFile(path, Uint8Array.from(atob(data), (char) => char.charCodeAt(0)));
  }

  /** Ends the browser and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.send("Browser.close", {}, null).catch(() => {});
    await this.process.status;
    await Deno.remove(this.folder, { recursive: true });
  }
}
