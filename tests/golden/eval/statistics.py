"""Writes statistics.json: p-values of SciPy for 50 random samples of paired differences.

Run with Debian's python3-scipy (1.10): /usr/bin/python3 tests/golden/eval/statistics.py
"""

import json
import pathlib

import numpy as np
import scipy
from scipy import stats

rng = np.random.default_rng(20240)


def positive_rank_sum(d, zeros):
    """Sum of ranks of positive differences, along the last axis."""
    size = np.abs(d)
    if zeros == "drop":
        size = np.where(size == 0, np.inf, size)  # zeros rank last, so the others rank as without them
    return np.sum(np.where(d > 0, stats.rankdata(size, axis=-1), 0), axis=-1)


def sign_flips(d, statistic):
    """Exact two-sided p over all assignments of signs."""
    return stats.permutation_test(
        (d,), lambda x, axis=-1: statistic(x), permutation_type="samples",
        n_resamples=np.inf, vectorized=True, batch=4096,
    ).pvalue


def rounded(n):
    """Differences on a coarse grid: ties and zeros."""
    return np.round(rng.normal(0.5, 1.5, n)) / 8


samples = []
for _ in range(20):  # ties and zeros, few pairs: every assignment of signs
    d = rounded(int(rng.integers(6, 14)))
    samples.append({
        "differences": d.tolist(),
        "pratt": sign_flips(d, lambda x: positive_rank_sum(x, "pratt")),
        "drop": sign_flips(d, lambda x: positive_rank_sum(x, "drop")),
        "mean": sign_flips(d, lambda x: np.mean(x, axis=-1)),
    })
for _ in range(15):  # neither ties nor zeros: SciPy's own exact test
    d = rng.normal(0.2, 1, int(rng.integers(6, 51)))
    sample = {"differences": d.tolist(), "pratt": stats.wilcoxon(d, method="exact").pvalue}
    if len(d) <= 14:
        sample["mean"] = sign_flips(d, lambda x: np.mean(x, axis=-1))
    samples.append(sample)
for _ in range(15):  # ties and zeros, many pairs: SciPy's normal approximation
    d = rounded(int(rng.integers(51, 90)))
    samples.append({
        "differences": d.tolist(),
        "pratt": stats.wilcoxon(d, zero_method="pratt", method="approx").pvalue,
        "drop": stats.wilcoxon(d, zero_method="wilcox", method="approx").pvalue,
    })

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"scipy": scipy.__version__, "samples": samples}, indent=1) + "\n")
