import { d3 } from "../deps.ts";
import { type CalibrationBin, type CalibrationCounts, calibrationOf } from "../metrics/calibration.ts";
import { axes, color, dash, figure, legend, legendWidth, marker, type PanelBox } from "./figure.ts";

/**
 * Reliability diagram as SVG: for voxels by how sure the network was of their class, the share that is right; a line a
 * modality with its expected calibration error (ECE). On the diagonal confidence is accuracy; below it the network is
 * too sure. Bins of fewer than 1 in 10,000 of the voxels are left out of the lines, not of the ECE.
 *
 * @param counts by modality, with at least one voxel each
 * @throws {EvalError} `eval.calibration` for a modality without voxels
 */
export function reliabilityDiagram(counts: ReadonlyMap<string, CalibrationCounts>): string {
  const lines = [...counts].map(([modality, own], index) => {
    const { ece, bins } = calibrationOf(own), voxels = d3.sum(own.n);
    return {
      label: `${modality}, ECE ${ece.toFixed(3)}`,
      index,
      bins: bins.filter((b) => b.n * 1e4 >= voxels && b.n > 0),
    };
  });
  const { svg, finish } = figure(
    "Calibration",
    372 + legendWidth(lines),
    350,
    "accuracy by confidence of the predicted class",
  );
  const box: PanelBox = { left: 70, right: 340, top: 36, bottom: 306 };
  const x = d3.scaleLinear([0, 1], [box.left, box.right]), y = d3.scaleLinear([0, 1], [box.bottom, box.top]);
  axes(svg, box, x, y, { x: "confidence", y: "accuracy" });
  svg.append("line").attr("x1", x(0)).attr("y1", y(0)).attr("x2", x(1)).attr("y2", y(1)).attr(
    "stroke",
    "#444",
  )
    .attr("stroke-dasharray", "2 3");
  for (const { label, index, bins } of lines) {
    const g = svg.append("g");
    g.append("title").text(label);
    const line = d3.line<CalibrationBin>().x((b) => x(b.confidence!)).y((b) => y(b.accuracy!)).digits(3);
    g.append("path").attr("d", line(bins)).attr("fill", "none").attr("stroke", color(index)).attr(
      "stroke-width",
      1.8,
    )
      .attr("stroke-dasharray", dash(index) || null);
    for (const { confidence, accuracy, n } of bins) {
      g.append("path").attr("transform", `translate(${x(confidence!)},${y(accuracy!)})`).attr(
        "d",
        marker(index),
      )
        .attr("fill", color(index)).append("title")
        .text(
          `${label}: confidence ${confidence!.toFixed(3)}, accuracy ${accuracy!.toFixed(3)}, ${n} voxels`,
        );
    }
  }
  legend(svg, 356, box.top + 8, lines);
  return finish();
}
