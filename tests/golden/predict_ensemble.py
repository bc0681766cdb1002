"""Holds `predict` on many cases with two checkpoints against the average done by hand.

    python3 tests/golden/predict_ensemble.py DATA [CASES]

DATA has folders a, b and labels with files of one name a case, such as hippocampus in two contrasts. Two networks are
trained for some steps; then CASES (40) cases, one of them truncated, are segmented by each network alone and by both.
Needs numpy, nibabel and deno.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import nibabel
import numpy

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
data, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 40
classes = ["background", "anterior", "posterior"]
faults = []


def check(right, what):
    print("ok   " if right else "FAULT", what)
    if not right:
        faults.append(what)


def run(task, *args):
    """Runs a command; gives exit code, output, and the most memory it had, in MiB."""
    command = ["deno", "run", "-q", "--no-check", "--allow-read", "--allow-write", f"{root}/examples/{task}.ts", *args]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    return os.waitstatus_to_exitcode(status), text, usage.ru_maxrss / 1024


def manifest(folder, names):
    with open(f"{folder}/dataset.json", "w") as file:
        json.dump({
            "version": 1, "name": "two contrasts", "paired": True, "aligned": True,
            "modalities": [{"id": "a", "kind": "mr"}, {"id": "b", "kind": "mr"}],
            "classes": [{"id": 1, "name": "anterior"}, {"id": 2, "name": "posterior"}],
            "cases": [{"id": n, "subject": n, "images": {m: f"{m}/{n}.nii.gz" for m in "ab"},
                       "labels": {"shared": f"labels/{n}.nii.gz"}} for n in names],
        }, file)


def read(path):
    return numpy.asarray(nibabel.load(path).dataobj, dtype=numpy.float64)


with tempfile.TemporaryDirectory() as work:
    names = sorted(f[:-7] for f in os.listdir(f"{data}/a") if f.endswith(".nii.gz"))
    training, cases = names[count:count + 20], names[:count]
    for part, chosen in ("training", training), ("cases", cases):
        for kind in "a", "b", "labels":
            os.makedirs(f"{work}/{part}/{kind}")
            for name in chosen:
                shutil.copy(f"{data}/{kind}/{name}.nii.gz", f"{work}/{part}/{kind}")
        manifest(f"{work}/{part}", chosen)
    truncated = f"{work}/cases/b/{cases[7]}.nii.gz"
    with open(truncated, "r+b") as file:
        file.truncate(os.path.getsize(truncated) // 2)

    common = ["--device", "cpu", "--threads", "2"]
    checkpoints = []
    for seed in "0", "1":
        code, text, _ = run("train", "--data", f"{work}/training", "--out", f"{work}/runs", "--name", seed, "--seed", seed,
                            "--preset", "unet-tiny", "--patch", "32,48,40", "--batch", "1",
                            "--method", "supervised", "--steps", "12", "--validation", "1", "--test", "1", "--validations", "1", "--label-ratio", "50%", *common)
        assert code == 0, text
        checkpoints.append(f"{work}/runs/{seed}/checkpoints/best.safetensors")

    sets = {"first": checkpoints[:1], "second": checkpoints[1:], "both": checkpoints}
    for name, given in sets.items():
        options = [word for path in given for word in ("--checkpoint", path)]
        code, text, peak = run("predict", *options, "--data", f"{work}/cases", "--out", f"{work}/{name}",
                               "--probabilities", *common)
        said = int(re.search(r"^memory: about (\d+) MiB at most.*$", text, re.M).group(1))
        print(f"{name}: exit code {code}; {re.search(r'^memory.*$', text, re.M).group(0)}; peak {peak:.0f} MiB")
        check(abs(peak - said) <= 0.2 * said, f"{name}: the peak is within 20 % of what was said ({peak / said - 1:+.1%})")
        check(code == 1, f"{name}: exit code 1")
        check(f"{count - 1} cases segmented, 0 were there already, 1 failed" in text, f"{name}: {count - 1} segmented, 1 failed")
        check(re.search(rf"^case {cases[7]}: error\[gzip", text, re.M) is not None, f"{name}: {cases[7]} is reported")
        written = {f for f in os.listdir(f"{work}/{name}")}
        check(len(written) == (count - 1) * 3 * 4, f"{name}: {len(written)} files")

    worst, differing, voxels, apart, ties = 0.0, 0, 0, 0.0, 0
    for case in cases[:7] + cases[8:]:
        for view in "", "_a", "_b":
            each = [numpy.stack([read(f"{work}/{s}/{case}{view}_p_{c}.nii.gz") for c in classes]) for s in sets]
            first, second, both = each
            mean = (first + second) / 2
            worst = max(worst, abs(both - mean).max())
            apart = max(apart, abs(first - second).max())
            labels = nibabel.load(f"{work}/both/{case}{view}.nii.gz")
            scan = nibabel.load(f"{work}/cases/a/{case}.nii.gz")
            found = numpy.asarray(labels.dataobj)
            wrong = found != mean.argmax(0)
            top = numpy.sort(mean, 0)
            ties += int((wrong & (top[-1] - top[-2] < 2e-5)).sum())
            differing += int(wrong.sum())
            voxels += found.size
            if labels.shape != scan.shape or not numpy.array_equal(labels.affine, scan.affine):
                check(False, f"{case}{view}: another grid than its scan")
    print(f"the two networks differ by up to {apart:.3f}")
    check(worst <= 1e-5, f"both is the average of first and second to {worst:.1e} (1e-5)")
    check(differing == ties, f"label maps are the most probable class: {differing} of {voxels} voxels differ, {ties} of them ties")

print(f"{len(faults)} faults")
sys.exit(1 if faults else 0)
