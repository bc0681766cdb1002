/**
 * Reads `--mlflow`, and makes sure of the permission it needs before there is any work.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { MlflowSetting } from "../model/mod.ts";
import { shellWord } from "../model/sweep/mod.ts";
import { CodedError } from "../tensor/mod.ts";
import { text, UsageError, type Values } from "./command.ts";

/** Address and experiment, if they were given. */
function given(values: Values): { readonly url: URL; readonly experiment: string } | undefined {
  const [address, experiment = "cmc"] = [text(values, "mlflow"), text(values, "mlflow-experiment")];
  if (address === undefined) {
    if (values["mlflow-experiment"] === undefined) return undefined;
    throw new UsageError("--mlflow-experiment goes with --mlflow", "Give the address of the server.");
  }
  const url = URL.parse(address);
  if (url && /^https?:$/.test(url.protocol) && url.username === "" && url.search + url.hash === "") {
    return { url, experiment };
  }
  throw new UsageError(`--mlflow ${address}: expected an address such as http://127.0.0.1:5000`);
}

/**
 * Where the training is to be told, if it is.
 *
 * @param warn where it is said that the server went away
 * @throws {UsageError} for what is no address; `mlflow.permission` with the command that has the permission
 */
export async function mlflowOf(
  values: Values,
  warn: (message: string) => void,
): Promise<MlflowSetting | undefined> {
  const found = given(values);
  if (found === undefined) return undefined;
  const { url, experiment } = found;
  const host = `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
  const { state } = await Deno.permissions.query({ name: "net", host });
  if (state === "granted") return { url: url.href, experiment, warn };
  const program = new URL("train.ts", import.meta.url);
  const script = program.protocol === "file:" ? fileURLToPath(program) : program.href;
  const permissions = "--allow-read --allow-write --allow-env=XDG_RUNTIME_DIR";
  throw new CodedError(
    "mlflow.permission",
    `--mlflow needs permission to reach ${host}, which train has not`,
    {
      fix: `Run\n  deno run ${permissions} --allow-net=${host} ${
        [script, ...Deno.args].map(shellWord).join(" ")
      }`,
    },
  );
}
