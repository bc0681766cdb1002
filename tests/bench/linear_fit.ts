/** Least squares. */

/** A line and how well it fits. */
export interface LinearFit {
  readonly slope: number;
  readonly intercept: number;
  /** Share of the variance that the line explains, at most 1. */
  readonly r2: number;
}

/** The line with the least squared vertical distances. */
export function linearFit(points: readonly (readonly [x: number, y: number])[]): LinearFit {
  if (new Set(points.map(([x]) => x)).size < 2) {
    throw new RangeError("linearFit: at least two different x are needed");
  }
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [mx, my] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const sum = (f: (dx: number, dy: number) => number) =>
    points.reduce((total, [x, y]) => total + f(x - mx, y - my), 0);
  const slope = sum((dx, dy) => dx * dy) / sum((dx) => dx * dx);
  const rest = sum((dx, dy) => (dy - slope * dx) ** 2), all = sum((_, dy) => dy * dy);
  return { slope, intercept: my - slope * mx, r2: all === 0 ? 1 : 1 - rest / all };
}
