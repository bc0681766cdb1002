import { createHash, timingSafeEqual } from "node:crypto";
import type { LiveRun } from "./live_run.ts";
import { livePage, type LiveParts } from "./live_page.ts";
import { methodsTable, runDetail, runsTable } from "./live_sections.ts";

/** What {@link watchHandler} serves. */
export interface WatchSetting {
  /** Who does not give it in the address, as `?token=…`, gets nothing. */
  readonly token: string;
  /** Title of the page. */
  readonly title: string;
  /** Looks at the runs. */
  readonly look: () => Promise<readonly LiveRun[]>;
  /** Milliseconds between two looks. */
  readonly interval?: number;
}

const headers = {
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

const refused = (status: number, text: string): Response =>
  new Response(`${text}\n`, { status, headers: { ...headers, "content-type": "text/plain; charset=utf-8" } });

/** Compares in a time that does not tell how much of the token was right. */
function isSame(given: string, token: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}

/** Names by which this machine calls itself: a page of another site that has its name point here is refused. */
const ownNames: readonly string[] = ["127.0.0.1", "localhost"];

/**
 * Answers requests for the live page: `/` the page, `/events` its changes as server-sent events, nothing else. No part
 * of an address is ever used as the path of a file.
 *
 * 403 without the token or under another host's name, 404 for every other path, 405 for every other method.
 */
export function watchHandler(setting: WatchSetting): (request: Request) => Promise<Response> {
  const { token, title, look } = setting;
  return async (request) => {
    const url = new URL(request.url);
    if (!ownNames.includes(url.hostname) || !isSame(url.searchParams.get("token") ?? "", token)) {
      return refused(403, "The token is missing or wrong; open the address that the command printed.");
    }
    if (!["/", "/events"].includes(url.pathname)) return refused(404, "There is nothing here.");
    if (request.method !== "GET") return refused(405, "Only GET is answered.");
    const chosen = url.searchParams.get("run");
    if (url.pathname === "/events") return events(setting, chosen);
    const nonce = crypto.randomUUID();
    const policy = `default-src 'none'; img-src data:; connect-src 'self'; script-src 'nonce-${nonce}'; ` +
      "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    return new Response(livePage(title, partsOf(await look(), chosen, token), nonce), {
      headers: { ...headers, "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
    });
  };
}

function partsOf(runs: readonly LiveRun[], chosen: string | null, token: string): LiveParts {
  const run = runs.find(({ name }) => name === chosen) ?? runs[0];
  const address = ({ name }: LiveRun): string => `?${new URLSearchParams({ token, run: name })}`;
  return {
    runs: runsTable(runs, run, address),
    methods: methodsTable(runs),
    detail: run === undefined ? "" : runDetail(run),
  };
}

/** Sends the parts of the page that changed, at first all of them, until the browser goes. */
function events({ token, look, interval = 2000 }: WatchSetting, chosen: string | null): Response {
  const sent = new Map<string, string>();
  let timer: ReturnType<typeof setTimeout> | undefined, isOpen = true;
  const body = new ReadableStream<string>({
    start(controller) {
      const send = async () => {
        try {
          const parts = Object.entries(partsOf(await look(), chosen, token));
          const news = parts.filter(([name, html]) => sent.get(name) !== html);
          for (const [name, html] of news) sent.set(name, html);
          if (!isOpen) return;
          // A line that says nothing shows the server that the browser is gone.
          controller.enqueue(
            news.length > 0 ? `data: ${JSON.stringify(Object.fromEntries(news))}\n\n` : ": still here\n\n",
          );
          timer = setTimeout(send, interval);
        } catch (error) {
          if (isOpen) controller.error(error);
        }
      };
      return send();
    },
    cancel() {
      isOpen = false;
      clearTimeout(timer);
    },
  });
  return new Response(body.pipeThrough(new TextEncoderStream()), {
    headers: { ...headers, "content-type": "text/event-stream; charset=utf-8" },
  });
}
