/**
 * Three linked planes of a scan with labels over it, on Canvas 2D.
 *
 * @module
 */

import type { Drawn } from "./segment.ts";

type Rgb = readonly [number, number, number];

/** What is drawn. */
export interface View {
  /** The scan. */
  readonly scan: Drawn<Float32Array>;
  /** Class ids on its grid. */
  readonly labels: Drawn<Uint8Array> | undefined;
  /** The intensities that are black and white. */
  readonly window: readonly [number, number];
  /** How much the labels cover, 0 to 1. */
  readonly opacity: number;
}

/** Each plane: its name, the axes that run left and up on the page, and the directions at its edges. */
const planes = [
  { name: "axial", across: 2, up: 1, ends: ["R", "L", "A", "P"] },
  { name: "coronal", across: 2, up: 0, ends: ["R", "L", "S", "I"] },
  { name: "sagittal", across: 1, up: 0, ends: ["A", "P", "S", "I"] },
] as const;

type Plane = typeof planes[number];

/** The voxel in the middle of the labels, or of the volume where there are none. */
export function middleOf({ shape: [depth, height, width], data }: Drawn<Uint8Array>): number[] {
  const sum = [0, 0, 0];
  let count = 0, at = 0;
  for (let d = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) {
      for (let w = 0; w < width; w++, at++) {
        if (data[at] === 0) continue;
        sum[0]! += d, sum[1]! += h, sum[2]! += w;
        count++;
      }
    }
  }
  return count === 0 ? [depth >> 1, height >> 1, width >> 1] : sum.map((total) => Math.round(total / count));
}

/** One plane as pixels, a voxel each. */
export function pixelsOf(
  { scan: { shape, data }, labels, window: [low, high], opacity }: View,
  { across, up }: Pick<Plane, "across" | "up">,
  centre: readonly number[],
  colours: readonly Rgb[],
): Uint8ClampedArray<ArrayBuffer> {
  const strides = [shape[1] * shape[2], shape[2], 1], columns = shape[across], rows = shape[up];
  const pixels = new Uint8ClampedArray(4 * columns * rows);
  const start = centre.reduce(
    (sum, at, axis) => axis === across || axis === up ? sum : sum + at * strides[axis]!,
    0,
  );
  for (let row = 0, to = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, to += 4) {
      const at = start + (rows - 1 - row) * strides[up]! + (columns - 1 - column) * strides[across]!;
      const grey = 255 * (data[at]! - low) / (high - low || 1), label = labels?.data[at] ?? 0;
      for (let c = 0; c < 3; c++) {
        pixels[to + c] = label === 0 ? grey : (1 - opacity) * Math.min(255, Math.max(0, grey)) +
          opacity * colours[(label - 1) % colours.length]![c]!;
      }
      pixels[to + 3] = 255;
    }
  }
  return pixels;
}

/** Canvases that show one point of a volume from three sides; a click in one moves the others. */
export class Planes {
  #view: View | undefined;
  #centre: number[] = [0, 0, 0];
  readonly #canvases: readonly (readonly [Plane, HTMLCanvasElement])[];

  /** Puts the canvases into an element. */
  constructor(parent: HTMLElement, readonly colours: readonly Rgb[]) {
    this.#canvases = planes.map((plane) => {
      const canvas = document.createElement("canvas");
      canvas.tabIndex = 0;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${plane.name} plane; arrow keys up and down change the slice`);
      canvas.addEventListener("pointerdown", (event) => this.#point(plane, canvas, event));
      canvas.addEventListener(
        "pointermove",
        (event) => event.buttons === 1 && this.#point(plane, canvas, event),
      );
      canvas.addEventListener("wheel", (event) => {
        event.preventDefault();
        this.#step(plane, -Math.sign(event.deltaY));
      }, { passive: false });
      canvas.addEventListener("keydown", ({ key }) => {
        if (key === "ArrowUp" || key === "ArrowDown") this.#step(plane, key === "ArrowUp" ? 1 : -1);
      });
      parent.append(canvas);
      return [plane, canvas] as const;
    });
  }

  /** Shows something; a volume of another shape from its labels on. */
  show(view: View): void {
    const { shape } = view.scan;
    if (this.#view?.scan.shape.join() !== shape.join() || (view.labels && !this.#view.labels)) {
      this.#centre = view.labels ? middleOf(view.labels) : shape.map((length) => length >> 1);
    }
    this.#view = view;
    this.#draw();
  }

  #step({ across, up }: Plane, by: number): void {
    const axis = 3 - across - up, length = this.#view?.scan.shape[axis];
    if (length === undefined) return;
    this.#centre[axis] = Math.min(length - 1, Math.max(0, this.#centre[axis]! + by));
    this.#draw();
  }

  #point({ across, up }: Plane, canvas: HTMLCanvasElement, { offsetX, offsetY }: PointerEvent): void {
    if (!this.#view) return;
    const { shape } = this.#view.scan;
    const at = (share: number, length: number) =>
      Math.min(length - 1, Math.max(0, Math.floor((1 - share) * length)));
    this.#centre[across] = at(offsetX / canvas.clientWidth, shape[across]);
    this.#centre[up] = at(offsetY / canvas.clientHeight, shape[up]);
    this.#draw();
  }

  #draw(): void {
    const view = this.#view!, { shape, spacing } = view.scan;
    const extent = Math.max(...shape.map((length, axis) => length * spacing[axis]!));
    for (const [plane, canvas] of this.#canvases) {
      const { across, up } = plane, [columns, rows] = [shape[across], shape[up]];
      const pixels = pixelsOf(view, plane, this.#centre, this.colours);
      const scale = 420 * devicePixelRatio / extent;
      canvas.width = Math.max(1, Math.round(columns * spacing[across] * scale));
      canvas.height = Math.max(1, Math.round(rows * spacing[up] * scale));
      canvas.style.width = `${canvas.width / devicePixelRatio}px`;
      const source = new OffscreenCanvas(columns, rows);
      source.getContext("2d")!.putImageData(new ImageData(pixels, columns, rows), 0, 0);
      const context = canvas.getContext("2d")!;
      context.imageSmoothingEnabled = false;
      context.drawImage(source, 0, 0, canvas.width, canvas.height);
      drawCross(context, [1 - (this.#centre[across]! + 0.5) / columns, 1 - (this.#centre[up]! + 0.5) / rows]);
      drawEnds(context, plane.ends);
    }
  }
}

function drawCross(context: CanvasRenderingContext2D, [x, y]: readonly [number, number]): void {
  const { width, height } = context.canvas;
  context.strokeStyle = "rgba(255, 255, 255, 0.45)";
  context.lineWidth = devicePixelRatio;
  context.beginPath();
  context.moveTo(x * width, 0);
  context.lineTo(x * width, height);
  context.moveTo(0, y * height);
  context.lineTo(width, y * height);
  context.stroke();
}

/** Writes the directions at the edges. */
function drawEnds(context: CanvasRenderingContext2D, [left, right, top, bottom]: Plane["ends"]): void {
  const { width, height } = context.canvas, size = 13 * devicePixelRatio;
  context.font = `bold ${size}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3 * devicePixelRatio;
  context.strokeStyle = "#000";
  context.fillStyle = "#fff";
  const places = [[left, size * 0.8, height / 2], [right, width - size * 0.8, height / 2], [
    top,
    width / 2,
    size * 0.8,
  ], [bottom, width / 2, height - size * 0.8]] as const;
  for (const [letter, x, y] of places) {
    context.strokeText(letter, x, y);
    context.fillText(letter, x, y);
  }
}
