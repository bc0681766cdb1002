"""Metrics of the masks of masks.ts by SciPy:

    deno run masks.ts | python3 metrics.py > metrics.json

Surfaces are masks minus their erosion with 6-connectivity, distances exact Euclidean transforms; surface elements have
the published areas of element_areas.json.
"""
import json
import os
import sys

import numpy as np
from scipy import ndimage as ndi

here = os.path.dirname(os.path.abspath(__file__))
areas = {tuple(a["spacing"]): np.array(a["areas"] + a["areas"][::-1]) for a in json.load(open(f"{here}/element_areas.json"))}
faces = ndi.generate_binary_structure(3, 1)
kernel = np.array([[[128, 64], [32, 16]], [[8, 4], [2, 1]]])


def surface(mask):
    return mask & ~ndi.binary_erosion(mask, faces, border_value=0)


def elements(mask):
    return ndi.correlate(np.pad(mask, ((0, 1),) * 3).astype(np.int64), kernel, mode="constant", cval=0)


def judge(sample):
    shape, spacing = sample["shape"], sample["spacing"]
    p, r = (np.array(sample[k], bool).reshape(shape) for k in ("prediction", "reference"))
    sp, sr = surface(p), surface(r)
    forward = ndi.distance_transform_edt(~sr, sampling=spacing)[sp]
    back = ndi.distance_transform_edt(~sp, sampling=spacing)[sr]
    pooled = np.concatenate([forward, back])
    tp = (p & r).sum()
    (lp, np_), (lr, nr) = (ndi.label(m, np.ones((3, 3, 3))) for m in (p, r))
    found_p, found_r = len(set(lp[r]) - {0}) / np_, len(set(lr[p]) - {0}) / nr
    area = areas[tuple(spacing)]
    ep, er = elements(p), elements(r)
    bp, br = (ep > 0) & (ep < 255), (er > 0) & (er < 255)
    dp, dr = (ndi.distance_transform_edt(~b, sampling=spacing) for b in (bp, br))
    weights = np.concatenate([area[ep[bp]], area[er[br]]])
    return {
        "dice": 2 * tp / (p.sum() + r.sum()),
        "iou": tp / (p | r).sum(),
        "precision": tp / p.sum(),
        "recall": tp / r.sum(),
        "volume_difference_ml": (int(p.sum()) - int(r.sum())) * np.prod(spacing) / 1000,
        "asd_pred_to_ref_mm": forward.mean(),
        "asd_ref_to_pred_mm": back.mean(),
        "assd_mm": pooled.mean(),
        "assd_mean_mm": (forward.mean() + back.mean()) / 2,
        "assd_area_mm": (np.concatenate([dr[bp], dp[br]]) * weights).sum() / weights.sum(),
        "hd_mm": pooled.max(),
        "hd95_mm": max(np.percentile(forward, 95), np.percentile(back, 95)),
        "nsd": (pooled <= 2).mean(),
        "lesion_f1": 0 if found_p + found_r == 0 else 2 * found_p * found_r / (found_p + found_r),
    }


print(json.dumps([{k: float(v) for k, v in judge(s).items()} for s in json.load(sys.stdin)]))
