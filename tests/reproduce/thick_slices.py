"""Averages slices of a folder of cases into thick ones: python3 thick_slices.py FROM TO SLICES

Images are averaged, label maps (*_seg) take each block's most frequent value, the lower one on a tie. The slices are those
across the third stored axis; the affine keeps the place of what was averaged.
"""

import pathlib
import sys

import nibabel as nib
import numpy as np

source, target, slices = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
for path in sorted(source.glob("*/*.nii.gz")):
    image = nib.load(path)
    data = np.asarray(image.dataobj)
    depth = data.shape[2] // slices
    blocks = data[:, :, : depth * slices].reshape(*data.shape[:2], depth, slices)
    if path.name.endswith("_seg.nii.gz"):
        labels = np.unique(blocks)
        counts = np.stack([(blocks == label).sum(-1) for label in labels])
        thick = labels[counts.argmax(0)].astype(np.uint8)
    else:
        thick = blocks.mean(-1).astype(np.float32)
    affine = image.affine.copy()
    affine[:3, 3] += image.affine[:3, 2] * (slices - 1) / 2
    affine[:3, 2] *= slices
    out = target / path.parent.name / path.name
    out.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(thick, affine), out)
    print(out.name, thick.shape, [round(float(z), 3) for z in nib.load(out).header.get_zooms()])
