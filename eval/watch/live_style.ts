/**
 * How the live page looks: by day and by night, on a desk and on a phone.
 *
 * Colours of drawings are changed by rules that name no element around them: a phone's planes are copies (`use`), for
 * which no such rule holds.
 */
export const liveStyle = `
:root { color-scheme: light dark; --back: #fff; --text: #111; --faint: #555; --line: #ddd; --card: #f5f6f8;
  --link: #0b57a4; --good: #00734f; --bad: #b3261e; --blue: #0072B2; --strong: #444; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14161a; --text: #e8e8e8; --faint: #a5a9b0; --line: #3a3e46; --card: #1d2026; --link: #8ec1ff;
    --good: #53c79b; --bad: #ff8a80; --blue: #59b3ec; --strong: #9aa0a8; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 0 1rem 3rem; font: 16px/1.45 system-ui, sans-serif;
  color: var(--text); background: var(--back); }
h1 { font-size: 1.35rem; margin: 1rem 0 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 0.4rem; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible, .wide:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
p { margin: 0.3rem 0; }
.note { font-size: 0.85rem; color: var(--faint); }
.wide { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-size: 0.85rem; color: var(--faint); caption-side: bottom; padding-top: 0.3rem; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
tbody th { font-weight: normal; text-align: left; max-width: 22rem; overflow: hidden; text-overflow: ellipsis; }
td.text, thead th.text { text-align: left; }
tr[aria-current] { background: var(--card); }
tr[aria-current] th a { font-weight: bold; }
.running, .finished { color: var(--good); }
.killed, .damaged { color: var(--bad); }
progress { width: 5.5rem; vertical-align: middle; accent-color: var(--link); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 0.5rem; margin: 0.6rem 0; }
dl div { background: var(--card); border-radius: 0.4rem; padding: 0.4rem 0.7rem; }
dt { font-size: 0.8rem; color: var(--faint); }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
.plots > * { flex: 1 1 36rem; max-width: min(100%, 46rem); }
svg { max-width: 100%; height: auto; display: block; }
.plots .drawn svg { fill: var(--text); }
[fill="#111"] { fill: var(--text); }
rect[fill="#fff"] { fill: var(--back); }
[stroke="#111"] { stroke: var(--text); }
[stroke="#444"] { stroke: var(--strong); }
[stroke="#ddd"] { stroke: var(--line); }
[stroke="#0072B2"] { stroke: var(--blue); }
[fill="#0072B2"] { fill: var(--blue); }
[stroke="#000000"] { stroke: var(--text); }
[fill="#000000"] { fill: var(--text); }
.plots > .narrow { display: none; }
.key span { margin-right: 1rem; }
.key i { display: inline-block; width: 0.9em; height: 0.9em; margin-right: 0.35em; vertical-align: -0.1em; }
@media (max-width: 46rem) {
  body { padding: 0 0.7rem 2rem; font-size: 15px; }
  .plots > .broad { display: none; }
  .plots > .narrow { display: block; flex-basis: 100%; }
  .narrow svg { width: 100%; margin-bottom: 0.4rem; }
}
`;
