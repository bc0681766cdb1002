/** A training of a few seconds in a process of its own, and what its folder must hold whatever befell it. */

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { isLabelled, makePhantom, writeNifti } from "../../data/mod.ts";

const root = new URL("../../", import.meta.url);

/** Writes a data set of six small cases, as files, because a run on files does all that a run can do. */
export async function writeTinyDataset(folder: string): Promise<void> {
  const phantom = makePhantom({
    cases: 6,
    modalities: ["ct", "mr"],
    misalignmentMm: 0,
    seed: 3,
    shape: [16, 16, 16],
  });
  await Deno.mkdir(folder, { recursive: true });
  const cases = [];
  for (const of of phantom.cases.filter(isLabelled)) {
    const [images, labels] = [await phantom.loadImages(of), await phantom.loadLabels(of)];
    const paths: Record<string, string> = {};
    for (const [at, { id }] of phantom.modalities.entries()) {
      paths[id] = `${of.id}_${id}.nii.gz`;
      await writeNifti(`${folder}/${paths[id]}`, images[at]!);
    }
    await writeNifti(`${folder}/${of.id}_labels.nii.gz`, labels[0]!);
    cases.push({
      id: of.id,
      subject: of.subject,
      images: paths,
      labels: { shared: `${of.id}_labels.nii.gz` },
    });
  }
  const { modalities, classes } = phantom;
  const manifest = { version: 1, name: "tiny", modalities, classes, paired: true, aligned: true, cases };
  await Deno.writeTextFile(`${folder}/dataset.json`, JSON.stringify(manifest));
}

/** Where it runs. */
const place = ["--device", "cpu", "--threads", "1"];

/** What is trained; a run that goes on knows it. */
const settings = [
  ["--preset", "unet-tiny", "--patch", "16,16,16", "--batch", "1", "--steps", "6", "--validations", "3"],
  ["--validation", "1", "--test", "1", "--labelled", "2"],
].flat();

/** How a process ended. */
export interface Ended {
  /** Exit code, 128 + number when a signal ended it. */
  readonly code: number;
  /** The signal. */
  readonly signal: Deno.Signal | null;
  /** Everything it printed, both streams. */
  readonly text: string;
  /** Milliseconds from start to end. */
  readonly ms: number;
}

/** How to start it, and what to do to it. */
export interface Treatment {
  /** A script that runs first in the process. */
  readonly preload?: URL;
  /** Variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Given the process and all it has printed so far, after each piece of output, and once at its start. */
  readonly watch?: (process: Deno.ChildProcess, printed: string) => void;
}

/** Runs `train` on the data set `data` in the folder `cwd`; `args` name a new run, or one to resume. */
export async function tinyTrain(
  cwd: string,
  data: string,
  args: readonly string[],
  { preload, env = {}, watch = () => {} }: Treatment = {},
): Promise<Ended> {
  const begin = performance.now();
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--no-check", "--quiet", "--allow-all"],
      ...(preload ? [`--preload=${preload}`] : []),
      fileURLToPath(new URL("examples/train.ts", root)),
      ...["--data", data, ...place, ...(args.includes("--resume") ? [] : settings), ...args],
    ],
    cwd,
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: cwd, ...env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  watch(process, "");
  let text = "";
  const listen = async (stream: ReadableStream<Uint8Array>) => {
    for await (
      const piece of stream.pipeThrough(new TextDecoderStream() as never) as ReadableStream<string>
    ) {
      text += piece;
      watch(process, text);
    }
  };
  const [status] = await Promise.all([process.status, listen(process.stdout), listen(process.stderr)]);
  return { code: status.code, signal: status.signal, text, ms: performance.now() - begin };
}

/** Files whose content depends on the clock. */
const timed = /(metrics\.json|timing\.csv)$/;

/** A hash of each file that a finished run must have, bit for bit; and the files that should not be there. */
export async function resultOf(folder: string): Promise<{ hashes: Map<string, string>; leftOver: string[] }> {
  const hashes = new Map<string, string>(), leftOver: string[] = [];
  const visit = async (path: string): Promise<void> => {
    for (const { name, isDirectory } of Deno.readDirSync(path)) {
      const inner = `${path}/${name}`;
      if (isDirectory) await visit(inner);
      else if (/\.tmp-|\.part|\/lock$/.test(inner)) leftOver.push(inner.slice(folder.length + 1));
      else if (!timed.test(inner)) {
        const hash = createHash("sha256").update(await Deno.readFile(inner)).digest("hex");
        hashes.set(inner.slice(folder.length + 1), hash);
      }
    }
  };
  await visit(folder);
  return { hashes, leftOver };
}

/** The files in which two results differ, or that only one of them has. */
export function differences(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name));
}

/** Whether a failure was told as it should be: a typed error that is not the program's own fault. */
export function isTyped(text: string): boolean {
  return /^error\[(?!internal)[a-z_.]+\]: /m.test(text) && !/^\s+at /m.test(text);
}

/** Calls `body` with a folder that is removed afterwards. */
export async function inTemporaryFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "cmc-hunt-" });
  try {
    return await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
