/**
 * How a long run shows itself: one line that rewrites itself on a terminal, plain lines elsewhere.
 *
 * @module
 */

/** Where progress goes. */
export interface ProgressSink {
  /** Whether the line can be rewritten. */
  readonly isTerminal: boolean;
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

const width = 24;

function bar(share: number): string {
  const full = Math.round(share * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

/** Plain lines come at most this often, in seconds; a terminal line five times a second. */
const plainInterval = 10;

/** Progress of one task with a known number of steps, and an estimate of the time left. */
export class Progress {
  readonly #sink: ProgressSink;
  readonly #total: number;
  readonly #first: number;
  readonly #now: () => number;
  readonly #begin: number;
  #shown = -Infinity;

  /** `first` is the number of steps already done by an earlier run; `now` gives milliseconds. */
  constructor(sink: ProgressSink, total: number, first = 0, now: () => number = () => performance.now()) {
    this.#sink = sink;
    this.#total = total;
    this.#first = first;
    this.#now = now;
    this.#begin = now();
  }

  /** Shows that `done` steps are done. */
  step(done: number, text: string): void {
    const now = this.#now();
    const seconds = (now - this.#begin) / 1000;
    const last = done === this.#total;
    if (!last && now - this.#shown < (this.#sink.isTerminal ? 200 : plainInterval * 1000)) return;
    this.#shown = now;
    const pace = seconds / (done - this.#first);
    const left = clock(pace * (this.#total - done));
    const count = `${String(done).padStart(String(this.#total).length)}/${this.#total}`;
    if (this.#sink.isTerminal) {
      this.#sink.write(
        `\r\x1b[K${bar(done / this.#total)} ${count}  ${text}  ${pace.toFixed(2)} s/step  ${left} left`,
      );
      if (last) this.#sink.write("\n");
    } else {
      this.#sink.write(`step ${count}  ${text}  ${pace.toFixed(2)} s/step  ${left} left\n`);
    }
  }

  /** Shows how many kernels are compiled so far; the first step waits for them. */
  compiling(kernels: number): void {
    const now = this.#now();
    if (now - this.#shown < (this.#sink.isTerminal ? 200 : plainInterval * 1000)) return;
    this.#shown = now;
    const text = `compiling kernels: ${kernels}`;
    this.#sink.write(this.#sink.isTerminal ? `\r\x1b[K${text}` : `${text}\n`);
  }

  /** Prints a line above the progress line. */
  note(text: string): void {
    this.#sink.write(this.#sink.isTerminal ? `\r\x1b[K${text}\n` : `${text}\n`);
    this.#shown = -Infinity;
  }
}

/** Shows nothing. */
export const silent: ProgressSink = { isTerminal: false, write() {} };
