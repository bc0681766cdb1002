import { learningCurves } from "../plots/learning_curves.ts";
import { overlayHtml } from "../plots/overlay_html.ts";
import { trainingPace } from "../plots/training_pace.ts";
import { lossColumns } from "../report/log.ts";
import { average } from "../statistics/summarise.ts";
import { percent } from "../tables/percent.ts";
import { escapeHtml } from "../text.ts";
import type { LiveRun, RunState } from "./live_run.ts";
import { paceOf } from "./pace.ts";

/** What each state means to a reader. */
const meanings: Readonly<Record<RunState, string>> = {
  waiting: "waits for its turn",
  running: "running",
  finished: "finished",
  stopped: "stopped; --resume goes on",
  killed: "killed; --resume goes on from its last validation",
  damaged: "cannot be read",
};

/** Seconds as `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds)), min = Math.round(s / 60), h = Math.floor(min / 60);
  if (s < 60) return `${s} s`;
  if (min < 60) return `${min} min`;
  return h < 48 ? `${h} h ${min % 60} min` : `${Math.floor(h / 24)} d ${h % 24} h`;
}

const fixed = (value: number | null | undefined): string => value?.toFixed(3) ?? "–";
const stepOf = (run: LiveRun): number => run.log.at(-1)?.step ?? 0;

/** The name a run is called by: that of the watched folder for one that is watched itself. */
export const shownName = ({ name }: Pick<LiveRun, "name">): string => name === "" ? "this run" : name;

/** All runs, a line each; `address` gives the page of a run. */
export function runsTable(
  runs: readonly LiveRun[],
  chosen: LiveRun | undefined,
  address: (run: LiveRun) => string,
): string {
  if (runs.length === 0) return "<p>There is no run here yet; it is shown as soon as there is one.</p>";
  const counts = Map.groupBy(runs, ({ state }) => state);
  const summary = [...counts].map(([state, own]) => `${own.length} ${state}`).join(", ");
  const lines = runs.map((run) => {
    const { left } = paceOf(run), step = stepOf(run);
    const cells = [
      run.labelRatio === null ? "–" : percent(run.labelRatio),
      String(run.seed ?? "–"),
      run.steps === 0 ? "–" : `<progress max="${run.steps}" value="${step}"></progress> ${step}/${run.steps}`,
      run.state === "running" && left !== null ? duration(left) : "–",
      run.best === null ? "–" : `${fixed(run.best.dice)} <small>at ${run.best.step}</small>`,
      fixed(run.testDice),
    ];
    return `<tr${run === chosen ? ' aria-current="true"' : ""}><th scope="row"><a href="${
      escapeHtml(address(run))
    }">${escapeHtml(shownName(run))}</a></th><td class="text ${run.state}" title="${
      escapeHtml(meanings[run.state])
    }">${run.state}</td><td class="text">${escapeHtml(run.method)}</td>${
      cells.map((cell) => `<td>${cell}</td>`).join("")
    }</tr>`;
  });
  const heads = ["labels", "seed", "steps", "left", "validation Dice, best", "test Dice"];
  return `<div class="wide" tabindex="0" role="region" aria-label="runs"><table><caption>${summary}</caption><thead><tr>${
    ["run", "state", "method"].map((head) => `<th scope="col" class="text">${head}</th>`).join("")
  }${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead><tbody>${
    lines.join("\n")
  }</tbody></table></div>`;
}

/** Methods and label ratios so far, when several runs share one: mean, lowest and highest over their runs. */
export function methodsTable(runs: readonly LiveRun[]): string {
  const judged = runs.filter((run) => run.best !== null);
  const groups = [...Map.groupBy(judged, (run) => JSON.stringify([run.method, run.labelRatio])).values()];
  if (groups.length === judged.length) return "";
  const over = (values: readonly (number | null)[]): string => {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return "–";
    return `${fixed(average(known))} <small>${fixed(Math.min(...known))} to ${
      fixed(Math.max(...known))
    }</small>`;
  };
  const lines = groups.map((own) => {
    const { method, labelRatio } = own[0]!, done = own.filter(({ state }) => state === "finished").length;
    const cells = [
      labelRatio === null ? "–" : percent(labelRatio),
      `${done} of ${own.length}`,
      over(own.map(({ best }) => best!.dice)),
      over(own.map(({ testDice }) => testDice)),
    ];
    return `<tr><th scope="row">${escapeHtml(method)}</th>${
      cells.map((cell) => `<td>${cell}</td>`).join("")
    }</tr>`;
  });
  const heads = ["labels", "finished", "validation Dice, best", "test Dice"];
  return `<h2>So far</h2><div class="wide" tabindex="0" role="region" aria-label="methods so far"><table><caption>Mean over runs, then the lowest and the highest. Runs that go on count with their best validation up to now.</caption><thead><tr><th scope="col" class="text">method</th>${
    heads.map((head) => `<th scope="col">${head}</th>`).join("")
  }</tr></thead><tbody>${lines.join("\n")}</tbody></table></div>`;
}

/** One run: numbers, curves, and the last validation. */
export function runDetail(run: LiveRun): string {
  const { state, log, timing, overlays, classes, problem } = run, { left, step, memory } = paceOf(run);
  const last = log.findLast((row) => row.val_dice !== undefined), loss = log.at(-1)?.loss;
  const facts: [string, string][] = [
    ["state", `<span class="${state}">${escapeHtml(meanings[state])}</span>`],
    ["step", `${stepOf(run)} of ${run.steps}`],
    ["a step takes", step === null ? "–" : `${step.toPrecision(3)} s`],
    ["left, validations included", state === "running" && left !== null ? duration(left) : "–"],
    ["memory of the process", memory === null ? "–" : `${(memory / 2 ** 30).toFixed(2)} GiB`],
    ["loss", loss === undefined ? "–" : loss.toPrecision(4)],
    ["validation Dice, last", last === undefined ? "–" : `${fixed(last.val_dice)} at step ${last.step}`],
    ["validation Dice, best", run.best === null ? "–" : `${fixed(run.best.dice)} at step ${run.best.step}`],
  ];
  const columns = lossColumns([log]),
    shown = (draw: (compact: boolean) => string): string =>
      `<div class="drawn broad">${draw(false)}</div><div class="drawn narrow">${draw(true)}</div>`;
  const curves = log.length === 0 ? "" : shown((compact) => learningCurves(log, { columns, compact }));
  const pace = timing.length === 0 ? "" : shown((compact) => trainingPace(timing, { compact }));
  return `<h2>${escapeHtml(shownName(run))}</h2>${
    problem === undefined ? "" : `<p class="damaged">${escapeHtml(problem)}</p>`
  }<dl>${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("")}</dl>
<div class="plots">${curves}${pace}</div>
<div class="plots">${overlays.map((svg, i) => overlayHtml(svg, `overlay-${i}`, classes)).join("")}</div>`;
}
