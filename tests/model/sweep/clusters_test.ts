import assert from "node:assert/strict";
import {
  cellsEnded,
  cellsInQueue,
  cellsOf,
  kubernetesJob,
  parseJob,
  parseJobs,
  parseSweep,
  sacctArguments,
  slurmScript,
} from "../../../model/sweep/mod.ts";

const sweep = parseSweep({
  methods: ["supervised", "cmc"],
  slurm: { time: "04:00:00", partition: "gpu", cpus: 4, memory: "8G", more: ["--constraint=a100"] },
  kubernetes: { claim: "scans", cpus: "4", limits: { "nvidia.com/gpu": "1" } },
});
const cells = cellsOf(sweep, "/");
const place = { program: "/cmc/examples/train.ts", folder: "/data/my sweep 100%", device: "cpu" };

/** Runs a shell script that writes what its commands were given instead of running them. */
async function dryRun(script: string, task: number): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const text = script.replaceAll(/ > \S+ 2>&1/g, "").replaceAll(/ > '[^']+' 2>&1/g, "");
    await Deno.writeTextFile(`${folder}/script.sh`, text);
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: [`${folder}/script.sh`],
      env: { SLURM_ARRAY_TASK_ID: `${task}`, JOB_COMPLETION_INDEX: `${task}` },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the script of an array asks for what the file says, and each task trains its own cell", async () => {
  const setting = { name: "my sweep", slurm: sweep.slurm, deno: "echo", place, throttle: 3 };
  const script = slurmScript(cells, setting);
  for (
    const line of [
      ...[
        '--job-name="my sweep"',
        "--array=0-1%3",
        "--time=04:00:00",
        "--partition=gpu",
        "--cpus-per-task=4",
      ],
      ...["--mem=8G", "--constraint=a100", "--requeue", "--signal=B:USR1@120", "--open-mode=append"],
      '--output="/data/my sweep 100%%/slurm/%A_%a.out"',
    ]
  ) assert.ok(script.split("\n").includes(`#SBATCH ${line}`), line);
  assert.doesNotMatch(script, /--account|--gres/);
  const printed = await dryRun(script, 1);
  assert.match(printed, /--allow-write=\/data\/my sweep 100% \/cmc\/examples\/train\.ts --config/);
  assert.match(printed, /--name cmc-seed0 --once --device cpu --threads 4\n$/);
  assert.match(script, /> '\/data\/my sweep 100%\/logs\/cmc-seed0\.log' 2>&1 & ;;/);
  assert.doesNotMatch(printed, /v8-flags/);
  const fast = await dryRun(slurmScript(cells, { ...setting, place: { ...place, isFast: true } }), 1);
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../../deno.json", import.meta.url)));
  const [flags] = tasks.fast.command.match(/--v8-flags=\S+/);
  assert.ok(fast.includes(`run ${flags} --no-prompt`), fast);
});

Deno.test("a task saves and is requeued before its time limit, and saves and ends when it is cancelled", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // A training that takes its time to save when it is told to end.
    const training = `${folder}/training.sh`;
    await Deno.writeTextFile(
      training,
      `trap 'sleep 0.3; echo saved >> ${folder}/done; exit 143' TERM\ntouch ${folder}/up\nsleep 20 & wait\n`,
    );
    await Deno.writeTextFile(`${folder}/scontrol`, `#!/bin/bash\necho "$@" >> ${folder}/done\n`);
    await Deno.chmod(`${folder}/scontrol`, 0o755);
    const script = slurmScript(cells, { name: "x", slurm: sweep.slurm, deno: "bash", place })
      .replace(/^1\) .*$/m, `1) bash ${training} & ;;`);
    await Deno.writeTextFile(`${folder}/script.sh`, script);
    for (const [signal, expected] of [["SIGUSR1", "saved\nrequeue 7_1\n"], ["SIGTERM", "saved\n"]] as const) {
      await Deno.writeTextFile(`${folder}/done`, "");
      await Deno.remove(`${folder}/up`).catch(() => {});
      const process = new Deno.Command("bash", {
        args: [`${folder}/script.sh`],
        env: {
          ...{ SLURM_ARRAY_TASK_ID: "1", SLURM_ARRAY_JOB_ID: "7" },
          PATH: `${folder}:${Deno.env.get("PATH")}`,
        },
      }).spawn();
      while (!await Deno.stat(`${folder}/up`).catch(() => false)) {
        await new Promise((go) => setTimeout(go, 10));
      }
      process.kill(signal);
      assert.equal((await process.status).code, 143);
      assert.equal(await Deno.readTextFile(`${folder}/done`), expected, signal);
    }
    // A signal that comes before the training has begun reaches it all the same.
    await Deno.writeTextFile(`${folder}/early.sh`, script.replace(/^case/m, "kill -TERM $$$$\ncase"));
    const { code } = await new Deno.Command("bash", {
      args: [`${folder}/early.sh`],
      env: { SLURM_ARRAY_TASK_ID: "1", SLURM_ARRAY_JOB_ID: "7" },
      stderr: "inherit",
    }).output();
    assert.equal(code, 143);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what squeue and sacct print becomes the state of cells, that of the newest array", () => {
  const jobs = [{ job: "9", cells: ["a", "b", "c"] }, { job: "12", cells: ["b"] }];
  const squeue = "9_0|RUNNING\n12_0|PENDING\n9_1|COMPLETING\n9_2|COMPLETED\n77_0|RUNNING\n";
  assert.deepEqual([...cellsInQueue(jobs, squeue)], [["a", "running"], ["b", "queued"]]);
  const sacct = "9_0|RUNNING\n9_1|CANCELLED by 0\n9_2|OUT_OF_MEMORY\n12_0|COMPLETED\n";
  assert.deepEqual([...cellsEnded(jobs, sacct)], [["c", "OUT_OF_MEMORY"]]);
  assert.equal(sacctArguments(jobs)[1], "9,12");
  assert.deepEqual([parseJob("12\n"), parseJob("12;cluster\n")], ["12", "12"]);
  assert.throws(() => parseJob("queued"), { code: "sweep.slurm" });
  assert.deepEqual(parseJobs(jobs), jobs);
  assert.throws(() => parseJobs([{ job: 9 }]), { code: "sweep.slurm" });
});

Deno.test("a Kubernetes job has an index for every cell and mounts the folder where it lies here", async () => {
  const job = kubernetesJob(cells, {
    name: "My Sweep!",
    kubernetes: sweep.kubernetes,
    place,
    throttle: 1,
  }) as {
    metadata: { name: string };
    spec: Record<string, unknown> & { template: { spec: { containers: Record<string, unknown>[] } } };
  };
  assert.equal(job.metadata.name, "my-sweep");
  assert.deepEqual([job.spec.completionMode, job.spec.completions, job.spec.parallelism], ["Indexed", 2, 1]);
  const [container] = job.spec.template.spec.containers;
  assert.deepEqual(container!.volumeMounts, [{ name: "sweep", mountPath: "/data" }]);
  const limits = { "nvidia.com/gpu": "1", cpu: "4" };
  assert.deepEqual(container!.resources, { requests: limits, limits });
  const script = (container!.command as string[])[2]!.replaceAll("exec deno", "echo");
  assert.match(await dryRun(script, 0), /--name supervised-seed0 --once/);
  assert.throws(() => kubernetesJob(cells, { name: "x", kubernetes: undefined, place }), {
    code: "sweep.kubernetes",
  });
});
