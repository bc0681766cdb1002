import type { CaseRecord } from "../metrics/case_record.ts";
import { d3 } from "../deps.ts";
import { EvalError } from "../errors.ts";
import { classLabels, distinctClasses } from "../statistics/class_labels.ts";
import { axes, color, figure, flow, legend, marker, type PanelBox } from "./figure.ts";

/**
 * Bland–Altman plot of volumes as SVG: difference against mean of predicted and reference volume, with the
 * bias and the limits of agreement (bias ± 1.96 sd); a marker a class.
 *
 * Cases where the class is in neither volume are left out.
 *
 * @throws {EvalError} `eval.plot` with fewer than two structures
 */
export function blandAltman(records: readonly CaseRecord[]): string {
  const shown = records.filter((r) => r.volume_difference_ml !== null);
  if (shown.length < 2) {
    throw new EvalError("eval.plot", `limits of agreement need two structures; got ${shown.length}`, {
      fix: "Evaluate more cases.",
    });
  }
  const bias = d3.mean(shown, (r) => r.volume_difference_ml!)!;
  const spread = 1.96 * d3.deviation(shown, (r) => r.volume_difference_ml!)!;
  const nameOf = classLabels(shown), classes = distinctClasses(shown).map(nameOf);
  const entries = classes.map((label, index) => ({ label, index }));
  const box: PanelBox = { left: 70, right: 410, top: 40, bottom: 290 };
  const width = box.right + 110, rowWidth = box.right - box.left + 60; // beside the axes stand the limits
  const { svg, finish } = figure(
    "Bland–Altman plot of volumes",
    width,
    345 + flow(classes, rowWidth).height,
    `bias ${bias.toFixed(3)} ml, limits of agreement ${(bias - spread).toFixed(3)} to ${
      (bias + spread).toFixed(3)
    } ml`,
  );
  const size = (r: CaseRecord): number => (r.volume_pred_ml + r.volume_ref_ml) / 2;
  const reach = Math.max(spread, d3.max(shown, (r) => Math.abs(r.volume_difference_ml! - bias))!) * 1.1 || 1;
  const x = d3.scaleLinear([0, d3.max(shown, size)! * 1.05], [box.left, box.right]).nice();
  const y = d3.scaleLinear([bias - reach, bias + reach], [box.bottom, box.top]).nice();
  axes(svg, box, x, y, { x: "mean of both volumes (ml)", y: "prediction − reference (ml)" });
  for (
    const [value, text] of [[bias, "bias"], [bias - spread, "−1.96 sd"], [bias + spread, "+1.96 sd"]] as const
  ) {
    svg.append("line").attr("x1", box.left).attr("x2", box.right).attr("y1", y(value)).attr("y2", y(value))
      .attr("stroke", "#111").attr("stroke-dasharray", text === "bias" ? null : "6 4");
    svg.append("text").attr("x", box.right + 4).attr("y", y(value)).attr("dy", "0.32em")
      .text(`${text} ${value.toFixed(2).replace("-", "−")}`);
  }
  for (const r of shown) {
    const index = classes.indexOf(nameOf(r));
    svg.append("path").attr("transform", `translate(${x(size(r))},${y(r.volume_difference_ml!)})`)
      .attr("d", marker(index)).attr("fill", color(index)).attr("fill-opacity", 0.75)
      .append("title").text(
        `${r.case}, ${r.modality}, ${nameOf(r)}: ${r.volume_difference_ml!.toFixed(3)} ml`,
      );
  }
  legend(svg, box.left, box.bottom + 56, entries, rowWidth);
  return finish();
}
