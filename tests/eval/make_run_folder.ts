import { ndarray } from "../../eval/deps.ts";
import { caseCsv, type CaseRecord, evaluateCase, summarise } from "../../eval/mod.ts";
import type { ReportCase } from "../../eval/report/viewer.ts";
import { Random } from "../../tensor/random.ts";
import type { Triple } from "../../eval/metrics/label_grid.ts";

/** The classes of the made runs. */
export const classes = [{ id: 1, name: "liver" }, { id: 2, name: "spleen" }] as const;

const shape: Triple = [26, 30, 14], spacing: Triple = [1.5, 1.5, 3];

/** Two ellipsoids, row-major, of no particular orientation; `jitter` moves them by voxels. */
function anatomy(seed: number, jitter: number): Uint8Array {
  const random = new Random(seed), labels = new Uint8Array(shape[0] * shape[1] * shape[2]);
  const centre = [9 + random.uniform(-1, 1), 15 + random.uniform(-1, 1), 6];
  for (let x = 0, at = 0; x < shape[0]; x++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let z = 0; z < shape[2]; z++, at++) {
        const d = ((x - centre[0]! - jitter) / 6) ** 2 + ((y - centre[1]!) / 8) ** 2 +
          ((z - centre[2]!) / 4) ** 2;
        const e = ((x - 20 + jitter) / 4) ** 2 + ((y - 20) / 4) ** 2 + ((z - 8) / 3) ** 2;
        labels[at] = d < 1 ? 1 : e < 1 ? 2 : 0;
      }
    }
  }
  return labels;
}

const grid = (data: Uint8Array | Float32Array) => ({ array: ndarray(data, [...shape]), spacing });

/** A run with its predictions: better methods and more labels are nearer to the reference. */
function makeRun(method: string, labelled: number, seed: number) {
  const random = new Random(seed).child(`${method}-${labelled}`);
  const records: CaseRecord[] = [], predictions = new Map<string, ReportCase["reference"]>();
  for (let c = 0; c < 7; c++) {
    for (const modality of ["a", "b"]) {
      const reach = (method === "cmc" ? 1.1 : 2.2) - labelled * 0.1 + (modality === "b" ? 0.6 : 0);
      const prediction = grid(anatomy(c, reach * random.uniform(0.5, 1)));
      predictions.set(`case_${c} ${modality}`, prediction);
      records.push(...evaluateCase({
        case: `case_${c}`,
        modality,
        prediction,
        reference: grid(anatomy(c, 0)),
        classes,
      }));
    }
  }
  return { method, labelled, seed, name: `${method}-${labelled}-s${seed}`, records, predictions };
}

/** Writes six run folders (two methods at one label ratio, three seeds) below `root`, as a training leaves them. */
export async function makeRunFolders(root: string): Promise<{ folders: string[]; cases: ReportCase[] }> {
  const runs = ["supervised", "cmc"].flatMap((method) => [0, 1, 2].map((seed) => makeRun(method, 2, seed)));
  const folders: string[] = [];
  for (const run of runs) {
    const folder = `${root}/${run.name}`;
    await Deno.mkdir(folder, { recursive: true });
    const weights = run.method === "cmc" ? { csc: 0.1, cac: 1 } : { csc: 0, cac: 0 };
    const config = {
      method: "cmc",
      methodLabel: run.method,
      profile: "cmc",
      preset: "unet-tiny",
      patch: [16, 16, 16],
      steps: 100,
      weights,
    };
    const ids = (from: number, n: number) => Array.from({ length: n }, (_, i) => `train_${from + i}`);
    const log = [
      "step,lr,loss,supervised,csc,cac,val_dice",
      ...Array.from(
        { length: 50 },
        (_, i) =>
          `${i + 1},0.001,${(1.2 * Math.exp(-i / 20) + 0.02 * run.seed).toFixed(4)},${
            Math.exp(-i / 20).toFixed(4)
          },,${i > 20 ? "0.2" : ""},${i % 10 === 9 ? (0.5 + i / 120).toFixed(4) : ""}`,
      ),
    ];
    const files: Record<string, string> = {
      "config.json": JSON.stringify({ ...config, seed: run.seed, dataset: { name: "made", classes } }),
      "split.json": JSON.stringify({
        labelled: ids(0, 2),
        unlabelled: ids(2, 8),
        validation: ["val_0"],
        test: Array.from({ length: 7 }, (_, c) => `case_${c}`),
        sha256: "0".repeat(64),
      }),
      "env.json": JSON.stringify({ deno: { deno: "2.9.6" }, device: "cpu <script>alert(1)</script>" }),
      "log.csv": log.join("\n") + "\n",
      "cases.csv": caseCsv(run.records),
      "metrics.json": JSON.stringify({
        test: summarise(run.records),
        cost: { parameters: 1e6, trainable: 1e6, multiplyAdds: 2e9, peakBytes: 3e8, seconds: 120 + run.seed },
      }),
    };
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, content);
    }
    folders.push(folder);
  }
  const cases = [0, 1, 2, 3, 4, 5, 6].flatMap((c) =>
    ["a", "b"].map((modality): ReportCase => {
      const labels = anatomy(c, 0), random = new Random(c);
      const image = Float32Array.from(labels, (l) =>
        (modality === "a" ? l * 40 : 90 - 35 * l) + random.normal(0, 6));
      return {
        case: `case_${c}`,
        modality,
        image: grid(image),
        reference: grid(labels),
        predictions: new Map(
          runs.map((run) => [run.name, run.predictions.get(`case_${c} ${modality}`)!]),
        ),
      };
    })
  );
  return { folders, cases };
}
