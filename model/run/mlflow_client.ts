/**
 * The few calls of MLflow's REST interface that a training needs (https://mlflow.org/docs/latest/rest-api.html).
 *
 * @module
 */

import { CodedError } from "../../tensor/errors.ts";

/** A number of a step; `timestamp` in milliseconds since 1970. */
export interface MlflowMetric {
  readonly key: string;
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
}

/** How a run stands. */
export type MlflowStatus = "RUNNING" | "FINISHED" | "FAILED" | "KILLED";

/** After so many milliseconds a server counts as gone. */
const patience = 10_000;

/** A server of MLflow. */
export class MlflowClient {
  readonly #url: string;

  /** `url` such as `http://127.0.0.1:5000`. */
  constructor(url: string) {
    this.#url = url.replace(/\/+$/, "");
  }

  /** The id of an experiment, which is made where there is none. */
  async experiment(name: string): Promise<string> {
    const query = `experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`;
    const found = await this.#call(query, undefined, "RESOURCE_DOES_NOT_EXIST");
    if (found === null) return text(await this.#call("experiments/create", { name }), "experiment_id");
    return text(part(found, "experiment"), "experiment_id");
  }

  /** Makes a run, and gives its id. */
  async createRun(experiment: string, name: string): Promise<string> {
    const made = await this.#call("runs/create", {
      experiment_id: experiment,
      run_name: name,
      start_time: Date.now(),
    });
    return text(part(part(made, "run"), "info"), "run_id");
  }

  /** Adds numbers, at most 1000 at once. */
  async logMetrics(run: string, metrics: readonly MlflowMetric[]): Promise<void> {
    await this.#call("runs/log-batch", { run_id: run, metrics });
  }

  /** Adds settings, 100 at once. */
  async logParams(run: string, params: readonly { key: string; value: string }[]): Promise<void> {
    for (let at = 0; at < params.length; at += 100) {
      await this.#call("runs/log-batch", { run_id: run, params: params.slice(at, at + 100) });
    }
  }

  /** Says how a run stands. */
  async update(run: string, status: MlflowStatus): Promise<void> {
    const ended = status === "RUNNING" ? {} : { end_time: Date.now() };
    await this.#call("runs/update", { run_id: run, status, ...ended });
  }

  /** `null` for an answer with the error code that is allowed. */
  async #call(path: string, body?: unknown, allowed?: string): Promise<unknown> {
    const url = `${this.#url}/api/2.0/mlflow/${path}`;
    let answer: string, isGood: boolean, status: number;
    try {
      const response = await fetch(url, {
        redirect: "error",
        signal: AbortSignal.timeout(patience),
        ...(body !== undefined && {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        }),
      });
      [answer, isGood, status] = [await response.text(), response.ok, response.status];
    } catch (cause) {
      throw new CodedError("mlflow.unreachable", `no answer from ${url}: ${(cause as Error).message}`, {
        cause,
        fix: "Start the server (mlflow server), or check the address after --mlflow.",
      });
    }
    const said = parsed(answer);
    if (!isGood && allowed !== undefined && (said as { error_code?: unknown })?.error_code === allowed) {
      return null;
    }
    if (isGood && said !== undefined) return said;
    throw new CodedError("mlflow.refused", `${url} answered ${status}: ${answer.slice(0, 300)}`, {
      fix: "Check that the address after --mlflow is that of an MLflow server, and what it says.",
    });
  }
}

function parsed(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return undefined; // told by the caller, with the answer
  }
}

function part(from: unknown, key: string): unknown {
  const value = (from as Record<string, unknown> | null)?.[key];
  if (value !== undefined) return value;
  throw new CodedError("mlflow.answer", `the answer of the MLflow server has no ${key}`, {
    fix: "Check that the address after --mlflow is that of an MLflow server.",
  });
}

const text = (from: unknown, key: string) => String(part(from, key));
