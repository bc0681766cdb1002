/**
 * Judging segmentations: metrics in mm, sliding-window prediction, tables and plots.
 *
 * @example One case, one table
 * ```ts
 * import { evaluateCase, table } from "./mod.ts";
 * import { ndarray } from "./deps.ts";
 *
 * const grid = { array: ndarray(Uint8Array.of(0, 1, 1), [1, 1, 3]), spacing: [1, 1, 2] as const };
 * const classes = [{ id: 1, name: "liver" }];
 * const records = evaluateCase({ case: "a", modality: "ct", prediction: grid, reference: grid, classes });
 * console.log(table(records, { rows: "class", columns: ["dice", "assd_mm"] }));
 * ```
 *
 * @module
 */

export { CodedError, type CodedErrorOptions } from "../tensor/errors.ts";
export { EvalError } from "./errors.ts";
export type { LabelClass, LabelGrid } from "./metrics/label_grid.ts";
export type { CaseRecord, ClassStatus, MetricValues } from "./metrics/case_record.ts";
export { type Metric, metricNames, metrics } from "./metrics/metrics.ts";
export type { MetricBasis, MetricRow } from "./metrics/metric_row.ts";
export type { ClassPair } from "./metrics/class_pair.ts";
export type { MaskPair, SurfaceDistances } from "./metrics/surface.ts";
export type { AreaWeightedDistances } from "./metrics/surface_elements.ts";
export type { LesionCounts } from "./metrics/lesions.ts";
export { defaultPolicy, type EvaluationPolicy, resolvePolicy } from "./metrics/policy.ts";
export { definitions, definitionsCaption } from "./metrics/definitions.ts";
export { type CaseToEvaluate, evaluateCase } from "./metrics/evaluate_case.ts";
export { squaredDistance } from "./metrics/edt.ts";
export {
  addCalibrationCounts,
  type Calibration,
  calibration,
  type CalibrationBin,
  type CalibrationCounts,
  calibrationCounts,
  calibrationOf,
  type CalibrationOptions,
} from "./metrics/calibration.ts";
export { calibrationCsv, parseCalibrationCsv } from "./report/calibration_csv.ts";
export { reliabilityDiagram } from "./plots/reliability_diagram.ts";
export { addConfusions, type Confusion, confusion } from "./metrics/confusion.ts";
export { type RunRecord, tagRecords } from "./statistics/run_record.ts";
export { pairedPermutation, type PermutationResult } from "./statistics/permutation.ts";
export { type WilcoxonResult, wilcoxonSignedRank } from "./statistics/wilcoxon.ts";
export { type MethodRanks, rankMethods, rankWithinRatios } from "./statistics/ranks.ts";
export { bootstrapInterval } from "./statistics/bootstrap.ts";
export { holm } from "./statistics/holm.ts";
export { cohenDz, rankBiserial } from "./statistics/effect_size.ts";
export { baselineOf, isBaseline } from "./statistics/baseline.ts";
export { compareMethods, type CompareOptions, type Comparison } from "./statistics/compare.ts";
export {
  average,
  type GroupKey,
  type GroupSummary,
  type MetricSummary,
  summarise,
  type Summary,
} from "./statistics/summarise.ts";
export type { TableCell, TableColumn, TableFormat, TableModel } from "./tables/table_model.ts";
export { renderTable } from "./tables/render_table.ts";
export { tableParts } from "./tables/table_parts.ts";
export {
  comparisonTable,
  comparisonTableModel,
  type ComparisonTableOptions,
} from "./tables/comparison_table.ts";
export type { RunCosts } from "./tables/costs.ts";
export { classKey, classLabels, distinctClasses, type NamedClass } from "./statistics/class_labels.ts";
export { comparisonList, comparisonListModel } from "./tables/comparison_list.ts";
export {
  type Perturbation,
  perturbationUnits,
  type RobustnessPoint,
  robustnessPoints,
  type RobustnessRecord,
  robustnessTable,
  robustnessTableModels,
  type RobustnessTableOptions,
  slopePerLevel,
} from "./tables/robustness.ts";
export { type MimeBundle, plainTable, show, withDisplay } from "./notebook.ts";
export { table, tableModel, type TableOptions } from "./tables/table.ts";
export { caseCsv, parseCaseCsv } from "./report/case_csv.ts";
export {
  type PatchPredictor,
  slidingWindow,
  type SlidingWindowInput,
  type SlidingWindowOutput,
} from "./sliding_window.ts";
export { type CsvTable, csvText, parseCsv } from "./csv.ts";
export { type LogRow, lossColumns, parseLog } from "./report/log.ts";
export { trainingPace } from "./plots/training_pace.ts";
export { learningCurves, type LearningCurvesOptions } from "./plots/learning_curves.ts";
export { classBoxPlot, type ClassBoxPlotOptions } from "./plots/class_box_plot.ts";
export { labelRatioPlot, type LabelRatioPlotOptions } from "./plots/label_ratio_plot.ts";
export { rankPlot, type RankPlotOptions } from "./plots/rank_plot.ts";
export { robustnessCurves, type RobustnessCurvesOptions } from "./plots/robustness_curves.ts";
export {
  asTrained,
  type InputRecord,
  modalityBars,
  type ModalityBarsOptions,
} from "./plots/modality_bars.ts";
export {
  missingModalitiesTable,
  missingModalitiesTableModel,
  type MissingRecord,
  type MissingTableOptions,
} from "./tables/missing_modalities.ts";
export { blandAltman } from "./plots/bland_altman.ts";
export { pairedDifference, type PairedDifferenceOptions } from "./plots/paired_difference.ts";
export { channelMap, confusionPlot } from "./plots/heat_map.ts";
export { chooseCases, type ChosenCase, type OverlayCase, overlayPlot } from "./plots/overlay.ts";
export type { ImageGrid } from "./plots/slice.ts";
export { readRunFolder, runFiles, type RunResults } from "./report/run_results.ts";
export { costsByMethod, groupRuns, type RunGroup } from "./report/run_groups.ts";
export { collectionFiles, type CollectionOptions } from "./report/collection.ts";
export { everyFormat, type SetTables, setTables, tableEndings } from "./report/set_tables.ts";
export { reportMetrics } from "./report/result_sections.ts";
export { type TestSet, testSets } from "./report/test_sets.ts";
export type { ReportCase } from "./report/viewer.ts";
export { watchHandler, type WatchSetting } from "./watch/handler.ts";
export { WatchedFolder } from "./watch/watched_folder.ts";
export type { LiveRun, RunState } from "./watch/live_run.ts";
export { reportHtml, type ReportOptions } from "./report/report.ts";
