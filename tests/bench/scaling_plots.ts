/** The plots and the table of {@link measureScaling}. */

import { linePlot, type PlotSeries } from "./line_plot.ts";
import { linearFit } from "./linear_fit.ts";
import type { Scaling, ScalingPoint } from "./scaling.ts";
import { markdownTable, short } from "./table.ts";

const samples = 2;
const voxelsOf = ({ x }: ScalingPoint) => samples * x ** 3;
const mebibytes = ({ peakBytes }: ScalingPoint) => peakBytes / 2 ** 20;

/** Peak memory in MiB against voxels of a batch. */
export function memoryFit({ patch }: Scaling) {
  return linearFit(patch.map((p) => [voxelsOf(p), mebibytes(p)] as const));
}

/** A power law through the last point. */
function power(points: readonly ScalingPoint[], exponent: number, label: string): PlotSeries {
  const last = points.at(-1)!;
  return {
    label,
    points: points.map(({ x }) => [x, last.ms * (x / last.x) ** exponent] as const),
    isModel: true,
  };
}

/** SVG by file name. */
export function scalingPlots(scaling: Scaling, device: string): Record<string, string> {
  const { patch, channels, threads } = scaling;
  const milliseconds = { label: "time of a step (ms)", isLogarithmic: true };
  const measured = (label: string, points: readonly ScalingPoint[]): PlotSeries => ({
    label,
    points: points.map(({ x, ms }) => [x, ms] as const),
  });
  const { slope, intercept } = memoryFit(scaling);
  const voxels = patch.map(voxelsOf);
  const plots: Record<string, string> = {
    patch: linePlot({
      title: `U-Net step against patch size, ${device}`,
      x: { label: "edge of the patch (voxels)", isLogarithmic: true },
      y: milliseconds,
      series: [measured("8/16/32, N = 2", patch), power(patch, 3, "∝ voxels")],
    }),
    channels: linePlot({
      title: `U-Net step against channels, ${device}`,
      x: { label: "channels of the first level", isLogarithmic: true },
      y: milliseconds,
      series: [measured("c/2c/4c, 32³, N = 2", channels), power(channels, 2, "∝ channels²")],
    }),
    memory: linePlot({
      title: `Peak memory of a U-Net step, ${device}`,
      x: { label: "voxels of the batch", isLogarithmic: false },
      y: { label: "tensors (MiB)", isLogarithmic: false },
      series: [
        { label: "8/16/32, N = 2", points: patch.map((p) => [voxelsOf(p), mebibytes(p)] as const) },
        {
          label: `${short(intercept)} MiB + ${short(slope * 2 ** 20)} bytes a voxel`,
          points: voxels.map((v) => [v, intercept + slope * v] as const),
          isModel: true,
        },
      ],
    }),
  };
  const series = Object.entries(threads);
  if (series.some(([, points]) => points.length > 1)) {
    plots.threads = linePlot({
      title: "Speed of a step against threads",
      x: { label: "threads", isLogarithmic: false },
      y: { label: "times as fast as one thread", isLogarithmic: false },
      series: [
        ...series.map(([label, points]) => ({
          label,
          points: points.map(({ x, ms }) => [x, points[0]!.ms / ms] as const),
        })),
        { label: "ideal", points: series[0]![1].map(({ x }) => [x, x] as const), isModel: true },
      ],
    });
  }
  return plots;
}

/** The numbers behind the plots. */
export function scalingTables(scaling: Scaling): string {
  const { slope, intercept, r2 } = memoryFit(scaling);
  const line = ({ x, ms, peakBytes }: ScalingPoint) => [`${x}`, short(ms), short(peakBytes / 2 ** 20)];
  const threads = Object.entries(scaling.threads).map(([name, points]) => [
    name,
    ...points.map(({ ms }) => `${short(ms)} (${short(points[0]!.ms / ms)}×)`),
  ]);
  return [
    "## U-Net 8/16/32, N = 2, against the edge of the patch",
    markdownTable(["voxels", "ms", "peak MiB"], scaling.patch.map(line)),
    `Peak memory: ${intercept.toFixed(2)} MiB + ${(slope * 2 ** 20).toFixed(1)} bytes a voxel, ` +
    `R² = ${r2.toFixed(5)}.`,
    "## U-Net c/2c/4c, 32³, N = 2, against c",
    markdownTable(["channels", "ms", "peak MiB"], scaling.channels.map(line)),
    ...threads.length > 0
      ? [
        "## Steps against threads, ms",
        markdownTable(["step", ...threads[0]!.slice(1).map((_, i) => `${i + 1}`)], threads),
      ]
      : [],
  ].join("\n\n") + "\n";
}
