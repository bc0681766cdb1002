"""Compares geometry, bit for bit: python3 same_grid.py PREDICTION=INPUT ..."""

import sys

import nibabel as nib
import numpy as np

failed = 0
for pair in sys.argv[1:]:
    prediction, image = (nib.load(path) for path in pair.split("=", 1))
    same = (
        prediction.shape == image.shape
        and prediction.header.get_zooms() == image.header.get_zooms()
        and np.array_equal(prediction.affine, image.affine)
    )
    labels = np.unique(np.asarray(prediction.dataobj)).tolist()
    print("same" if same else "DIFFERENT", prediction.shape, prediction.header.get_zooms(), labels, pair.split("=")[0])
    failed += not same
sys.exit(failed > 0)
