/**
 * All commands with options of their own.
 *
 * @module
 */

import { command as calibration } from "./calibration.ts";
import type { Command } from "./command.ts";
import { command as compare } from "./compare.ts";
import { command as convert } from "./convert.ts";
import { command as doctor } from "./doctor.ts";
import { command as evaluate } from "./evaluate.ts";
import { command as exportCommand } from "./export.ts";
import { command as inspect } from "./inspect.ts";
import { command as manifest } from "./manifest.ts";
import { command as plan } from "./plan.ts";
import { command as png } from "./png.ts";
import { command as predict } from "./predict.ts";
import { command as report } from "./report.ts";
import { command as robustness } from "./robustness.ts";
import { command as sweep } from "./sweep.ts";
import { command as train } from "./train.ts";
import { command as tune } from "./tune.ts";
import { command as verify } from "./verify.ts";
import { command as watch } from "./watch.ts";

/** In the order of what a newcomer does. */
export const commands: readonly Command[] = [
  ...[doctor, manifest, verify, inspect, plan, train, watch, sweep, predict, evaluate, report, compare],
  exportCommand,
  ...[robustness, calibration, convert, png, tune],
];
