/**
 * How a long run shows itself: one line that rewrites itself on a terminal, plain lines elsewhere.
 *
 * @module
 */

/** Where progress goes. */
export interface ProgressSink {
  /** Whether the line can be rewritten. */
  readonly isTerminal: boolean;
  /** Characters in a line of the terminal; 80 when absent. */
  readonly columns?: number;
  /** Writes text as it is. */
  write(text: string): void;
}

/** Seconds as `1:05` or `2:03:04`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A bar and a text in one line of a terminal: in a narrow one the bar is shorter, and at last the text is cut. */
function line({ columns = 80 }: ProgressSink, text: string, share?: number): string {
  const room = columns - 1; // a line that fills the last column wraps on some terminals
  const width = share === undefined ? 0 : Math.min(24, room - text.length - 1);
  if (width < 4) return `\r\x1b[K${text.length > room ? `${text.slice(0, room - 1)}…` : text}`;
  const full = Math.round(share! * width);
  return `\r\x1b[K${"█".repeat(full)}${"░".repeat(width - full)} ${text}`;
}

/** Plain lines come at most this often, in seconds; a terminal line five times a second. */
const plainInterval = 10;

/** Progress of one task with a known number of steps, and an estimate of the time left. */
export class Progress {
  readonly #sink: ProgressSink;
  readonly #total: number;
  readonly #now: () => number;
  #paced: { readonly done: number; readonly now: number } | undefined;
  #shown = -Infinity;
  #busySince: number | undefined;

  /** `now` gives milliseconds. */
  constructor(sink: ProgressSink, total: number, now: () => number = () => performance.now()) {
    this.#sink = sink;
    this.#total = total;
    this.#now = now;
  }

  /** Shows that `done` steps are done. */
  step(done: number, text: string): void {
    const now = this.#now();
    const last = done === this.#total;
    const { done: before, now: since } = this.#paced ??= { done, now }; // the first step compiles kernels as well
    this.#busySince = undefined;
    if (!last && now - this.#shown < (this.#sink.isTerminal ? 200 : plainInterval * 1000)) return;
    this.#shown = now;
    const pace = (now - since) / 1000 / (done - before);
    const time = done === before
      ? ""
      : `  ${pace.toFixed(2)} s/step  ${clock(pace * (this.#total - done))} left`;
    const shown = `${String(done).padStart(String(this.#total).length)}/${this.#total}  ${text}${time}`;
    if (this.#sink.isTerminal) {
      this.#sink.write(line(this.#sink, shown, done / this.#total));
      if (last) this.#sink.write("\n");
    } else {
      this.#sink.write(`step ${shown}\n`);
    }
  }

  /** Shows what goes on between two steps, such as a validation; with the share of it, the time that is left. */
  busy(text: string, share?: number): void {
    const now = this.#now(), { isTerminal } = this.#sink;
    this.#busySince ??= now;
    const seconds = (now - this.#busySince) / 1000;
    // Plain lines are only for what takes long.
    const waited = isTerminal ? now - this.#shown : now - Math.max(this.#shown, this.#busySince);
    if (waited < (isTerminal ? 200 : plainInterval * 1000)) return;
    this.#shown = now;
    const left = share === undefined || seconds < 1 ? "" : `  ${clock(seconds * (1 - share) / share)} left`;
    this.#sink.write(isTerminal ? line(this.#sink, `${text}${left}`) : `${text}${left}\n`);
  }

  /** Prints a line above the progress line. */
  note(text: string): void {
    this.#sink.write(this.#sink.isTerminal ? `\r\x1b[K${text}\n` : `${text}\n`);
    this.#shown = -Infinity;
    this.#busySince = undefined;
  }

  /** Takes the line away: the work is done, or something else is to be printed. */
  clear(): void {
    if (this.#sink.isTerminal) this.#sink.write("\r\x1b[K");
    this.#busySince = undefined;
  }
}

/** Shows nothing. */
export const silent: ProgressSink = { isTerminal: false, write() {} };
