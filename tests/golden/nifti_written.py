"""Opens what nifti_written.ts wrote with nibabel and compares it with the original:
python3 nifti_written.py IN OUT. The .like files must agree in everything, the .own files in space."""

import os
import sys
import nibabel
import numpy

source, target = sys.argv[1:]
like = own = 0
for folder, _, names in os.walk(target):
    for name in sorted(names):
        path = os.path.join(folder, name)
        stem = os.path.join(source, os.path.relpath(path, target))
        kind = ".like.nii.gz" if name.endswith(".like.nii.gz") else ".own.nii"
        stem = stem[: -len(kind)]
        original = next(stem + e for e in (".nii.gz", ".nii", ".hdr.gz", ".hdr") if os.path.exists(stem + e))
        a, b = nibabel.load(original), nibabel.load(path)
        va = a.get_fdata().reshape(a.shape[:3] if a.ndim > 2 else (*a.shape, 1))
        vb = b.get_fdata()
        if kind == ".like.nii.gz":
            assert b.header.get_data_dtype() == a.header.get_data_dtype(), path
            assert numpy.array_equal(a.affine, b.affine), path
            assert a.header.get_zooms()[:3] == b.header.get_zooms()[: len(a.header.get_zooms()[:3])], path
            assert (a.header["qform_code"], a.header["sform_code"]) == (b.header["qform_code"], b.header["sform_code"]), path
            assert numpy.array_equal(va, vb, equal_nan=True), path
            assert [e.get_content() for e in a.header.extensions] == [e.get_content() for e in b.header.extensions], path
            like += 1
        else:
            assert nibabel.aff2axcodes(b.affine) == ("R", "A", "S") or numpy.linalg.matrix_rank(a.affine) < 4, path
            a3 = nibabel.Nifti1Image(va, a.affine)
            turned = nibabel.as_closest_canonical(a3)
            assert numpy.allclose(turned.affine, b.affine, atol=1e-4), path
            assert numpy.array_equal(turned.get_fdata(), vb, equal_nan=True), path
            own += 1
print(f"{like} files written on their original grid and {own} with a header of our own agree with nibabel {nibabel.__version__}")
