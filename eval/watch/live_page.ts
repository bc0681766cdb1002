import { escapeHtml } from "../text.ts";
import { liveStyle } from "./live_style.ts";

/** The parts of the page that change. */
export interface LiveParts {
  /** All runs. */
  readonly runs: string;
  /** Methods so far. */
  readonly methods: string;
  /** The run that is looked at. */
  readonly detail: string;
}

/** The page, complete also without its script, which keeps it up to date. */
export function livePage(title: string, parts: LiveParts, nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${liveStyle}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="note" id="link" role="status">Loaded once; without scripts, reload to see news.</p>
</header>
<main>
${Object.entries(parts).map(([name, html]) => `<section id="${name}">${html}</section>`).join("\n")}
</main>
<p class="note">Keys: j or ↓ next run, k or ↑ the one before.</p>
<script nonce="${nonce}">${script}</script>
</body>
</html>
`;
}

/** What runs in the browser. */
const script = `
(() => {
  const link = document.getElementById("link");
  const events = new EventSource("events" + location.search);
  events.onmessage = ({ data }) => {
    for (const [name, html] of Object.entries(JSON.parse(data))) {
      const part = document.getElementById(name), at = document.activeElement;
      const href = part.contains(at) ? at.getAttribute("href") : null;
      const scrolled = [...part.querySelectorAll("[tabindex]")].map((box) => box.scrollLeft);
      part.innerHTML = html;
      part.querySelectorAll("[tabindex]").forEach((box, i) => { box.scrollLeft = scrolled[i] ?? 0; });
      if (href !== null) [...part.querySelectorAll("a")].find((a) => a.getAttribute("href") === href)?.focus();
    }
    link.textContent = "Live; last news at " + new Date().toLocaleTimeString() + ".";
  };
  events.onopen = () => { link.textContent = "Live."; };
  events.onerror = () => { link.textContent = "The connection is lost; trying again."; };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("[tabindex]")) return;
    const way = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (way === undefined) return;
    const rows = [...document.querySelectorAll("#runs tbody tr")];
    const next = rows[rows.findIndex((row) => row.ariaCurrent === "true") + way];
    if (next === undefined) return;
    event.preventDefault();
    location.replace(next.querySelector("a").href);
  });
})();
`;
